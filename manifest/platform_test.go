package manifest_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	for _, in := range []string{
		"", "/", "linux/", "/amd64", "linux/amd64/v1/x", "linux/*", "nonsense", "linux/a b", "windows(/amd64",
		"linux//v7", "windows(%zz)/amd64", "linux/amd64:", "windows/amd64:10.0 1", "windows/amd64:1/2",
		"windows(10.0.1)/amd64:10.0.2", "/linux/arm", "linux/arm/", "linux /arm", "linux/&arm", "linux(+)/arm",
		"linux(++a)/arm",
	} {
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

// The cases are those of containerd/platforms (platforms_test.go, platform_windows_compat_test.go):
// a text, its platform in normal form, and other spellings in a list that match it.
func TestParsePlatformAsContainerdDoes(t *testing.T) {
	type platform = manifest.Platform
	type same = []platform
	for _, c := range []struct {
		in   string
		want platform
		same same
	}{
		{"linux/arm64", platform{OS: "linux", Architecture: "arm64"}, same{
			{OS: "linux", Architecture: "aarch64"},
			{OS: "linux", Architecture: "aarch64", Variant: "v8"},
			{OS: "linux", Architecture: "arm64", Variant: "v8"},
		}},
		{"linux/arm64/v8", platform{OS: "linux", Architecture: "arm64"}, same{
			{OS: "linux", Architecture: "aarch64"},
			{OS: "linux", Architecture: "arm64"},
			{OS: "linux", Architecture: "arm64", Variant: "8"},
		}},
		{"linux/arm", platform{OS: "linux", Architecture: "arm", Variant: "v7"}, same{
			{OS: "linux", Architecture: "arm", Variant: "v7"},
			{OS: "linux", Architecture: "armhf"},
			{OS: "linux", Architecture: "arm", Variant: "7"},
		}},
		{"linux/arm/v6", platform{OS: "linux", Architecture: "arm", Variant: "v6"}, same{
			{OS: "linux", Architecture: "armel"},
		}},
		{"linux/arm/v7", platform{OS: "linux", Architecture: "arm", Variant: "v7"}, same{
			{OS: "linux", Architecture: "arm"},
			{OS: "linux", Architecture: "armhf"},
		}},
		{"arm", platform{OS: runtime.GOOS, Architecture: "arm", Variant: "v7"}, nil},
		{"armel", platform{OS: runtime.GOOS, Architecture: "arm", Variant: "v6"}, nil},
		{"armhf", platform{OS: runtime.GOOS, Architecture: "arm", Variant: "v7"}, nil},
		{"Aarch64", platform{OS: runtime.GOOS, Architecture: "arm64"}, nil},
		{"x86_64", platform{OS: runtime.GOOS, Architecture: "amd64"}, nil},
		{"Linux/x86_64", platform{OS: "linux", Architecture: "amd64"},
			same{{OS: "linux", Architecture: "x86-64", Variant: "v1"}}},
		{"i386", platform{OS: runtime.GOOS, Architecture: "386"}, nil},
		{"s390x", platform{OS: runtime.GOOS, Architecture: "s390x"}, nil},
		{"linux/s390x", platform{OS: "linux", Architecture: "s390x"}, nil},
		{"linux/arm64/9.0", platform{OS: "linux", Architecture: "arm64", Variant: "v9"},
			same{{OS: "linux", Architecture: "arm64", Variant: "v9.0"}}},
		{"linux/arm/5", platform{OS: "linux", Architecture: "arm", Variant: "v5"}, nil},
		{"linux/i386/x", platform{OS: "linux", Architecture: "386"}, nil},
		{"macOS", platform{OS: "darwin", Architecture: runtime.GOARCH}, nil},
		{"windows", platform{OS: "windows", Architecture: runtime.GOARCH}, nil},
		{"windows()", platform{OS: "windows", Architecture: runtime.GOARCH}, nil},
		{"windows(10.0.17763)", platform{OS: "windows", OSVersion: "10.0.17763", Architecture: runtime.GOARCH}, nil},
		{"windows(10.0.17763+win32k)",
			platform{OS: "windows", OSVersion: "10.0.17763", OSFeatures: []string{"win32k"},
				Architecture: runtime.GOARCH}, nil},
		{"linux(+gpu)", platform{OS: "linux", OSFeatures: []string{"gpu"}, Architecture: runtime.GOARCH}, nil},
		{"linux(+gpu+simd)",
			platform{OS: "linux", OSFeatures: []string{"gpu", "simd"}, Architecture: runtime.GOARCH}, nil},
		{"linux(+unsorted+erofs)",
			platform{OS: "linux", OSFeatures: []string{"erofs", "unsorted"}, Architecture: runtime.GOARCH}, nil},
		{"windows(10.0.17763%2Bbuild.42+win32k)/amd64",
			platform{OS: "windows", OSVersion: "10.0.17763+build.42", OSFeatures: []string{"win32k"},
				Architecture: "amd64"}, nil},
		{"windows(50%25done)/amd64", platform{OS: "windows", OSVersion: "50%done", Architecture: "amd64"}, nil},
		{"windows(1.0%28beta%29)/amd64", platform{OS: "windows", OSVersion: "1.0(beta)", Architecture: "amd64"}, nil},
		{"windows(a%2Fb)/amd64", platform{OS: "windows", OSVersion: "a/b", Architecture: "amd64"}, nil},
		{"linux(+feat%2Bv2)/amd64", platform{OS: "linux", OSFeatures: []string{"feat+v2"}, Architecture: "amd64"}, nil},
		{"linux(+a+a)/amd64", platform{OS: "linux", OSFeatures: []string{"a"}, Architecture: "amd64"}, nil},
	} {
		got, err := manifest.ParsePlatform(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if runtime.GOARCH == "arm" {
			c.want = c.want.Normalize()
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.in, diff)
		}
		for _, p := range append(c.same, c.want) {
			if !got.Match(p) {
				t.Errorf("%q does not match %+v", c.in, p)
			}
		}
	}
}

// The cases are those of containerd/platforms (platform_windows_compat_test.go).
func TestWindowsHostRunsImageOfBuild(t *testing.T) {
	const ltsc2019, ltsc2022, windows11, annual23H2, ltsc2025 = 17763, 20348, 22621, 25398, 26100
	for _, c := range []struct {
		host, image int
		runs        bool
	}{
		{ltsc2019, ltsc2019, true}, {ltsc2019, ltsc2022, false}, {ltsc2022, ltsc2019, false},
		{ltsc2022, ltsc2022, true}, {windows11, ltsc2019, false}, {windows11, ltsc2022, true},
		{annual23H2, ltsc2019, false}, {annual23H2, ltsc2022, true}, {ltsc2025, ltsc2022, true},
		{ltsc2022, ltsc2025, false}, {ltsc2022, windows11, false}, {ltsc2025, windows11, true},
	} {
		of := func(build int) manifest.Platform {
			return manifest.Platform{OS: "windows", Architecture: "amd64", OSVersion: fmt.Sprintf("10.0.%d.1", build)}
		}
		if got := of(c.host).Match(of(c.image)); got != c.runs {
			t.Errorf("a host of build %d runs %d: got %v", c.host, c.image, got)
		}
	}
	for _, version := range []string{"99.99.99.99", "", "junk", "10.0", "10.x.1"} {
		host := manifest.Platform{OS: "windows", Architecture: "amd64", OSVersion: version}
		if !host.Match(manifest.Platform{OS: "windows", Architecture: "amd64"}) {
			t.Errorf("host %q does not match an image without a version", version)
		}
	}
	host := manifest.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"}
	if host.Match(manifest.Platform{OS: "windows", Architecture: "amd64", OSVersion: "junk"}) {
		t.Error("an image with an unreadable version matches")
	}
}

func TestMatchOfOSFeatures(t *testing.T) {
	linux := func(features ...string) manifest.Platform {
		return manifest.Platform{OS: "linux", Architecture: "amd64", OSFeatures: features}
	}
	for _, c := range []struct {
		want, have manifest.Platform
		match      bool
	}{
		{linux("a", "b"), linux("b"), true}, {linux("b", "a"), linux("a", "b"), true},
		{linux("a"), linux("a", "b"), false}, {linux("a"), linux("b"), false},
		{linux("a"), linux(), true}, {linux(), linux("win32k"), false},
	} {
		if got := c.want.Match(c.have); got != c.match {
			t.Errorf("%v for %v: got %v", c.have.OSFeatures, c.want.OSFeatures, got)
		}
	}
}

func TestNormalizeDoesNotChangeItsReceiver(t *testing.T) {
	p := manifest.Platform{OS: "linux", Architecture: "amd64", OSFeatures: []string{"b", "a", "b"}}
	if got := p.Normalize(); cmp.Diff([]string{"a", "b"}, got.OSFeatures) != "" || p.OSFeatures[0] != "b" {
		t.Errorf("got %v from %v", got.OSFeatures, p.OSFeatures)
	}
}

func TestPlatformString(t *testing.T) {
	for want, p := range map[string]manifest.Platform{
		"unknown": {Architecture: "amd64"}, "linux": {OS: "linux"},
		"linux/arm/v7":             {OS: "linux", Architecture: "arm", Variant: "v7"},
		"windows/amd64:10.0.17763": {OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763"},
	} {
		if p.String() != want {
			t.Errorf("got %q, want %q", p, want)
		}
	}
}

func FuzzParsePlatform(f *testing.F) {
	for _, s := range []string{
		"linux/arm/v7", "windows/amd64:10.0.17763", "windows(10.0.1+win32k)/amd64", "arm64", "", "%",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := manifest.ParsePlatform(s)
		if err == nil && !p.Match(p) {
			t.Errorf("%q does not match itself: %+v", s, p)
		}
	})
}
