package cli

import "testing"

func TestParseRegistry(t *testing.T) {
	const hub = "registry-1.docker.io"
	for arg, want := range map[string]string{
		"docker.io": hub, "https://index.docker.io/v1/": hub, hub: hub, "https://" + hub + "/v2/": hub,
		"localhost": "localhost", "localhost:5000": "localhost:5000", "[::1]:5000": "[::1]:5000",
		"https://r.example.com/": "r.example.com", "http://r.example.com": "r.example.com",
		"https://r.example.com:5000/v2/": "r.example.com:5000", "r.example.com/v2": "r.example.com",
		"docker://r.example.com": "r.example.com",
		"r":                      "", "r.example.com/a": "", "a b": "", "": "", "r.example.com:x": "", "user@r.example.com": "",
		"https://r.example.com/v2/a": "", "https://": "", "ftp://r.example.com": "", "oci:r.example.com": "",
		"./r.example.com": "", "monday.tar": "", "https://user:pass@r.example.com": "",
	} {
		ref, err := ParseRegistry(arg)
		if (err == nil) != (want != "") || err == nil && ref.Host() != want {
			t.Errorf("%q: got %q, error %v, want %q", arg, ref.Host(), err, want)
		}
	}
}

func TestParseNamespace(t *testing.T) {
	for arg, want := range map[string][2]string{
		"r.example.com":             {"r.example.com", ""},
		"r.example.com/":            {"r.example.com", ""},
		"r.example.com/team/app":    {"r.example.com", "team/app"},
		"r.example.com/v2":          {"r.example.com", "v2"},
		"https://r.example.com/v2/": {"r.example.com", ""},
		"https://r.example.com/x":   {"r.example.com", "x"},
		"docker://docker.io/x":      {"docker.io", "x"},
		"registry-1.docker.io":      {"docker.io", ""},
	} {
		ref, prefix, err := ParseNamespace(arg)
		if err != nil || ref.Domain != want[0] || prefix != want[1] {
			t.Errorf("%q: got %q and %q, error %v", arg, ref.Domain, prefix, err)
		}
	}
}
