package image

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

func TestParseRegistryPrefix(t *testing.T) {
	for text, want := range map[string]string{
		"registry.example.com":           "registry.example.com",
		"registry.example.com/":          "registry.example.com",
		"docker://localhost:5000/mirror": "localhost:5000/mirror",
		"localhost/a/b":                  "localhost/a/b",
		"localhost/a/b/a/b":              "localhost/a/b/a/b",
		"[::1]:5000/x":                   "[::1]:5000/x",
		"docker.io/hczjl":                "docker.io/hczjl",
		"index.docker.io/hczjl":          "docker.io/hczjl",
		"docker.io":                      "docker.io",
		"https://localhost:5000/v2/":     "localhost:5000",
	} {
		if p, err := ParseRegistryPrefix(text); err != nil || p.String() != want {
			t.Errorf("%q: got %s, error %v", text, p, err)
		}
	}
	for text, says := range map[string]string{
		"":                                "is not the host of a registry",
		"/":                               "is a file or folder",
		"hczjl":                           "does not begin with a registry's host",
		"library":                         "does not begin with a registry's host",
		"localhost:5000/x:1":              "is not the beginning of a repository's name",
		"localhost:5000/X":                "is not the beginning of a repository's name",
		"localhost:5000//":                "is not the beginning of a repository's name",
		"localhost:port":                  "is not the host of a registry",
		"localhost:5000/x@" + emptySHA256: "is not the beginning of a repository's name",
	} {
		p, err := ParseRegistryPrefix(text)
		if run.ExitCode(err) != cli.ExitUsage || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %s, error %v", text, p, err)
		}
	}
}

func TestRewrite(t *testing.T) {
	for _, test := range []struct{ flags, name, want string }{
		{"", "hczjl/halo:1.6", "dst:5000/p/hczjl/halo:1.6"},
		{"", "alpine:3", "dst:5000/p/library/alpine:3"},
		{"", "quay.io/a/b@" + emptySHA256, "dst:5000/p/a/b@" + emptySHA256},
		{"", "quay.io/a/b:1@" + emptySHA256, "dst:5000/p/a/b:1"},
		{"hczjl=mirror", "hczjl/halo:1", "dst:5000/p/mirror/halo:1"},
		{"docker.io/hczjl=mirror", "hczjl/halo:1", "dst:5000/p/mirror/halo:1"},
		{"docker.io=hub", "hczjl/halo:1", "dst:5000/p/hub/hczjl/halo:1"},
		{"docker.io=hub", "quay.io/a/b:1", "dst:5000/p/a/b:1"},
		{"hcz=mirror", "hczjl/halo:1", "dst:5000/p/hczjl/halo:1"}, // whole components only
		{"hczjl/halo=x", "hczjl/halo:1", "dst:5000/p/x:1"},
		{"hczjl=a hczjl/halo=b", "hczjl/halo:1", "dst:5000/p/b:1"}, // the longest FROM, wherever it stands
		{"hczjl/halo=b hczjl=a", "hczjl/halo:1", "dst:5000/p/b:1"},
		{"hczjl/halo=b hczjl=a", "hczjl/other:1", "dst:5000/p/a/other:1"},
		{"alpine=base/alpine", "alpine:3", "dst:5000/p/base/alpine:3"},
		{"library=", "alpine:3", "dst:5000/p/alpine:3"},
		{"docker.io/library/=/", "alpine:3", "dst:5000/p/alpine:3"},
		{"localhost:5000=a/b", "localhost:5000/x:1", "dst:5000/p/a/b/x:1"},
	} {
		prefix, err := ParseRegistryPrefix("dst:5000/p")
		if err != nil {
			t.Fatal(err)
		}
		for flag := range strings.FieldsSeq(test.flags) {
			if err := prefix.Rewrites.Set(flag); err != nil {
				t.Fatal(err)
			}
		}
		name, err := reference.Parse(test.name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := prefix.Target(name); err != nil || got.String() != test.want {
			t.Errorf("%s with %q: got %s, error %v, want %s", test.name, test.flags, got, err, test.want)
		}
	}
}

func TestRewriteRefuses(t *testing.T) {
	for flag, says := range map[string]string{"hczjl": "is no", "=x": "is no", "/=x": "is no", "": "is no"} {
		var l RewriteList
		if err := l.Set(flag); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v", flag, err)
		}
	}
	l := RewriteList{{"a", "b"}}
	if err := l.Set("a=c"); err == nil || !strings.Contains(err.Error(), "a is rewritten twice") {
		t.Errorf("error %v", err)
	}
	if err := l.Set("a/=/b"); err != nil {
		t.Error(err)
	}
	for to, says := range map[string]string{
		"": "dst:5000/:1, which is not an image name", "UP": "lower case", "a b": "no repository name",
		"../..": "no repository name",
	} {
		prefix := RegistryPrefix{
			Base:     reference.Reference{Domain: "dst:5000"},
			Rewrites: RewriteList{{"hczjl/halo", to}},
		}
		name, _ := reference.Parse("hczjl/halo:1")
		if got, err := prefix.Target(name); run.ExitCode(err) != cli.ExitUsage || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %s, error %v", to, got, err)
		}
	}
}

// For any prefix and rule, an image's target is a valid name on the registry and below the prefix.
func FuzzRegistryPrefix(f *testing.F) {
	f.Add("localhost:5000/p", "docker.io=hub", "hczjl/halo:1.6")
	f.Add("docker.io", "library=", "alpine")
	f.Add("h.io/a/b", "a/b=c/d/", "h.io/a/b@"+emptySHA256)
	f.Add("[::1]:5/x", "=", "x.y/z")
	f.Fuzz(func(t *testing.T, text, rule, image string) {
		prefix, err := ParseRegistryPrefix(text)
		if err != nil {
			if run.ExitCode(err) != cli.ExitUsage {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if again, err := ParseRegistryPrefix(prefix.String()); err != nil || again.Base != prefix.Base {
			t.Errorf("%q is %+v, prints %s, which is %+v, error %v", text, prefix, prefix, again, err)
		}
		name, err := reference.Parse(image)
		if err != nil || prefix.Rewrites.Set(rule) != nil {
			return
		}
		to, err := prefix.Target(name)
		if err != nil {
			return
		}
		again, err := reference.Parse(to.String())
		inside := to.Domain == prefix.Base.Domain && strings.HasPrefix(to.Path+"/", prefix.Base.Path)
		if err != nil || again != to || !inside {
			t.Errorf("%s on %s by %q is %s, which reads as %+v, error %v", image, prefix, rule, to, again, err)
		}
	})
}
