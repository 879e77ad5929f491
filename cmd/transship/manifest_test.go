package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// listSetup is a registry with three images in dst/repo, and a program that makes lists of them.
type listSetup struct {
	*program
	*server
	list string // reference
}

func newListSetup(t testing.TB) *listSetup {
	t.Helper()
	b := &listSetup{program: newProgram(t), server: startServer(t)}
	b.list = b.host + "/dst/repo:1.6"
	for tag, platform := range map[string]string{"amd64": "linux/amd64", "arm64": "linux/arm64", "arm32": "linux/arm"} {
		b.pushImage("dst/repo", tag, platform, "shared", "for "+tag)
	}
	return b
}

// do runs a manifest command. In it, LIST stands for the list, REPO for its repository and HOST for
// the registry.
func (b *listSetup) do(line string) result {
	b.program.t.Helper()
	line = strings.NewReplacer("LIST", b.list, "REPO", b.host+"/dst/repo", "HOST", b.host).Replace(line)
	return b.program.run(append([]string{"manifest"}, strings.Fields(line)...)...)
}

// wantOutput checks standard output and standard error as a whole. HOST in them stands for the
// registry.
func (b *listSetup) wantOutput(o result, stdout, stderr string) {
	b.program.t.Helper()
	stdout, stderr = strings.ReplaceAll(stdout, "HOST", b.host), strings.ReplaceAll(stderr, "HOST", b.host)
	if o.stdout != stdout || o.stderr != stderr {
		b.program.t.Errorf("%s\n%s%s", o.line, cmp.Diff(stdout, o.stdout), cmp.Diff(stderr, o.stderr))
	}
}

// pushedList returns the list that the registry has under the tag.
func (b *listSetup) pushedList() manifest.Index {
	b.program.t.Helper()
	m, err := manifest.Parse("", []byte(b.program.run("inspect", "--raw", b.list).want(0).stdout))
	if err != nil {
		b.program.t.Fatal(err)
	}
	ix, err := m.Index()
	if err != nil {
		b.program.t.Fatal(err)
	}
	return ix
}

func platformNames(ix manifest.Index) string {
	var out []string
	for _, d := range ix.Manifests {
		out = append(out, d.Platform.String())
	}
	return strings.Join(out, " ")
}

// The steps of docker's walk-through give docker's messages, order of entries, and bytes.
func TestManifestWalkThrough(t *testing.T) {
	b := newListSetup(t)
	b.wantOutput(b.do("create LIST REPO:amd64 REPO:arm64 REPO:arm32").want(0),
		"Created manifest list HOST/dst/repo:1.6\n", "")
	b.wantOutput(b.do("annotate LIST REPO:arm32 --os linux --arch arm --variant v7").want(0), "", "")
	golden(t, "manifest-inspect-local.json", b.do("inspect LIST").want(0).stdout)
	golden(t, "manifest-inspect-entry.json", b.do("inspect LIST REPO:arm32").want(0).stdout)
	golden(t, "manifest-inspect-verbose.json", b.do("inspect -v LIST").want(0).stdout, b.host, "HOST")
	o := b.do("push LIST").want(0)
	golden(t, "manifest-push.txt", o.stdout+o.stderr)
	golden(t, "manifest-pushed.json", b.program.run("inspect", "--raw", b.list).stdout)
	if got := platformNames(b.pushedList()); got != "linux/amd64 linux/arm/v7 linux/arm64" {
		t.Errorf("the entries are %s, want docker's order", got)
	}
	b.wantOutput(b.do("rm LIST").want(0), "", "")
	golden(t, "manifest-inspect-remote.json", b.do("inspect LIST").want(0).stdout)
	golden(t, "manifest-inspect-remote-verbose.json", b.do("inspect --verbose LIST").want(0).stdout, b.host, "HOST")
	golden(t, "manifest-inspect-image.json", b.do("inspect REPO:amd64").want(0).stdout)
	golden(t, "manifest-inspect-image-verbose.json", b.do("inspect -v REPO:amd64").want(0).stdout, b.host, "HOST")
}

