package login

import (
	"testing"
)

func TestNamesOfRegistries(t *testing.T) {
	for arg, want := range map[string]string{
		"docker.io": "registry-1.docker.io", "https://index.docker.io/v1/": "registry-1.docker.io", "registry-1.docker.io": "registry-1.docker.io",
		"localhost": "localhost", "localhost:5000": "localhost:5000", "https://r.example.com/": "r.example.com", "http://r.example.com": "r.example.com",
		"r": "", "r.example.com/a": "", "a b": "", "": "", "r.example.com:x": "", "user@r.example.com": "",
	} {
		ref, err := parseHost(arg)
		if (err == nil) != (want != "") || err == nil && ref.Host() != want {
			t.Errorf("%q: got %q, error %v, want %q", arg, ref.Host(), err, want)
		}
	}
}
