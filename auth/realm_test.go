package auth

import (
	"net/url"
	"testing"
)

func TestCheckRealm(t *testing.T) {
	tests := []struct {
		registry, realm string
		allowed         bool
	}{
		{"https://ghcr.io", "https://ghcr.io/token", true},
		{"https://registry-1.docker.io", "https://auth.docker.io/token", true},
		{"https://ghcr.io", "http://ghcr.io/token", false},
		{"http://registry.example.com", "http://auth.example.com/token", true},
		{"https://ghcr.io", "https://127.0.0.1/token", false},
		{"https://ghcr.io", "https://10.1.2.3/token", false},
		{"https://ghcr.io", "https://169.254.169.254/latest", false},
		{"https://ghcr.io", "https://100.64.0.1/", false},
		{"https://ghcr.io", "https://[::1]/token", false},
		{"https://ghcr.io", "https://[fe80::1%25eth0]/token", false},
		{"https://ghcr.io", "https://[::ffff:192.168.0.1]/token", false},
		{"https://ghcr.io", "https://0.0.0.0/token", false},
		{"https://ghcr.io", "https://2130706433/token", false},
		{"https://ghcr.io", "https://127.1/token", false},
		{"https://ghcr.io", "https://localhost/token", false},
		{"https://ghcr.io", "https://evil.localhost./token", false},
		{"https://ghcr.io", "https://metadata/token", false},
		{"https://8.8.8.8", "https://192.168.0.1/token", false},
		{"https://8.8.8.8", "https://9.9.9.9/token", true},
		{"http://localhost:5000", "http://localhost:5001/token", true},
		{"https://127.0.0.1:5000", "http://127.0.0.1:5001/token", true},
		{"https://[::1]:5000", "http://a.localhost:5001/token", true},
		{"https://[::ffff:127.0.0.1]:5000", "http://localhost./token", true},
		{"https://127.0.0.1:5000", "http://10.0.0.2/token", false},
		{"https://localhost:5000", "http://auth.example.com/token", false},
		{"https://10.0.0.1", "http://10.0.0.2/token", false},
		{"https://10.0.0.1", "http://10.0.0.1/token", false},
		{"https://10.0.0.1", "http://127.0.0.1/token", false},
		{"https://registry:5000", "http://auth:5001/token", false},
		{"https://registry", "https://auth/token", true},
		{"http://registry:5000", "http://auth:5001/token", true},
		{"https://[::1]:5000", "https://auth.example.com/token", true},
	}
	for _, test := range tests {
		registry, err1 := url.Parse(test.registry)
		realm, err2 := url.Parse(test.realm)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if err := checkRealm(registry, realm); (err == nil) != test.allowed {
			t.Errorf("%s naming %s: %v", test.registry, test.realm, err)
		}
	}
}

func TestCanonicalHost(t *testing.T) {
	tests := []struct{ scheme, host, want string }{
		{"https", "GHCR.io", "ghcr.io"},
		{"https", "ghcr.io:443", "ghcr.io"},
		{"http", "ghcr.io:443", "ghcr.io:443"},
		{"http", "ghcr.io:80", "ghcr.io"},
		{"https", "[::1]:443", "[::1]"},
		{"https", "[::1]:5000", "[::1]:5000"},
		{"https", "[::1]", "[::1]"},
	}
	for _, test := range tests {
		if got := canonicalHost(test.scheme, test.host); got != test.want {
			t.Errorf("canonicalHost(%q, %q) = %q, want %q", test.scheme, test.host, got, test.want)
		}
	}
}
