package serve

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// writableWith serves an empty folder that gets an image with OCI media types, src/repo:1.6, and a
// referrer of it.
func writableWith(t *testing.T) (at *servers.Serving, im, referrer fixture.Image) {
	t.Helper()
	at = servers.Serve(t, "--writable", t.TempDir())
	im = fixture.Real().OCI()
	referrer = fixture.Referrer(im.Root().Descriptor, "application/vnd.example.sbom", "sbom")
	if err := at.Repository("src/repo").Push(t.Context(), im, "1.6"); err != nil {
		t.Fatal(err)
	}
	if err := at.Repository("src/repo").Push(t.Context(), referrer); err != nil {
		t.Fatal(err)
	}
	return at, im, referrer
}

// wantRepository checks that a repository has exactly these tags, and im under the first one.
func wantRepository(t *testing.T, at *servers.Serving, name string, im fixture.Image, tags ...string) {
	t.Helper()
	crane := servers.Crane(t)
	if got := strings.Fields(crane.Output(t, "ls", at.Host+"/"+name)); !slices.Equal(got, tags) {
		t.Errorf("%s has the tags %q, want %q", name, got, tags)
	}
	if len(tags) == 0 {
		return
	}
	if err := at.Repository(name).Verify(t.Context(), im, tags[0]); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// wantText checks that an output contains each of the texts.
func wantText(t *testing.T, output string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("the output does not contain %s:\n%s", text, output)
		}
	}
}

// amd64 returns the digest of the image for linux/amd64.
func amd64(im fixture.Image) string { return im.Only("linux/amd64").Root().Digest.String() }

// regctl copies with referrers, edits indexes, puts artifacts and blobs, and deletes tags.
func TestRegctl(t *testing.T) {
	t.Parallel()
	at, im, referrer := writableWith(t)
	regctl := servers.Regctl(t, at.Host)
	src, dst := at.Host+"/src/repo:1.6", at.Host+"/regctl/repo"

	regctl.Output(t, "image", "copy", "--referrers", "--digest-tags", src, dst+":1.6")
	wantRepository(t, at, "regctl/repo", im, "1.6")
	wantText(t, regctl.Output(t, "artifact", "tree", dst+":1.6"), referrer.Root().Digest.String())
	wantText(t, regctl.Output(t, "artifact", "list", dst+":1.6"), "application/vnd.example.sbom")
	wantText(t, regctl.Output(t, "repo", "ls", at.Host), "regctl/repo", "src/repo")
	wantText(t, regctl.Output(t, "image", "digest", dst+":1.6"), im.Root().Digest.String())
	wantText(t, regctl.Output(t, "manifest", "get", "--platform", "linux/amd64", "--format", "raw-body", dst+":1.6"),
		string(im.Only("linux/amd64").Root().Raw))

	regctl.Output(t, "index", "create", "--ref", src, "--platform", "linux/amd64", dst+":index")
	regctl.Output(t, "index", "add", "--ref", src, "--platform", "linux/arm64", dst+":index")
	regctl.Output(t, "index", "delete", "--platform", "linux/amd64", dst+":index")
	if got := regctl.Output(t, "manifest", "get", "--format", "raw-body", dst+":index"); strings.Contains(got, amd64(im)) {
		t.Errorf("the index still has linux/amd64: %s", got)
	}

	put := regctl.RunInput(t, "an SBOM", "artifact", "put", "--artifact-type", "application/vnd.example.note",
		"--subject", dst+":1.6")
	if put.Exit != 0 {
		t.Fatal(put)
	}
	wantText(t, regctl.Output(t, "artifact", "list", dst+":1.6"), "application/vnd.example.note")
	if got := regctl.Output(t, "artifact", "get", "--subject", dst+":1.6", "--filter-artifact-type",
		"application/vnd.example.note"); got != "an SBOM" {
		t.Errorf("the artifact is %q", got)
	}
	pushed := regctl.RunInput(t, "a blob", "blob", "put", dst)
	if want := digest.FromString("a blob").String(); strings.TrimSpace(pushed.Stdout) != want {
		t.Errorf("blob put prints %q, want %s", pushed.Stdout, want)
	}
	if got := regctl.Output(t, "blob", "get", dst, digest.FromString("a blob").String()); got != "a blob" {
		t.Errorf("the blob is %q", got)
	}

	regctl.Output(t, "image", "copy", dst+":1.6", dst+":gone")
	regctl.Output(t, "tag", "delete", dst+":gone")
	wantRepository(t, at, "regctl/repo", im, "1.6", "index")
	regctl.Output(t, "tag", "delete", dst+":index")
	regctl.Output(t, "manifest", "delete", "--force-tag-dereference", dst+":1.6")
	wantRepository(t, at, "regctl/repo", im)
}

