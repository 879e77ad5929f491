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
	v := newVoyage(t)
	digest := string(v.source.halo().Digest)
	o := v.run("copy", v.src, v.dst).want(0, ": 3 images; blobs: 7 sent; ")
	if want := v.dst + "@" + digest + "\n"; o.stdout != want {
		t.Errorf("%s\nprints %s\nwant   %s", o.line, o.stdout, want)
	}
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	slices.Sort(lines[:len(lines)-1])
	want := []string{"linux/amd64 sha256:b43921f81f43: copied", "linux/arm/v7 sha256:e1452631bc83: copied", "linux/arm64 sha256:ea1d1af0e269: copied"}
	if diff := cmp.Diff(want, lines[:len(lines)-1]); diff != "" {
		t.Errorf("%s\n%s", o.line, diff)
	}
	if got := v.run("inspect", "--raw", v.dst).stdout; got != v.run("inspect", "--raw", v.src).stdout {
		t.Errorf("the list became\n%s", got)
	}

	o = v.run("copy", v.src, v.dst).want(0)
	if want := v.dst + " is up to date with " + v.src + "\n"; o.stderr != want {
		t.Errorf("%s, the second time\nsays %s\nwant %s", o.line, o.stderr, want)
	}
	o = v.run("copy", "-q", v.src, v.target.host+"/other:1").want(0)
	if o.stderr != "" || o.stdout != v.target.host+"/other:1@"+digest+"\n" {
		t.Errorf("%s\nsays %q", o.line, o.stderr)
	}
	v.run("copy", v.dst, v.target.host+"/third:1").want(0, "3 images; blobs: 7 mounted; 0 B in ")
}

func TestCopyOntoItself(t *testing.T) {
	v := newVoyage(t)
	v.run("copy", v.src, v.src).want(0, "is up to date with")
}

func TestCopyOfAChangedImage(t *testing.T) {
	v := newVoyage(t)
	v.run("copy", v.src, v.dst).want(0)
	v.source.list("halohub/halo", "1.6", v.source.image("halohub/halo", "", "linux/amd64", "shared", "for amd64"),
		v.source.image("halohub/halo", "", "linux/riscv64", "shared", "for riscv64"))
	v.run("copy", v.src, v.dst).want(0, "linux/amd64 sha256:b43921f81f43: there already\n", "linux/riscv64 sha256:", ": 2 images; blobs: 2 sent, 1 there already; ")
}

func TestCopySubset(t *testing.T) {
	v := newVoyage(t)
	for line, want := range map[string]string{
		"copy --platform linux/arm64 SRC DST":                            "linux/arm64",
		"copy --platform linux/arm64/v8,linux/amd64 SRC DST":             "linux/amd64 linux/arm64",
		"copy --platform linux/amd64 SRC DST --platform linux/arm64":     "linux/amd64 linux/arm64",
		"copy SRC --platform=linux/amd64,linux/arm64,linux/arm/v7 DST":   "linux/amd64 linux/arm/v7 linux/arm64",
		"copy -platform linux/arm SRC DST":                               "linux/arm/v7",
		"copy --platform linux/amd64 --jobs 1 --chunk-size 4 -q SRC DST": "linux/amd64",
	} {
		v := &voyage{program: newProgram(t), source: v.source, target: startServer(t), src: v.src}
		v.dst = v.target.host + "/hczjl/halo:1.6"
		v.run(strings.Fields(strings.NewReplacer("SRC", v.src, "DST", v.dst).Replace(line))...).want(0)
		m, err := manifest.Parse("", []byte(v.run("inspect", "--raw", v.dst).stdout))
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
	v := newVoyage(t)
	digest := v.source.image("halohub/halo", "", "linux/arm64", "shared", "for arm64").Digest
	o := v.run("copy", "--flatten", "--platform", "linux/arm64", v.src, v.dst).want(0, ": 1 image; ")
	if o.stdout != v.dst+"@"+string(digest)+"\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	single := v.target.host + "/single:1" // what is one image already stays one
	if o := v.run("copy", v.dst, single, "--platform", "linux/arm64").want(0); o.stdout != single+"@"+string(digest)+"\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}

func TestCopyReferrers(t *testing.T) {
	v := newVoyage(t)
	root := v.source.halo()
	config := v.source.blob("halohub/halo", manifest.MediaTypeOCIEmpty, []byte("{}"))
	raw, err := manifest.OCIStyle().EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest,
		ArtifactType: "application/spdx+json", Config: &config, Layers: []manifest.Descriptor{config}, Subject: &root})
	if err != nil {
		t.Fatal(err)
	}
	sbom := v.source.manifest("halohub/halo", "", raw)
	v.source.image("halohub/halo", strings.Replace(string(root.Digest), ":", "-", 1)+".sig", "linux/amd64", "signature")
	v.run("copy", v.src, v.dst).want(0)
	if v.target.has("hczjl/halo", string(sbom.Digest)) {
		t.Error("the SBOM came without --referrers")
	}
	v.run("copy", "--referrers", v.src, v.dst).want(0)
	for _, ref := range []string{string(sbom.Digest), strings.Replace(string(root.Digest), ":", "-", 1) + ".sig"} {
		if !v.target.has("hczjl/halo", ref) {
			t.Errorf("%s is not there", ref)
		}
	}
}

