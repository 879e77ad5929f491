// Package transcripts compares the exact calls of each command against three registries, with their
// headers, with golden files. docs/wire.md is made of the same transcripts.
package transcripts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// scenario is a command whose calls are recorded.
type scenario struct {
	name string // of the golden file
	line string // the command line
	text string // what it shows, for docs/wire.md

	sideBySide bool // calls come in any order, and are sorted by their URLs
}

// scenarios run one after the other on the same registries, so each finds what the earlier ones
// have left. SOURCE has halohub/halo:1.6, an image for three platforms with an SBOM. {amd64} is the
// digest of one of its images. With one job the order of calls is fixed.
func scenarios() []scenario {
	return []scenario{
		{"copy", "copy --jobs 1 SOURCE/halohub/halo:1.6 TARGET/hczjl/halo:1.6", "A cold copy: the target is asked for its tag, the source for the list and its images; each blob is asked for by a mount, which opens the session that it is then sent in; manifests by digest, and the list last, under its tag.", false},
		{"copy-again", "copy --jobs 1 SOURCE/halohub/halo:1.6 TARGET/hczjl/halo:1.6", "The same again: both sides have the same digest under the tag.", false},
		{"copy-mount", "copy --jobs 1 TARGET/hczjl/halo:1.6 TARGET/mirror/halo:1.6", "To another repository of the same registry: every blob is mounted.", false},
		{"copy-platform", "copy --jobs 1 --platform linux/arm64 SOURCE/halohub/halo:1.6 TARGET/hczjl/halo:arm64", "One platform of the list: the list is cut down. Its blobs are there already, under another tag.", false},
		{"copy-chunks", "copy --jobs 1 --platform linux/amd64 --chunk-size 100KB SOURCE/halohub/halo:1.6 TARGET/chunks/halo:1.6", "In chunks: each is a PATCH, and an empty PUT ends the upload.", false},
		{"copy-referrers", "copy --jobs 1 --referrers SOURCE/halohub/halo:1.6 TARGET/signed/halo:1.6", "With what refers to the image. Where the registry has no referrers API (404), the tag named after the digest is asked for.", false},
		{"copy-missing", "copy --jobs 1 SOURCE/halohub/halo:none TARGET/hczjl/halo:none", "An image that is not there: nothing is written. The tags are asked for, to name the nearest one.", false},
		{"copy-plan", "copy --plan --jobs 1 SOURCE/halohub/halo:1.6 TARGET/planned/halo:1.6", "A plan only reads: HEADs for the blobs at the target, and one byte of each that would be sent at the source.", false},
		{"pull", "pull --jobs 1 SOURCE/halohub/halo@{amd64}", "Into the local store, by digest.", false},
		{"push", "push --jobs 1 TARGET/pushed/halo:amd64", "From the local store.", false},
		{"manifest-create", "manifest create TARGET/hczjl/list:1 TARGET/mirror/halo@{amd64} TARGET/hczjl/halo@{arm64}", "Manifests and configs are read; the list is local.", true},
		{"manifest-push", "manifest push --jobs 1 TARGET/hczjl/list:1", "What is in another repository is mounted, then the list is put.", false},
		{"manifest-inspect", "manifest inspect TARGET/hczjl/halo:1.6", "The list alone.", false},
		{"inspect", "inspect TARGET/hczjl/halo:1.6", "The list and its images.", true},
		{"repos", "repos TARGET/hczjl", "One page after the other, by docker's extension of the specification.", false},
		{"tags", "tags TARGET/hczjl/halo", "One page after the other.", false},
		{"digest", "digest TARGET/hczjl/halo:1.6", "A HEAD.", false},
		{"save", "save --jobs 1 -o DIR/halo.tar SOURCE/halohub/halo:1.6", "Manifests first, so that every blob has its place in the tar; then each blob once.", false},
		{"load", "load --jobs 1 DIR/halo.tar TARGET/far", "As a cold copy, without a source on the network.", false},
		{"load-again", "load --jobs 1 DIR/halo.tar TARGET/far", "An image that is there costs one HEAD.", false},
		{"verify", "verify TARGET/hczjl/halo:1.6", "Every manifest is read, every blob asked for.", true},
		{"sync", "sync --jobs 1 -f DIR/list.txt TARGET/synced", "All tags of a repository are listed, and each image copied.", false},
		{"sync-again", "sync --jobs 1 -f DIR/list.txt TARGET/synced", "A HEAD on each side for an image that is there.", false},
		{"login", "login -u captain -p anchor PRIVATE", "The credentials are tried before they are stored.", false},
	}
}