func TestManifestErrors(t *testing.T) {
	b := newListSetup(t)
	b.do("create LIST REPO:amd64").want(0)
	for line, want := range map[string]wantedError{
		"create LIST REPO:arm64": {1, "refusing to amend an existing manifest list with no --amend flag", ""},
		"create REPO:new REPO:nothing": {4, "no such manifest: " + b.host + "/dst/repo:nothing",
			"check the name and the tag"},
		"create REPO:new REPO:amd64 HOST/none:1": {4, "no such manifest: " + b.host + "/none:1",
			"check the name and the tag"},
		"create REPO@sha256:" + strings.Repeat("0", 64) + " REPO:amd64": {2, "a new list has no digest yet",
			"give it a tag"},
		"annotate LIST REPO:arm64 --arch arm64": {4, "manifest for image " + b.host +
			"/dst/repo:arm64 does not exist in " + b.list, "manifest create"},
		"annotate REPO:other REPO:amd64 --arch arm": {4, "does not exist in", "manifest create"},
		"push REPO:other":         {4, "No such manifest: " + b.host + "/dst/repo:other", "manifest create"},
		"rm REPO:other":           {4, "No such manifest: " + b.host + "/dst/repo:other", "manifest create"},
		"inspect LIST REPO:other": {4, "No such manifest: " + b.host + "/dst/repo:other", "manifest create"},
		"inspect REPO:other":      {4, "no such manifest: " + b.host + "/dst/repo:other", "check the name and the tag"},
	} {
		b.do(line).wantError(want)
	}
	b.do("push REPO:new").want(4) // with a missing image the list was not created
}

func TestManifestAmendAndRefresh(t *testing.T) {
	b := newListSetup(t)
	b.do("create LIST REPO:amd64").want(0)
	b.do("create --amend LIST REPO:arm64").want(0)
	b.do("create LIST REPO:arm32 -a").want(0)
	b.do("push LIST").want(0)
	if got := platformNames(b.pushedList()); got != "linux/amd64 linux/arm/v7 linux/arm64" {
		t.Errorf("the entries are %s", got)
	}
	fresh := b.pushImage("dst/repo", "arm64", "linux/arm64", "shared", "newer")
	b.do("create -a LIST REPO:arm64").want(0)
	if strings.Contains(b.do("inspect LIST").stdout, string(fresh.Digest)) {
		t.Error("docker leaves an image that is in the list as it is")
	}
	b.do("rm LIST REPO:arm64").want(0)
	b.do("create -a LIST REPO:arm64").want(0)
	b.do("push --purge LIST").want(0)
	if got := b.pushedList().Manifests[2].Digest; got != fresh.Digest {
		t.Errorf("the list has %s, want %s", got, fresh.Digest)
	}
	b.do("push LIST").want(4)
}

func TestManifestRemove(t *testing.T) {
	b := newListSetup(t)
	for _, list := range []string{"LIST", "REPO:second", "REPO:third"} {
		b.do("create " + list + " REPO:amd64 REPO:arm64").want(0)
	}
	b.do("rm LIST REPO:amd64").want(0) // removes an image
	if got := b.do("inspect LIST").want(0).stdout; strings.Contains(got, "amd64") || !strings.Contains(got, "arm64") {
		t.Errorf("the list is %s", got)
	}
	b.do("rm LIST REPO:second").want(0) // removes two lists, as in docker
	b.do("push LIST").want(4)
	b.do("push REPO:second").want(4)
	b.do("rm REPO:none REPO:third").
		wantError(wantedError{4, "No such manifest: " + b.host + "/dst/repo:none", "manifest create"})
	b.do("push REPO:third").want(4) // it was removed although the other was missing
	b.do("create LIST REPO:amd64").want(0)
	b.do("rm LIST REPO:arm64").
		wantError(wantedError{4, "No such manifest: " + b.host + "/dst/repo:arm64", "manifest create"})
	b.do("push LIST").want(4) // as in docker, both arguments are lists
}

