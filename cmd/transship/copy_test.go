package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

func TestCopy(t *testing.T) {
	c := newCopySetup(t)
	digest := string(c.source.pushThreePlatforms().Digest)
	o := c.run("copy", c.src, c.dst).want(0, ": 3 images; blobs: 7 sent; ")
	if want := c.dst + "@" + digest + "\n"; o.stdout != want {
		t.Errorf("%s\nprints %s\nwant   %s", o.line, o.stdout, want)
	}
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	slices.Sort(lines[:len(lines)-1])
	want := []string{"linux/amd64 sha256:b43921f81f43: copied", "linux/arm/v7 sha256:e1452631bc83: copied",
		"linux/arm64 sha256:ea1d1af0e269: copied"}
	if diff := cmp.Diff(want, lines[:len(lines)-1]); diff != "" {
		t.Errorf("%s\n%s", o.line, diff)
	}
	if got := c.run("inspect", "--raw", c.dst).stdout; got != c.run("inspect", "--raw", c.src).stdout {
		t.Errorf("the list became\n%s", got)
	}

	o = c.run("copy", c.src, c.dst).want(0)
	if want := c.dst + " is up to date with " + c.src + "\n"; o.stderr != want {
		t.Errorf("%s, the second time\nsays %s\nwant %s", o.line, o.stderr, want)
	}
	o = c.run("copy", "-q", c.src, c.target.host+"/other:1").want(0)
	if o.stderr != "" || o.stdout != c.target.host+"/other:1@"+digest+"\n" {
		t.Errorf("%s\nsays %q", o.line, o.stderr)
	}
	c.run("copy", c.dst, c.target.host+"/third:1").want(0, "3 images; blobs: 7 mounted; 0 B in ")
}

func TestCopyOntoItself(t *testing.T) {
	c := newCopySetup(t)
	c.run("copy", c.src, c.src).want(0, "is up to date with")
}

func TestCopyOfChangedImage(t *testing.T) {
	c := newCopySetup(t)
	c.run("copy", c.src, c.dst).want(0)
	c.source.pushList("src/repo", "1.6", c.source.pushImage("src/repo", "", "linux/amd64", "shared", "for amd64"),
		c.source.pushImage("src/repo", "", "linux/riscv64", "shared", "for riscv64"))
	c.run("copy", c.src, c.dst).
		want(0, "linux/amd64 sha256:b43921f81f43: already there\n", "linux/riscv64 sha256:",
			": 2 images; blobs: 2 sent, 1 already there; ")
}

func TestCopySubset(t *testing.T) {
	c := newCopySetup(t)
	for line, want := range map[string]string{
		"copy --platform linux/arm64 SRC DST":                            "linux/arm64",
		"copy --platform linux/arm64/v8,linux/amd64 SRC DST":             "linux/amd64 linux/arm64",
		"copy --platform linux/amd64 SRC DST --platform linux/arm64":     "linux/amd64 linux/arm64",
		"copy SRC --platform=linux/amd64,linux/arm64,linux/arm/v7 DST":   "linux/amd64 linux/arm/v7 linux/arm64",
		"copy -platform linux/arm SRC DST":                               "linux/arm/v7",
		"copy --platform linux/amd64 --jobs 1 --chunk-size 4 -q SRC DST": "linux/amd64",
	} {
		c := &copySetup{program: newProgram(t), source: c.source, target: startServer(t), src: c.src}
		c.dst = c.target.host + "/dst/repo:1.6"
		c.run(strings.Fields(strings.NewReplacer("SRC", c.src, "DST", c.dst).Replace(line))...).want(0)
		m, err := manifest.Parse("", []byte(c.run("inspect", "--raw", c.dst).stdout))
		if err != nil {
			t.Fatal(err)
		}
		ix, err := m.Index()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range ix.Platforms() {
			got = append(got, p.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s leaves %s, want %s", line, got, want)
		}
	}
}

func TestCopyFlatten(t *testing.T) {
	c := newCopySetup(t)
	digest := c.source.pushImage("src/repo", "", "linux/arm64", "shared", "for arm64").Digest
	o := c.run("copy", "--flatten", "--platform", "linux/arm64", c.src, c.dst).want(0, ": 1 image; ")
	if o.stdout != c.dst+"@"+string(digest)+"\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	single := c.target.host + "/single:1" // a single image stays one
	if o := c.run("copy", c.dst, single, "--platform", "linux/arm64").
		want(0); o.stdout != single+"@"+string(digest)+"\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}

func TestCopyReferrers(t *testing.T) {
	c := newCopySetup(t)
	root := c.source.pushThreePlatforms()
	config := c.source.pushBlob("src/repo", manifest.MediaTypeOCIEmpty, []byte("{}"))
	raw, err := manifest.OCIStyle().
		EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest,
			ArtifactType: "application/spdx+json", Config: &config, Layers: []manifest.Descriptor{config},
			Subject: &root})
	if err != nil {
		t.Fatal(err)
	}
	sbom := c.source.pushManifest("src/repo", "", raw)
	c.source.pushImage("src/repo", strings.Replace(string(root.Digest), ":", "-", 1)+".sig", "linux/amd64", "signature")
	c.run("copy", c.src, c.dst).want(0)
	if c.target.has("dst/repo", string(sbom.Digest)) {
		t.Error("the SBOM came without --referrers")
	}
	c.run("copy", "--referrers", c.src, c.dst).want(0)
	for _, ref := range []string{string(sbom.Digest), strings.Replace(string(root.Digest), ":", "-", 1) + ".sig"} {
		if !c.target.has("dst/repo", ref) {
			t.Errorf("%s is not there", ref)
		}
	}
}