// kind is a kind of registry that the scenarios run on.
type kind struct {
	name  string
	start func(t *testing.T) (source, target, private servers.Endpoint)
}

var account = map[string]string{"captain": "anchor"}

func kinds() []kind {
	return []kind{
		{"distribution-3", func(t *testing.T) (_, _, _ servers.Endpoint) {
			return servers.CNCF(t, servers.Options{}).Endpoint, servers.CNCF(t, servers.Options{}).Endpoint, servers.CNCF(t, servers.Options{Users: account}).Endpoint
		}},
		{"distribution-2.8", func(t *testing.T) (_, _, _ servers.Endpoint) {
			return servers.Debian(t, servers.Options{}).Endpoint, servers.Debian(t, servers.Options{}).Endpoint, servers.Debian(t, servers.Options{Users: account}).Endpoint
		}},
		{"embedded", func(t *testing.T) (_, _, _ servers.Endpoint) {
			users := filepath.Join(t.TempDir(), "users")
			// bcrypt of the password, cost 4
			writeFile(t, users, "captain:$2a$04$yx7EK1L/saABFymvLSi7nu.BXsKw2R0stSP9vCgXgzjBWk32t6R7.\n")
			serve := func(args ...string) servers.Endpoint {
				return servers.Serve(t, append(args, "--writable", filepath.Join(t.TempDir(), "images"))...).Endpoint
			}
			return serve(), serve(), serve("--htpasswd", users)
		}},
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stage is the registries of one kind, with placeholders for what differs between runs.
type stage struct {
	transship servers.Program
	names     *strings.Replacer // names in scenarios to what they stand for
	hide      *strings.Replacer // the other way round
	dir       string
}

func newStage(t *testing.T, k kind) *stage {
	t.Helper()
	source, target, private := k.start(t)
	im := fixture.Real()
	sbom := fixture.Referrer(im.Root().Descriptor, "application/vnd.example.sbom", "sbom")
	repository := source.Repository("halohub/halo")
	for ref, what := range map[string]fixture.Image{"1.6": im, sbom.Root().Digest.String(): sbom} {
		if err := repository.Push(t.Context(), what, ref); err != nil {
			t.Fatal(err)
		}
	}
	s := &stage{dir: t.TempDir()}
	s.transship, _ = servers.Transship(t)
	amd64, arm64 := im.Only("linux/amd64").Root().Digest.String(), im.Only("linux/arm64").Root().Digest.String()
	s.names = strings.NewReplacer("SOURCE", source.Host, "TARGET", target.Host, "PRIVATE", private.Host, "DIR", s.dir, "{amd64}", amd64, "{arm64}", arm64)
	s.hide = strings.NewReplacer(source.Host, "SOURCE", target.Host, "TARGET", private.Host, "PRIVATE", s.dir, "DIR")
	writeFile(t, filepath.Join(s.dir, "list.txt"), source.Host+"/halohub/halo:1.*\n")
	return s
}

// run runs a scenario and returns its audit file.
func (s *stage) run(t *testing.T, sc scenario) string {
	t.Helper()
	if sc.name == "push" {
		s.transship.Output(t, strings.Fields(s.names.Replace("tag SOURCE/halohub/halo@{amd64} TARGET/pushed/halo:amd64"))...)
	}
	file := filepath.Join(s.dir, sc.name+".jsonl")
	r := s.transship.Run(t, append(strings.Fields(s.names.Replace(sc.line)), "--audit", file)...)
	if wantsFailure := sc.name == "copy-missing"; (r.Exit != 0) != wantsFailure {
		t.Fatalf("transship %s: exit %d\n%s%s", sc.line, r.Exit, r.Stdout, r.Stderr)
	}
	return file
}