// Unlike docker, manifest create accepts a list as a child and adds its entries.
func TestManifestCreateTakesListEntries(t *testing.T) {
	b := newListSetup(t)
	b.pushAttested("built/repo", "1")
	b.wantOutput(b.do("create LIST HOST/built/repo:1 REPO:arm64").want(0), "Created manifest list HOST/dst/repo:1.6\n",
		"note: HOST/built/repo:1 is a manifest list; its entries are added\n")
	o := b.do("push LIST").want(0)
	if n := strings.Count(o.stdout, "Pushed ref "); n != 2 {
		t.Errorf("%d images were pushed:\n%s", n, o.stdout)
	}
	ix := b.pushedList()
	attestations := 0
	for _, d := range ix.Manifests {
		if d.AttestationFor() != "" {
			attestations++
		}
		if !b.has("dst/repo", string(d.Digest)) {
			t.Errorf("%s is not there", d.Digest)
		}
	}
	if len(ix.Manifests) != 3 || attestations != 1 {
		t.Errorf("%d entries, %d attestations", len(ix.Manifests), attestations)
	}
}

func TestManifestCreateFlattensNestedLists(t *testing.T) {
	b := newListSetup(t)
	inner := b.server.pushList("nested/repo", "", b.pushImage("nested/repo", "", "linux/s390x", "inner"))
	bare := b.pushImage("nested/repo", "", "linux/riscv64", "outer")
	bare.Platform = nil // the platform is taken from the config
	raw, err := manifest.OCIStyle().
		EncodeIndex(manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex,
			Manifests: []manifest.Descriptor{inner, bare}})
	if err != nil {
		t.Fatal(err)
	}
	b.pushManifest("nested/repo", "1", raw)
	b.do("create LIST HOST/nested/repo:1").want(0)
	b.do("push LIST").want(0)
	got := strings.Fields(platformNames(b.pushedList()))
	slices.Sort(got)
	if diff := cmp.Diff([]string{"linux/riscv64", "linux/s390x"}, got); diff != "" {
		t.Error(diff)
	}
}

// A list with an entry without a platform is not pushed, and the error is docker's. annotate adds
// the platform.
func TestManifestPushNeedsPlatform(t *testing.T) {
	b := newListSetup(t)
	config := b.pushBlob("dst/repo", manifest.MediaTypeDockerConfig, []byte("{}"))
	raw, err := manifest.DockerStyle().
		EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeDockerManifest, Config: &config})
	if err != nil {
		t.Fatal(err)
	}
	b.pushManifest("dst/repo", "unknown", raw)
	b.do("create LIST REPO:unknown").want(0)
	b.do("push LIST").wantError(wantedError{1, "must have an OS and Architecture to be pushed to a registry", ""})
	b.do("annotate LIST REPO:unknown --os linux --arch amd64").want(0)
	b.do("push LIST").want(0)
}

func TestInvalidImageConfig(t *testing.T) {
	b := newListSetup(t)
	for tag, content := range map[string]string{"html": "<html>", "doubled": `{"os":"linux","os":"windows"}`,
		"case": `{"OS":"linux"}`, "types": `{"os":7}`} {
		config := b.pushBlob("dst/repo", manifest.MediaTypeDockerConfig, []byte(content))
		raw, err := manifest.DockerStyle().
			EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeDockerManifest, Config: &config})
		if err != nil {
			t.Fatal(err)
		}
		b.pushManifest("dst/repo", tag, raw)
		b.do("create LIST REPO:" + tag).
			wantError(wantedError{7, b.host + "/dst/repo: config " + config.Digest.Short() + ": ", " "})
		b.program.run("copy", "--platform", "linux/amd64", b.host+"/dst/repo:"+tag, b.host+"/other:1").
			wantError(wantedError{7, "config " + config.Digest.Short() + ": ", " "})
		if b.has("other", "1") {
			t.Error("the tag is there")
		}
	}
}

