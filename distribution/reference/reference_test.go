package reference_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
)

const (
	sha256Empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	sha512Empty = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, full, familiar, host string }{
		{"halo", "docker.io/library/halo:latest", "halo:latest", "registry-1.docker.io"},
		{"hczjl/halo:1.6", "docker.io/hczjl/halo:1.6", "hczjl/halo:1.6", "registry-1.docker.io"},
		{"docker.io/halo", "docker.io/library/halo:latest", "halo:latest", "registry-1.docker.io"},
		{"index.docker.io/library/halo", "docker.io/library/halo:latest", "halo:latest", "registry-1.docker.io"},
		{"docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest", "registry-1.docker.io"},
		{"localhost/x", "localhost/x:latest", "localhost/x:latest", "localhost"},
		{"localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest", "localhost:5000"},
		{"127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000"},
		{"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest", "[::1]:5000"},
		{"[fe80::1]/x:1", "[fe80::1]/x:1", "[fe80::1]/x:1", "[fe80::1]"},
		{"Host/x", "Host/x:latest", "Host/x:latest", "Host"},
		{"host.example/a-b_c.d__e/f--g", "host.example/a-b_c.d__e/f--g:latest", "host.example/a-b_c.d__e/f--g:latest", "host.example"},
		{"halo@" + sha256Empty, "docker.io/library/halo@" + sha256Empty, "halo@" + sha256Empty, "registry-1.docker.io"},
		{"halo:1@" + sha256Empty, "docker.io/library/halo:1@" + sha256Empty, "halo:1@" + sha256Empty, "registry-1.docker.io"},
		{"r.example/x@" + sha512Empty, "r.example/x@" + sha512Empty, "r.example/x@" + sha512Empty, "r.example"},
	} {
		r, err := reference.Parse(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if r.String() != c.full || r.Familiar() != c.familiar || r.Host() != c.host {
			t.Errorf("%q: got %q, %q on %q; want %q, %q on %q", c.in, r, r.Familiar(), r.Host(), c.full, c.familiar, c.host)
		}
		if again, err := reference.Parse(r.Familiar()); err != nil || again != r {
			t.Errorf("%q: familiar form reads back as %+v, error %v", c.in, again, err)
		}
	}
}

func TestIdentifier(t *testing.T) {
	r, err := reference.Parse("halo:1@" + sha256Empty)
	if err != nil || r.Identifier() != sha256Empty {
		t.Errorf("got %q, error %v", r.Identifier(), err)
	}
	if got := r.WithTag("2"); got.Identifier() != "2" || got.String() != "docker.io/library/halo:2" {
		t.Errorf("got %q", got)
	}
	if got := r.WithDigest(blob.Digest(sha512Empty)); got.Tag != "" || got.Identifier() != sha512Empty {
		t.Errorf("got %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for in, says := range map[string]string{
		"":                                    "empty",
		"Halo":                                "lower case",
		"hczjl/Halo":                          "lower case",
		"halo:":                               "no tag",
		"halo:a b":                            "no tag",
		"halo:" + strings.Repeat("x", 129):    "no tag",
		"halo@":                               "digest",
		"halo@sha256:abc":                     "64 hexadecimal",
		"halo@md5:" + strings.Repeat("0", 32): "not supported",
		"/halo":                               "no repository",
		"halo/":                               "no repository",
		"a//b":                                "no repository",
		"../etc/passwd":                       "no host",
		"host.example/../x":                   "no repository",
		"http://host.example/x":               "scheme",
		"host_name.x/x":                       "no host",
		"ho st.x/x":                           "no host",
		"[::1/x":                              "no host",
		"x" + strings.Repeat("a", 255):        "more than 255",
		strings.Repeat("0123456789abcdef", 4): "image id",
		"host.example/x?y":                    "no repository",
	} {
		_, err := reference.Parse(in)
		var syntax *reference.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got error %v, want one that says %q", in, err, says)
		}
	}
}

func TestParseRepository(t *testing.T) {
	if r, err := reference.ParseRepository("halo"); err != nil || r.String() != "docker.io/library/halo" {
		t.Errorf("got %q, error %v", r, err)
	}
	for _, in := range []string{"halo:1", "halo@" + sha256Empty} {
		if _, err := reference.ParseRepository(in); err == nil {
			t.Errorf("%q: no error", in)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"halo", "hczjl/halo:1.6", "[::1]:5000/x", "localhost:5000/x:t@" + sha256Empty, "a@b@c", ":", "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := reference.Parse(s)
		if err != nil {
			return
		}
		for _, form := range []string{r.String(), r.Familiar()} {
			if again, err := reference.Parse(form); err != nil || again != r {
				t.Errorf("%q reads as %+v, its form %q as %+v (%v)", s, r, form, again, err)
			}
		}
	})
}
