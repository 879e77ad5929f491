package reference_test

import (
	"errors"
	"regexp"
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
		{"docker.io/library/a.b/c", "docker.io/library/a.b/c:latest", "library/a.b/c:latest", "registry-1.docker.io"},
		{"docker.io/example.com/x", "docker.io/example.com/x:latest", "docker.io/example.com/x:latest",
			"registry-1.docker.io"},
		{"docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest",
			"registry-1.docker.io"},
		{"example.com", "docker.io/library/example.com:latest", "example.com:latest", "registry-1.docker.io"},
		{"localhost/x", "localhost/x:latest", "localhost/x:latest", "localhost"},
		{"localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest", "localhost:5000"},
		{"127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000"},
		{"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest", "[::1]:5000"},
		{"[fe80::1]/x:1", "[fe80::1]/x:1", "[fe80::1]/x:1", "[fe80::1]"},
		{"Host/x", "Host/x:latest", "Host/x:latest", "Host"},
		{"host.example/a-b_c.d__e/f--g", "host.example/a-b_c.d__e/f--g:latest", "host.example/a-b_c.d__e/f--g:latest",
			"host.example"},
		{"halo@" + sha256Empty, "docker.io/library/halo@" + sha256Empty, "halo@" + sha256Empty, "registry-1.docker.io"},
		{"halo:1@" + sha256Empty, "docker.io/library/halo:1@" + sha256Empty, "halo:1@" + sha256Empty,
			"registry-1.docker.io"},
		{"r.example/x@" + sha512Empty, "r.example/x@" + sha512Empty, "r.example/x@" + sha512Empty, "r.example"},
	} {
		r, err := reference.Parse(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if r.String() != c.full || r.Familiar() != c.familiar || r.Host() != c.host {
			t.Errorf("%q: got %q, %q on %q; want %q, %q on %q",
				c.in, r, r.Familiar(), r.Host(), c.full, c.familiar, c.host)
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
		"h.io/" + strings.Repeat("a", 256):    "more than 255",
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

// The cases are those of github.com/distribution/reference (reference_test.go, normalize_test.go).
func TestParseAsDockerDoes(t *testing.T) {
	longest := strings.Repeat("a/", 127) + "a" // 255 bytes
	f64 := "sha256:" + strings.Repeat("f", 64)
	for _, c := range []struct{ in, domain, path, tag, digest, familiar string }{
		{"test_com", "docker.io", "library/test_com", "latest", "", "test_com"},
		{"test.com:5000", "docker.io", "library/test.com", "5000", "", "test.com"},
		{"test:5000/repo:tag@" + f64, "test:5000", "repo", "tag", f64, "test:5000/repo"},
		{"lowercase:Uppercase", "docker.io", "library/lowercase", "Uppercase", "", "lowercase"},
		{"example.com/" + longest + ":tag-puts-this-over-max", "example.com", longest, "tag-puts-this-over-max", "",
			"example.com/" + longest},
		{"sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com", "bar/baz/quux", "some-long-tag", "",
			"sub-dom1.foo.com/bar/baz/quux"},
		{"b.gcr.io/test.example.com/my-app:test.example.com", "b.gcr.io", "test.example.com/my-app", "test.example.com",
			"", "b.gcr.io/test.example.com/my-app"},
		{"xn--7o8h.com/myimage:xn--7o8h.com@" + f64, "xn--7o8h.com", "myimage", "xn--7o8h.com", f64,
			"xn--7o8h.com/myimage"},
		{"foo_bar.com:8080", "docker.io", "library/foo_bar.com", "8080", "", "foo_bar.com"},
		{"192.168.1.1:5000/repo:5050", "192.168.1.1:5000", "repo", "5050", "", "192.168.1.1:5000/repo"},
		{"[2001:db8:1:2:3:4:5:6]/repo:tag", "[2001:db8:1:2:3:4:5:6]", "repo", "tag", "", "[2001:db8:1:2:3:4:5:6]/repo"},
		{"[fc00::1]:5000/docker/docker", "[fc00::1]:5000", "docker/docker", "latest", "",
			"[fc00::1]:5000/docker/docker"},
		{"LOCALDOMAIN/fooo/bar", "LOCALDOMAIN", "fooo/bar", "latest", "", "LOCALDOMAIN/fooo/bar"},
		{"FOO/bar", "FOO", "bar", "latest", "", "FOO/bar"},
		{"index.docker.io/fooo/bar", "docker.io", "fooo/bar", "latest", "", "fooo/bar"},
		{"library/ubuntu", "docker.io", "library/ubuntu", "latest", "", "ubuntu"},
		{"library/foo/bar", "docker.io", "library/foo/bar", "latest", "", "library/foo/bar"},
		{"store/foo/bar", "docker.io", "store/foo/bar", "latest", "", "store/foo/bar"},
		{"docker---rules/docker", "docker.io", "docker---rules/docker", "latest", "", "docker---rules/docker"},
		{"dock__er/docker", "docker.io", "dock__er/docker", "latest", "", "dock__er/docker"},
		{"busybox:latest@" + f64, "docker.io", "library/busybox", "latest", f64, "busybox"},
		{"docker.io/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a", "docker.io",
			"library/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a", "latest", "",
			"1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a"},
	} {
		r, err := reference.Parse(c.in)
		want := reference.Reference{Domain: c.domain, Path: c.path, Tag: c.tag, Digest: blob.Digest(c.digest)}
		if err != nil || r != want || r.FamiliarName() != c.familiar {
			t.Errorf("%q: got %+v, familiar %q, error %v", c.in, r, r.FamiliarName(), err)
		}
	}
	for _, in := range []string{
		"", ":justtag", "@" + f64, "repo@sha256:" + strings.Repeat("f", 34),
		"validname@invaliddigest:" + strings.Repeat("f", 128), "Uppercase:tag",
		"test:5000/Uppercase/lowercase:tag", "domain/" + strings.Repeat("a", 256) + ":tag", "aa/asdf$$^/aa",
		"[2001:db8::1]", "[2001:db8::1]:5000", "[2001:db8::1]:tag", "[fe80::1%eth0]:5000/repo",
		"[fe80::1%@invalidzone]:5000/repo", "https://github.com/docker/docker", "docker/Docker", "-docker",
		"-docker/docker", "-docker.io/docker/docker", "docker///docker", "docker.io/docker/Docker",
		"fc00::1:5000/debian", "[2001:db8:3:4::192.0.2.33]:5000/debian", "docker-/docker", "____/____",
		"_docker/_docker", "dock..er/docker", "dock_.er/docker", "dock-.er/docker", "docker/",
		"test.com:http/x", "ab.-com/x", "ab.com-/x", "busybox:-foo", "busybox:a\n", "busybox\n",
		"1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
	} {
		if r, err := reference.Parse(in); err == nil {
			t.Errorf("%q: no error, got %+v", in, r)
		}
	}
}

func TestValidTagAndPath(t *testing.T) {
	for tag, want := range map[string]bool{
		"latest": true, "_1.0-x": true, "": false, ".x": false, "-x": false, "a/b": false,
		strings.Repeat("x", 128): true, strings.Repeat("x", 129): false, "a\n": false, "é": false,
	} {
		if reference.ValidTag(tag) != want {
			t.Errorf("tag %q: want %v", tag, want)
		}
	}
	for path, want := range map[string]bool{
		"a/b": true, "": false, "a//b": false, "A": false, "../a": false, "a/": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if reference.ValidPath(path) != want {
			t.Errorf("path %q: want %v", path, want)
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
	for _, s := range []string{
		"halo", "hczjl/halo:1.6", "[::1]:5000/x", "localhost:5000/x:t@" + sha256Empty, "a@b@c", ":", "/",
		"docker.io/example.com/x", "docker.io/localhost/x", "docker.io/library/library/x",
	} {
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

// A text that is too long to be a reference is refused at once, and not repeated in full.
func TestParseRefusesLongText(t *testing.T) {
	_, err := reference.Parse(strings.Repeat("a/", 10<<20))
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("got error %.300v", err)
	}
}

// ValidPath accepts what the specification's pattern does, for all short texts of the characters that matter.
func TestValidPathIsThePattern(t *testing.T) {
	pattern := regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	var check func(s string)
	check = func(s string) {
		if got, want := reference.ValidPath(s), pattern.MatchString(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
		if len(s) == 5 {
			return
		}
		for _, c := range "a0._-/A" {
			check(s + string(c))
		}
	}
	check("")
}