// oras pushes and attaches files, copies with referrers, edits indexes, and deletes.
func TestOras(t *testing.T) {
	t.Parallel()
	at, im, referrer := writableWith(t)
	oras := servers.Oras(t)
	src, dst := at.Host+"/src/repo:1.6", at.Host+"/oras/repo"
	dir := t.TempDir()
	file := filepath.Join(dir, "note.txt")
	if err := os.WriteFile(file, []byte("a note"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		return oras.Output(t, append(args, "--plain-http")...)
	}

	oras.Output(t, "copy", "--recursive", "--from-plain-http", "--to-plain-http", src, dst+":1.6")
	wantRepository(t, at, "oras/repo", im, "1.6")
	wantText(t, run("discover", dst+":1.6"), referrer.Root().Digest.String())
	run("attach", "--disable-path-validation", "--artifact-type", "application/vnd.example.note", dst+":1.6", file+":text/plain")
	wantText(t, run("discover", "--artifact-type", "application/vnd.example.note", "--format", "json", dst+":1.6"),
		"application/vnd.example.note")
	wantText(t, run("resolve", dst+":1.6"), im.Root().Digest.String())
	wantText(t, run("manifest", "fetch", "--platform", "linux/amd64", "--descriptor", dst+":1.6"), amd64(im))
	wantText(t, run("repo", "ls", at.Host), "oras/repo")

	run("push", "--disable-path-validation", "--artifact-type", "application/vnd.example.note", dst+":note", file+":text/plain")
	run("pull", "--output", filepath.Join(dir, "pulled"), "--allow-path-traversal", dst+":note")
	run("tag", dst+":1.6", "second", "third")
	run("manifest", "index", "create", dst+":index", amd64(im))
	run("manifest", "index", "update", dst+":index", "--add", im.Only("linux/arm64").Root().Digest.String(),
		"--remove", amd64(im))
	if got := run("manifest", "fetch", dst+":index"); strings.Contains(got, amd64(im)) {
		t.Errorf("the index still has linux/amd64: %s", got)
	}
	wantRepository(t, at, "oras/repo", im, "1.6", "index", "note", "second", "third")

	run("blob", "push", dst, file)
	if got := run("blob", "fetch", "--output", "-", dst+"@"+digest.FromString("a note").String()); got != "a note" {
		t.Errorf("the blob is %q", got)
	}
	run("manifest", "delete", "--force", dst+":note")
	run("manifest", "delete", "--force", dst+":index")
	wantRepository(t, at, "oras/repo", im, "1.6", "second", "third")
}

// crane copies, appends, mutates, edits indexes, validates, and deletes.
func TestCrane(t *testing.T) {
	t.Parallel()
	at, im, _ := writableWith(t)
	crane := servers.Crane(t)
	src, dst := at.Host+"/src/repo:1.6", at.Host+"/crane/repo"
	dir := t.TempDir()

	crane.Output(t, "copy", src, dst+":1.6")
	wantRepository(t, at, "crane/repo", im, "1.6")
	crane.Output(t, "validate", "--remote", dst+"@"+amd64(im)) // it takes attestations for images
	wantText(t, crane.Output(t, "digest", "--platform", "linux/amd64", dst+":1.6"), amd64(im))
	wantText(t, crane.Output(t, "manifest", dst+":1.6"), string(im.Root().Raw))
	wantText(t, crane.Output(t, "catalog", at.Host), "crane/repo", "src/repo")
	crane.Output(t, "tag", dst+":1.6", "second")
	crane.Output(t, "index", "filter", "--platform", "linux/arm64", dst+":1.6", "--tag", dst+":filtered")
	if got := crane.Output(t, "manifest", dst+":filtered"); strings.Contains(got, amd64(im)) {
		t.Errorf("the index still has linux/amd64: %s", got)
	}
	crane.Output(t, "index", "append", "--manifest", dst+"@"+amd64(im), "--tag", dst+":filtered", dst+":filtered")
	wantText(t, crane.Output(t, "manifest", dst+":filtered"), amd64(im))
	crane.Output(t, "mutate", "--label", "note=1", "--tag", dst+":labelled", dst+"@"+amd64(im))
	wantText(t, crane.Output(t, "config", dst+":labelled"), `"note":"1"`)

	layout := filepath.Join(dir, "layout")
	crane.Output(t, "pull", "--format", "oci", dst+":1.6", layout)
	crane.Output(t, "push", "--index", layout, dst+":pushed")
	wantText(t, crane.Output(t, "ls", dst), "1.6", "filtered", "labelled", "pushed", "second")
	layer := im.Blobs[0]
	if got := crane.Run(t, "blob", dst+"@"+layer.Digest.String()); digest.FromString(got.Stdout) != layer.Digest {
		t.Errorf("the blob is not %s", layer.Digest)
	}
	crane.Output(t, "delete", dst+":second")
	if got := crane.Run(t, "digest", dst+":second"); got.Exit == 0 {
		t.Errorf("the tag is still there: %s", got.Stdout)
	}
}

// skopeo copies, syncs, inspects and deletes.
func TestSkopeo(t *testing.T) {
	t.Parallel()
	at, im, _ := writableWith(t)
	skopeo := servers.Skopeo(t)
	src, dst := at.Host+"/src/repo:1.6", at.Host+"/skopeo/repo"
	dir := t.TempDir()
	insecure := []string{"--src-tls-verify=false", "--dest-tls-verify=false"}

	skopeo.Output(t, append([]string{"copy", "--all", "--preserve-digests", "docker://" + src, "docker://" + dst + ":1.6"}, insecure...)...)
	wantRepository(t, at, "skopeo/repo", im, "1.6")
	wantText(t, skopeo.Output(t, "inspect", "--raw", "--tls-verify=false", "docker://"+dst+":1.6"), string(im.Root().Raw))
	wantText(t, skopeo.Output(t, "inspect", "--override-os", "linux", "--override-arch", "amd64", "--tls-verify=false",
		"docker://"+dst+":1.6"), `"Architecture": "amd64"`)
	var list struct{ Tags []string }
	if err := json.Unmarshal([]byte(skopeo.Output(t, "list-tags", "--tls-verify=false", "docker://"+dst)), &list); err != nil ||
		!slices.Equal(list.Tags, []string{"1.6"}) {
		t.Errorf("list-tags prints %q, %v", list.Tags, err)
	}
	skopeo.Output(t, "copy", "--all", "--src-tls-verify=false", "docker://"+dst+":1.6", "dir:"+dir)
	skopeo.Output(t, "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "dir:"+dir, "docker://"+dst+":again")
	wantRepository(t, at, "skopeo/repo", im, "1.6", "again")
	skopeo.Output(t, append([]string{"sync", "--all", "--preserve-digests", "--src", "docker", "--dest", "docker", dst, at.Host + "/synced"}, insecure...)...)
	wantRepository(t, at, "synced/repo", im, "1.6", "again")
	skopeo.Output(t, "delete", "--tls-verify=false", "docker://"+at.Host+"/synced/repo:again")
	wantRepository(t, at, "synced/repo", im)
}