func TestCopyInChunks(t *testing.T) {
	c := newCopySetup(t)
	c.run("copy", "--chunk-size", "4", c.src, c.dst).want(0)
	if n := c.target.Count("^PATCH"); n < 7 {
		t.Errorf("%d chunks were sent", n)
	}
}

func TestVerboseCopy(t *testing.T) {
	c := newCopySetup(t)
	signed := "/storage?X-Amz-Signature=" + secret + "&digest=x"
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/sha256", Status: 307,
		Header: map[string]string{"Location": signed}},
		registry.Rule{Match: "^GET /storage", Status: 404})
	c.run("copy", "-v", "--jobs", "1", c.src, c.dst).
		want(4, "307 GET ", "http://"+c.source.host+"/storage?X-Amz-Signature=REDACTED&digest=x")

	c = newCopySetup(t)
	o := c.run("copy", "-v", c.src, c.dst).want(0)
	calls := regexp.MustCompile(`(?m)^\d{3} (GET|HEAD|POST|PUT)  ? ? +\d+\.\dms http://127\.0\.0\.1:\d+/v2/\S+( sent [\d.]+ k?B)?( received [\d.]+ k?B)?$`)
	if got, want := len(calls.FindAllString(o.stderr, -1)), c.source.Count("")+c.target.Count(""); got != want {
		t.Errorf("%s\nprints %d calls, want %d:\n%s", o.line, got, want, o.stderr)
	}
}

func TestRegistryWarningIsPrintedOnce(t *testing.T) {
	c := newCopySetup(t)
	c.target.Set(registry.Rule{Match: "^PUT .*/manifests/",
		Header: map[string]string{"Warning": `299 - "this registry moves to example.com"`}})
	o := c.run("copy", c.src, c.dst).want(0, "warning: this registry moves to example.com\n")
	if n := strings.Count(o.stderr, "warning:"); n != 1 {
		t.Errorf("%s\nwarns %d times", o.line, n)
	}
	if o := c.run("copy", "--quiet", c.src, c.dst+".1").want(0); o.stderr != "" {
		t.Errorf("%s\nsays %s", o.line, o.stderr)
	}
}

// CA certificates are read from files, separately for source and target.
func TestCertificateFiles(t *testing.T) {
	c := newCopySetup(t)
	host, ca := listenTLS(t, c.source), c.writeFile("ca.pem", "")
	if err := os.WriteFile(ca, serverCertificate(t, host), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("copy", host+"/src/repo:1.6", c.dst, "--src-ca", ca).want(0)
	c.run("digest", "--ca", ca, host+"/src/repo:1.6").want(0)
	c.run("digest", host+"/src/repo:1.6").want(5)
	c.writeFile(".docker/certs.d/"+host+"/ca.crt", string(serverCertificate(t, host)))
	c.run("digest", host+"/src/repo:1.6").want(0)
	c.run("digest", "--ca", c.writeFile("garbage.pem", secret), host+"/src/repo:1.6").
		wantError(wantedError{5, "garbage.pem", "PEM files"})
}

func TestCopyToSeveralTargets(t *testing.T) {
	c := newCopySetup(t)
	digest := "@" + string(c.source.pushThreePlatforms().Digest) + "\n"
	second := c.target.host + "/second:2"
	o := c.run("copy", c.src, c.dst, second).
		want(0, "copied "+c.src+" to "+c.dst+"\n", "copied "+c.src+" to "+second+"\n")
	if want := c.dst + digest + second + digest; o.stdout != want {
		t.Errorf("%s\nprints %s\nwant   %s", o.line, o.stdout, want)
	}
	if n := c.source.Count("^GET .*/blobs/"); n != 7 {
		t.Errorf("%d blobs were read from the source, want each once", n)
	}
	o = c.run("copy", c.src, unusedAddress(t)+"/x:1", c.target.host+"/third:3").
		want(8, "failed: 127.0.0.1:", "1 of 2 failed")
	if want := c.target.host + "/third:3" + digest; o.stdout != want {
		t.Errorf("%s\nprints %s\nwant   %s", o.line, o.stdout, want)
	}
	c.run("copy", c.source.host+"/src/repo:none", c.dst, second).want(4, "404 Not Found")
	c.run("copy", c.src, c.dst, c.dst).want(2, "named twice")
}