func TestCopyInChunks(t *testing.T) {
	v := newVoyage(t)
	v.run("copy", "--chunk-size", "4", v.src, v.dst).want(0)
	if n := v.target.Count("^PATCH"); n < 7 {
		t.Errorf("%d chunks were sent", n)
	}
}

func TestVerboseCopy(t *testing.T) {
	v := newVoyage(t)
	signed := "/storage?X-Amz-Signature=" + secret + "&digest=x"
	v.source.Set(registry.Rule{On: "^GET .*/blobs/sha256", Times: 1, Status: 307, Header: map[string]string{"Location": signed}},
		registry.Rule{On: "^GET /storage", Status: 404})
	v.run("copy", "-v", "--jobs", "1", v.src, v.dst).want(4, "307 GET ", "http://"+v.source.host+"/storage?X-Amz-Signature=REDACTED&digest=x")

	v = newVoyage(t)
	o := v.run("copy", "-v", v.src, v.dst).want(0)
	calls := regexp.MustCompile(`(?m)^\d{3} (GET|HEAD|POST|PUT)  ? ? +\d+\.\dms http://127\.0\.0\.1:\d+/v2/\S+( sent [\d.]+ k?B)?( received [\d.]+ k?B)?$`)
	if got, want := len(calls.FindAllString(o.stderr, -1)), v.source.Count("")+v.target.Count(""); got != want {
		t.Errorf("%s\nprints %d calls, want %d:\n%s", o.line, got, want, o.stderr)
	}
}

func TestWarningsOfARegistry(t *testing.T) {
	v := newVoyage(t)
	v.target.Set(registry.Rule{On: "^PUT .*/manifests/", Header: map[string]string{"Warning": `299 - "this registry moves to example.com"`}})
	o := v.run("copy", v.src, v.dst).want(0, "warning: this registry moves to example.com\n")
	if n := strings.Count(o.stderr, "warning:"); n != 1 {
		t.Errorf("%s\nwarns %d times", o.line, n)
	}
	if o := v.run("copy", "--quiet", v.src, v.dst+".1").want(0); o.stderr != "" {
		t.Errorf("%s\nsays %s", o.line, o.stderr)
	}
}

// Client certificates and CAs are read from files, and each side has its own.
func TestCertificateFiles(t *testing.T) {
	v := newVoyage(t)
	host, ca := listenTLS(t, v.source), v.write("ca.pem", "")
	if err := os.WriteFile(ca, certificate(t, host), 0o600); err != nil {
		t.Fatal(err)
	}
	v.run("copy", host+"/halohub/halo:1.6", v.dst, "--src-ca", ca).want(0)
	v.run("digest", "--ca", ca, host+"/halohub/halo:1.6").want(0)
	v.run("digest", host+"/halohub/halo:1.6").want(5)
	v.write(".docker/certs.d/"+host+"/ca.crt", string(certificate(t, host)))
	v.run("digest", host+"/halohub/halo:1.6").want(0)
	v.run("digest", "--ca", v.write("garbage.pem", secret), host+"/halohub/halo:1.6").complains(complaint{5, "garbage.pem", "PEM files"})
}

func TestCopyToSeveral(t *testing.T) {
	v := newVoyage(t)
	digest := "@" + string(v.source.halo().Digest) + "\n"
	second := v.target.host + "/second:2"
	o := v.run("copy", v.src, v.dst, second).want(0, "copied "+v.src+" to "+v.dst+"\n", "copied "+v.src+" to "+second+"\n")
	if want := v.dst + digest + second + digest; o.stdout != want {
		t.Errorf("%s\nprints %s\nwant   %s", o.line, o.stdout, want)
	}
	if n := v.source.Count("^GET .*/blobs/"); n != 7 {
		t.Errorf("%d blobs were read from the source, want each once", n)
	}
	o = v.run("copy", v.src, nobody(t)+"/x:1", v.target.host+"/third:3").want(8, "failed: 127.0.0.1:", "1 of 2 failed")
	if want := v.target.host + "/third:3" + digest; o.stdout != want {
		t.Errorf("%s\nprints %s\nwant   %s", o.line, o.stdout, want)
	}
	v.run("copy", v.source.host+"/halohub/halo:none", v.dst, second).want(4, "404 Not Found")
	v.run("copy", v.src, v.dst, v.dst).want(2, "named twice")
}
