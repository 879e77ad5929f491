package login

import "testing"

func TestParseHost(t *testing.T) {
	const hub = "registry-1.docker.io"
	for arg, want := range map[string]string{
		"docker.io": hub, "https://index.docker.io/v1/": hub, hub: hub,
		"localhost": "localhost", "localhost:5000": "localhost:5000",
		"https://r.example.com/": "r.example.com", "http://r.example.com": "r.example.com",
		"r": "", "r.example.com/a": "", "a b": "", "": "", "r.example.com:x": "", "user@r.example.com": "",
	} {
		ref, err := parseHost(arg)
		if (err == nil) != (want != "") || err == nil && ref.Host() != want {
			t.Errorf("%q: got %q, error %v, want %q", arg, ref.Host(), err, want)
		}
	}
}