func TestEmptyLocalList(t *testing.T) {
	b := newListSetup(t)
	b.do("create LIST REPO:amd64").want(0)
	files, err := filepath.Glob(filepath.Join(b.env["HOME"], ".docker/manifests/*/*"))
	if err != nil || len(files) != 1 || os.Remove(files[0]) != nil {
		t.Fatalf("found %v, error %v", files, err)
	}
	b.do("push LIST").wantError(wantedError{4, b.list + " not found", ""})
	b.do("rm LIST").want(0)
}

// Unlike docker, manifest push copies images from another registry.
func TestManifestPushCopiesFromOtherRegistry(t *testing.T) {
	b, other := newListSetup(t), startServer(t)
	d := other.pushImage("elsewhere/repo", "s390x", "linux/s390x", "far", "away")
	b.do("create LIST REPO:amd64 " + other.host + "/elsewhere/repo:s390x").want(0)
	o := b.do("push LIST").want(0)
	if want := "Pushed ref " + b.host + "/dst/repo@" + string(d.Digest) + " with digest: " +
		string(d.Digest); !strings.Contains(o.stdout, want) {
		t.Errorf("%s\nprints %s\nwant %s", o.line, o.stdout, want)
	}
	if !b.has("dst/repo", string(d.Digest)) || len(b.pushedList().Manifests) != 2 {
		t.Error("the image is not there")
	}
}

func TestManifestPushMountsFromOtherRepository(t *testing.T) {
	b := newListSetup(t)
	b.pushImage("other/repo", "riscv", "linux/riscv64", "x", "y")
	b.do("create LIST HOST/other/repo:riscv").want(0)
	b.ResetRequests()
	b.do("push LIST").want(0)
	if n := b.Count("^GET .*/manifests/"); n != 0 {
		t.Errorf("%d manifests are fetched, though the local list has them", n)
	}
	if n := b.Count("^PUT .*/blobs/"); n != 0 || b.Count("mount=.*from=other|from=other.*mount=") != 3 {
		t.Errorf("%d uploads: %v", n, b.Requests())
	}
}

// A push needs one token, for its own repository and those that it mounts from.
func TestManifestPushNeedsOneToken(t *testing.T) {
	b := newListSetup(t)
	b.pushImage("other/repo", "riscv", "linux/riscv64", "x", "y")
	f := &registry.Faults{Handler: &tokenRegistry{next: b.server, public: true}}
	b.host = listen(t, f)
	b.list = b.host + "/dst/repo:1.6"
	b.writeFile(".docker/config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, b.host,
		base64.StdEncoding.EncodeToString([]byte(user+":"+password))))
	b.do("create LIST REPO:amd64 HOST/other/repo:riscv").want(0)
	f.ResetRequests()
	b.do("push LIST").want(0)
	if n := f.Count("^GET /token"); n != 1 ||
		f.Count("^GET /token.*scope=repository%3Adst%2Frepo%3Apull%2Cpush&scope=repository%3Aother%2Frepo%3Apull") != 1 {
		t.Errorf("%d tokens: %v", n, f.Requests())
	}
}

