package manifest_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/hczjl/transship/manifest"
)

func TestParsePlatform(t *testing.T) {
	for in, want := range map[string]string{
		"linux/amd64":                   "linux/amd64",
		"linux/arm64":                   "linux/arm64",
		"linux/arm64/v8":                "linux/arm64",
		"linux/arm64/v9":                "linux/arm64/v9",
		"linux/aarch64":                 "linux/arm64",
		"linux/arm":                     "linux/arm/v7",
		"linux/arm/7":                   "linux/arm/v7",
		"linux/armhf":                   "linux/arm/v7",
		"linux/armel":                   "linux/arm/v6",
		"linux/i386":                    "linux/386",
		"Linux/X86_64":                  "linux/amd64",
		"linux/amd64/v1":                "linux/amd64",
		"linux/amd64/v3":                "linux/amd64/v3",
		"macos/arm64":                   "darwin/arm64",
		"windows/amd64:10.0.17763":      "windows/amd64:10.0.17763",
		"windows(10.0.17763)/amd64":     "windows/amd64:10.0.17763",
		"windows(10.0.17763+x%2By)/arm": "windows/arm/v7:10.0.17763",
		"linux":                         "linux/" + runtime.GOARCH,
		"arm64":                         runtime.GOOS + "/arm64",
		"wasi/wasm":                     "wasi/wasm",
	} {
		p, err := manifest.ParsePlatform(in)
		if err != nil || p.String() != want {
			t.Errorf("%q: got %q, want %q, error %v", in, p, want, err)
		}
	}
	for _, in := range []string{"", "/", "linux/", "/amd64", "linux/amd64/v1/x", "linux/*", "nonsense", "linux/a b", "windows(/amd64", "linux//v7", "windows(%zz)/amd64"} {
		_, err := manifest.ParsePlatform(in)
		var syntax *manifest.PlatformSyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: got error %v", in, err)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		want, have string
		match      bool
	}{
		{"linux/amd64", "linux/amd64", true},
		{"linux/amd64", "linux/x86_64", true},
		{"linux/amd64", "linux/amd64/v2", false},
		{"linux/amd64", "windows/amd64", false},
		{"linux/arm64", "linux/arm64/v8", true},
		{"linux/arm", "linux/arm/v7", true},
		{"linux/arm/v7", "linux/arm", true},
		{"linux/arm/v6", "linux/arm/v7", false},
		{"windows/amd64", "windows/amd64:10.0.17763.1", true},
		{"windows/amd64:10.0.17763", "windows/amd64", true},
		{"windows/amd64:10.0.17763", "windows/amd64:10.0.17763.5576", true},
		{"windows/amd64:10.0.17763", "windows/amd64:10.0.20348.1", false},
		{"windows/amd64:10.0.20348", "windows/amd64:10.0.17763.1", false},
		{"windows/amd64:10.0.22621", "windows/amd64:10.0.20348.1", true},
		{"windows/amd64:10.0.26100", "windows/amd64:10.0.20348.1", true},
		{"windows/amd64:10.0.27000", "windows/amd64:10.0.20348.1", false},
		{"windows/amd64:10.0.27000", "windows/amd64:10.0.26100.1", true},
		{"windows/amd64:10.0.20348", "windows/amd64:10.0.26100.1", false},
		{"windows/amd64:10.0.17763", "windows/amd64:11.0.17763", false},
		{"windows/amd64", "windows(+win32k)/amd64", true},
		{"windows/amd64", "windows(+other)/amd64", false},
		{"windows(+other)/amd64", "windows(+other)/amd64", true},
	} {
		want, err := manifest.ParsePlatform(c.want)
		if err != nil {
			t.Fatal(err)
		}
		have, err := manifest.ParsePlatform(c.have)
		if err != nil {
			t.Fatal(err)
		}
		if got := want.Match(have); got != c.match {
			t.Errorf("%s matches %s: got %v", c.want, c.have, got)
		}
	}
}

func FuzzParsePlatform(f *testing.F) {
	for _, s := range []string{"linux/arm/v7", "windows/amd64:10.0.17763", "windows(10.0.1+win32k)/amd64", "arm64", "", "%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := manifest.ParsePlatform(s)
		if err == nil && !p.Match(p) {
			t.Errorf("%q does not match itself: %+v", s, p)
		}
	})
}
