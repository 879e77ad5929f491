package cli

import (
	"os"
	"strings"
	"testing"
)

func TestParseReferenceRefusesHostsAndFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"backup.d", "some.layout", "data.d"} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"halo", "halo.img", "data.d/monday.tar", "registry.example.com.tar"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{
		"127.0.0.1:17302": "127.0.0.1:17302 is a registry: name a repository too, as in " +
			"127.0.0.1:17302/halohub/halo:1.6",
		"registry.example.com":          "registry.example.com is a registry: name",
		"Registry.Example.com":          "Registry.Example.com is a registry: name",
		"registry.example.com/":         "registry.example.com is a registry: name",
		"registry.example.com:443":      "registry.example.com:443 is a registry: name",
		"registry.example.com:1.6":      "registry.example.com is a registry: name",
		"docker.io":                     "docker.io is a registry: name",
		"localhost":                     "localhost is a registry: name",
		"localhost:5000":                "localhost:5000 is a registry: name",
		"10.1.2.3":                      "10.1.2.3 is a registry: name",
		"[::1]:5000":                    "[::1]:5000 is a registry: name",
		"docker://registry.example.com": "registry.example.com is a registry: name",

		"monday.tar":        "monday.tar is a file: write oci-archive:monday.tar",
		"Monday.TAR":        "Monday.TAR is a file: write oci-archive:Monday.TAR",
		"monday.tar.gz":     "monday.tar.gz is a file: write",
		"monday.tar:1.6":    "monday.tar:1.6 is a file: write oci-archive:monday.tar:1.6",
		"out/monday.tar":    "out/monday.tar is a file: write oci-archive:out/monday.tar",
		"data.d/monday.tar": "data.d/monday.tar is a file: write",
		"monday.tar.001":    "monday.tar.001 is a file: write oci-archive:monday.tar.001",
		"out/x.tar.012":     "out/x.tar.012 is a file: write oci-archive:out/x.tar.012",
		"./monday":          "./monday is a file: write oci-archive:./monday",
		"/srv/monday":       "/srv/monday is a file: write oci-archive:/srv/monday",
		"../out/":           "../out/ is a folder: write oci:../out/",
		"..":                ".. is a folder: write oci:..",
		".":                 ". is a folder: write oci:.",
		"some.layout":       "some.layout is a folder: write oci:some.layout",
		"halo.img":          "halo.img is a file: write oci-archive:halo.img",
		"list.txt":          "list.txt is a file: write",
		`C:\out\monday.tar`: `C:\out\monday.tar is a file: write oci-archive:C:\out\monday.tar`,
		`.\monday`:          `.\monday is a file: write`,
		`..\monday`:         `..\monday is a file: write`,
		`\\server\monday`:   `\\server\monday is a file: write`,

		"oci:base":                "oci:base is not on a registry",
		"docker-archive:base.tar": "docker-archive:base.tar is not on a registry",
		"docker-daemon:alpine":    "docker-daemon:alpine is not on a registry",
	} {
		_, err := ParseReference(text)
		if err == nil || ExitCodeOf(err) != ExitUsage || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	_, err := ParseReference("alpine.tar")
	if hint, _ := HintOf(err); hint != "to write images to a file: transship save -o alpine.tar IMAGE" {
		t.Errorf("the hint for a file that does not exist: %s", hint)
	}
	if _, err := ParseRepository("r.example.com"); err == nil || !strings.HasSuffix(err.Error(), "r.example.com/halohub/halo") {
		t.Errorf("a repository: %v", err)
	}
}

func TestParseReferenceTakesImages(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("halohub/halo", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("alpine", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"alpine":                         "docker.io/library/alpine:latest",
		"alpine:3.20":                    "docker.io/library/alpine:3.20",
		"registry:2":                     "docker.io/library/registry:2",
		"amazonlinux:2023":               "docker.io/library/amazonlinux:2023",
		"tar":                            "docker.io/library/tar:latest",
		"halohub/halo":                   "docker.io/halohub/halo:latest",
		"library/foo.bar":                "docker.io/library/foo.bar:latest",
		"user/node.js:1.0":               "docker.io/user/node.js:1.0",
		"user/data.json":                 "docker.io/user/data.json:latest",
		"docker.io/library/example.com":  "docker.io/library/example.com:latest",
		"docker.io/monday.tar":           "docker.io/library/monday.tar:latest",
		"docker.io/out/monday.tar":       "docker.io/out/monday.tar:latest",
		"localhost/x":                    "localhost/x:latest",
		"localhost:5000/x":               "localhost:5000/x:latest",
		"127.0.0.1:5000/x":               "127.0.0.1:5000/x:latest",
		"[::1]:5000/x:1":                 "[::1]:5000/x:1",
		"registry.example.com/a.tar":     "registry.example.com/a.tar:latest",
		"docker://alpine":                "docker.io/library/alpine:latest",
		"docker://oci:base":              "docker.io/library/oci:base",
		"docker.io/library/oci:base":     "docker.io/library/oci:base",
		"oci/base":                       "docker.io/oci/base:latest",
		"registry-1.docker.io/library/x": "registry-1.docker.io/library/x:latest",
	} {
		if ref, err := ParseReference(text); err != nil || ref.String() != want {
			t.Errorf("%q: got %s, %v, want %s", text, ref, err, want)
		}
	}
}
