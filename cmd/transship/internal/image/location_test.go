package image

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

const (
	emptySHA256 = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	emptySHA512 = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
		"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
)

func onRegistry(domain, path, tag string, digest blob.Digest) Location {
	return Location{
		Transport: TransportDocker,
		Ref:       reference.Reference{Domain: domain, Path: path, Tag: tag, Digest: digest},
	}
}

func TestParseLocation(t *testing.T) {
	for text, want := range map[string]Location{
		"oci:dir":                         {Transport: TransportOCI, Path: "dir"},
		"oci:dir/":                        {Transport: TransportOCI, Path: "dir/"},
		"oci:dir:":                        {Transport: TransportOCI, Path: "dir"},
		"oci:/a/b c/d:1.6":                {Transport: TransportOCI, Path: "/a/b c/d", image: "1.6"},
		"oci:dir:hczjl/halo:1.6":          {Transport: TransportOCI, Path: "dir", image: "hczjl/halo:1.6"},
		"oci:dir:localhost:5000/x:1":      {Transport: TransportOCI, Path: "dir", image: "localhost:5000/x:1"},
		"oci:dir@" + emptySHA256:          {Transport: TransportOCI, Path: "dir", digest: emptySHA256},
		"oci:dir:@" + emptySHA256:         {Transport: TransportOCI, Path: "dir", digest: emptySHA256},
		"oci:dir:1.6@" + emptySHA512:      {Transport: TransportOCI, Path: "dir", image: "1.6", digest: emptySHA512},
		"oci:me@host/d:x":                 {Transport: TransportOCI, Path: "me@host/d", image: "x"},
		"oci:me@shared:x":                 {Transport: TransportOCI, Path: "me@shared", image: "x"},
		"oci:[1]*?":                       {Transport: TransportOCI, Path: "[1]*?"},
		"oci-archive:x.tar":               {Transport: TransportOCIArchive, Path: "x.tar"},
		"oci-archive:x.tar:a/b":           {Transport: TransportOCIArchive, Path: "x.tar", image: "a/b"},
		"docker-archive:x.tar:a/b:1":      {Transport: transportDockerArchive, Path: "x.tar", image: "a/b:1"},
		`oci:C:\images`:                   {Transport: TransportOCI, Path: `C:\images`},
		`oci-archive:c:\x.tar:a/b:1`:      {Transport: TransportOCIArchive, Path: `c:\x.tar`, image: "a/b:1"},
		"oci-archive:oci:dir":             {Transport: TransportOCIArchive, Path: "oci", image: "dir"},
		"docker://halo":                   onRegistry("docker.io", "library/halo", "latest", ""),
		"docker://oci:1":                  onRegistry("docker.io", "library/oci", "1", ""),
		"localhost:5000/x@" + emptySHA256: onRegistry("localhost:5000", "x", "", emptySHA256),
		"[::1]:5000/x:1":                  onRegistry("[::1]:5000", "x", "1", ""),
		"oci":                             onRegistry("docker.io", "library/oci", "latest", ""),
		"oci.example.com/x:1":             onRegistry("oci.example.com", "x", "1", ""),
	} {
		got, err := ParseLocation(text)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, error %v", text, got, err)
		}
	}
}

func TestParseLocationRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"oci:":                        "names no file or folder",
		"oci::1.6":                    "names no file or folder",
		"oci-archive:@" + emptySHA256: "names no file or folder",
		"oci:dir@sha256:12":           "64 hexadecimal",
		"oci:dir:x@sha256:12":         "64 hexadecimal",
		"dir:x":                       "the transport dir: is not supported",
		"docker-daemon:x:1":           "the transport docker-daemon: is not supported",
		"containers-storage:x":        "the transport containers-storage: is not supported",
		"docker://":                   "it is empty",
		"docker://docker://x":         "leave out the scheme",
		"docker://localhost:5000/X":   "lower case",
		"":                            "it is empty",
		"OCI:dir":                     "lower case",
	} {
		if got, err := ParseLocation(text); run.ExitCode(err) != cli.ExitUsage || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %+v, error %v, want one that says %q", text, got, err, says)
		}
	}
}