// Unlike docker, annotate accepts pairs of OS and architecture that are not in docker's table.
func TestManifestAnnotateUnknownPlatform(t *testing.T) {
	b := newListSetup(t)
	b.do("create LIST REPO:amd64").want(0)
	b.do("annotate LIST REPO:amd64 --os linux --arch loong64").
		want(0, "note: docker manifest annotate does not know linux/loong64")
	b.wantOutput(b.do("annotate --os windows LIST --arch amd64 REPO:amd64 --os-version 10.0.1 --os-features win32k,x --os-features x --variant v3").want(0), "", "")
	b.do("push LIST").want(0)
	got := b.pushedList().Manifests[0].Platform
	want := &manifest.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.1",
		OSFeatures: []string{"win32k", "x"}, Variant: "v3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFailedManifestPushKeepsList(t *testing.T) {
	b, other := newListSetup(t), startServer(t)
	other.pushImage("elsewhere/repo", "1", "linux/s390x", "far", "away")
	b.do("create LIST REPO:amd64 " + other.host + "/elsewhere/repo:1").want(0)
	other.Set(registry.Rule{Match: "^GET .*/blobs/", Corrupt: true})
	b.do("push --purge LIST").want(7)
	if b.has("dst/repo", "1.6") {
		t.Error("the tag is there")
	}
	other.Set()
	b.do("push --purge LIST").want(0) // the list was not purged
}

func TestCorruptLocalList(t *testing.T) {
	for _, content := range []string{"", "{", "[]", `{"Ref":"../x","Descriptor":{}}`,
		`{"Ref":"HOST/dst/repo:amd64","Descriptor":{"digest":"sha256:0"},"Raw":"e30="}`} {
		b := newListSetup(t)
		b.do("create LIST REPO:amd64 REPO:arm64").want(0)
		files, err := filepath.Glob(filepath.Join(b.env["HOME"], ".docker/manifests/*/*amd64"))
		if err != nil || len(files) != 1 {
			t.Fatalf("found %v, error %v", files, err)
		}
		if err := os.WriteFile(files[0], []byte(strings.ReplaceAll(content, "HOST", b.host)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"push LIST", "inspect LIST", "inspect LIST REPO:amd64",
			"annotate LIST REPO:amd64 --arch arm", "create -a LIST REPO:arm32"} {
			b.do(line).wantError(wantedError{7, filepath.Base(files[0]), ""})
		}
		if b.has("dst/repo", "1.6") {
			t.Error("the tag is there")
		}
		b.do("rm LIST REPO:amd64").want(0) // rm still works
		b.do("push LIST").want(0)
	}
}

// docker maps some pairs of names to one file; these cannot both be in a list. A list that cannot
// be created completely is not created.
func TestNewListIsAtomic(t *testing.T) {
	b := newListSetup(t)
	b.pushImage("a_b", "1", "linux/amd64", "x")
	b.pushImage("a/b", "1", "linux/arm64", "x")
	b.do("create LIST REPO:amd64 HOST/a_b:1 HOST/a/b:1").wantError(wantedError{1, b.host + "/a", ""})
	b.do("push LIST").want(4)
	b.do("create LIST REPO:amd64 HOST/a_b:1").want(0)
	b.do("create -a LIST HOST/a/b:1").wantError(wantedError{1, b.host + "/a", ""})
	b.do("push LIST").want(0) // the list is unchanged
}

func TestListStoreErrors(t *testing.T) {
	b := newListSetup(t)
	b.writeFile(".docker", "a file where the folder should be")
	b.do("create LIST REPO:amd64").wantError(wantedError{1, "not a directory", ""})
	b.env["DOCKER_CONFIG"] = b.writeFile("config/manifests", "") + "/.."
	b.do("create LIST REPO:amd64").wantError(wantedError{1, "not a directory", ""})
}

func TestManifestInsecure(t *testing.T) {
	b := newListSetup(t)
	plain, secure := listenNonLoopback(t, b.server), listenTLS(t, b.server)
	for _, host := range []string{plain, secure} {
		b.do("inspect " + host + "/dst/repo:amd64").want(5)
		b.do("inspect --insecure " + host + "/dst/repo:amd64").want(0) // as in docker, also for plain HTTP
		b.do("create --insecure " + host + "/dst/repo:1 " + host + "/dst/repo:amd64").want(0)
		b.do("push --insecure " + host + "/dst/repo:1").want(0)
	}
}