func FuzzParseLocation(f *testing.F) {
	for _, seed := range []string{
		"oci:dir", "oci:dir:x:1", "oci:d@" + emptySHA256, "oci-archive:a:b@" + emptySHA256, "docker-archive:x.tar:y",
		"docker://oci:1", "docker://dir:5/x", "a/b:c@" + emptySHA512, "dir:x", "oci::", "oci:@:",
		"docker-archive:x:a@sha256:", "[::1]:5/x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLocation(text)
		if err != nil {
			if run.ExitCode(err) != cli.ExitUsage {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if again, err := ParseLocation(l.String()); err != nil || again != l {
			t.Errorf("%q is %+v, prints %q, which is %+v, error %v", text, l, l, again, err)
		}
		as, err := l.NameFor(reference.Reference{Domain: "docker.io", Path: "hczjl/halo", Tag: "1.6"})
		if err == nil && (as.Tag == "") == (as.Digest == "") {
			t.Errorf("%q puts an image under %+v", text, as)
		}
	})
}

// An image keeps what a location in a layout or tar does not say of its name.
func TestNameFor(t *testing.T) {
	halo := reference.Reference{Domain: "docker.io", Path: "hczjl/halo", Tag: "1.6"}
	bare := reference.Reference{Tag: "3", Digest: emptySHA512}
	for text, want := range map[string][2]string{
		"oci:d":                      {"docker.io/hczjl/halo:1.6", "/:3"},
		"oci:d:2":                    {"docker.io/hczjl/halo:2", "/:2"},
		"oci:d:other":                {"docker.io/hczjl/halo:other", "/:other"},
		"oci:d:a/b":                  {"docker.io/a/b:latest", "docker.io/a/b:latest"},
		"oci:d:h.io/b:7":             {"h.io/b:7", "h.io/b:7"},
		"oci:d@" + emptySHA256:       {"docker.io/hczjl/halo@" + emptySHA256, "/@" + emptySHA256},
		"oci:d:a/b@" + emptySHA256:   {"docker.io/a/b@" + emptySHA256, "docker.io/a/b@" + emptySHA256},
		"oci:d:2@" + emptySHA256:     {},
		"oci:d:a/b:2@" + emptySHA256: {},
		"oci:d:a/B":                  {},
		"h.io/b:7@" + emptySHA256:    {},
	} {
		l, err := ParseLocation(text)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []reference.Reference{halo, bare} {
			as, err := l.NameFor(name)
			refused := run.ExitCode(err) == cli.ExitUsage
			if want[i] == "" && !refused || want[i] != "" && (err != nil || as.String() != want[i]) {
				t.Errorf("%s for %s: got %s, error %v", text, name, as, err)
			}
		}
	}
	pinned := halo
	pinned.Digest = blob.Digest(emptySHA256) // ignored beside a tag
	if as, err := (Location{Transport: TransportOCI, Path: "d"}).NameFor(pinned); err != nil || as != halo {
		t.Errorf("got %s, error %v", as, err)
	}
}

// The name that an image gets in a layout reads back as that name.
func TestWithNameReadsBack(t *testing.T) {
	for name, want := range map[string]string{
		"alpine:3.20":                "oci:d:alpine:3.20",
		"alpine@" + emptySHA256:      "oci:d:docker.io/library/alpine@" + emptySHA256,
		"hczjl/halo@" + emptySHA256:  "oci:d:docker.io/hczjl/halo@" + emptySHA256,
		"h.io/halo:1@" + emptySHA256: "oci:d:h.io/halo:1",
	} {
		ref, err := reference.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		l := Location{Transport: TransportOCI, Path: "d"}
		as, err := l.NameFor(ref)
		if err != nil {
			t.Fatal(err)
		}
		called := l.WithName(ref)
		again, err := called.NameFor(reference.Reference{})
		if called.String() != want || err != nil || again != as {
			t.Errorf("%s is %s, which is %s, error %v", name, called, again, err)
		}
	}
	for _, text := range []string{"oci:d:x", "oci:d@" + emptySHA256} {
		l, _ := ParseLocation(text)
		if got := l.WithName(reference.Reference{Path: "halo", Tag: "1"}); got != l {
			t.Errorf("%s became %s", text, got)
		}
	}
}
