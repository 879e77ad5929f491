package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// signedTitle is what the titles of the sections about signatures in docs/air-gap.md begin with.
const signedTitle = "Signed"

// signedGap is both sides of an air gap, with images that cosign has signed on the near registry.
type signedGap struct {
	src, dst *servers.Registry
	shell    pageShell // on the near side
	medium   string
	names    *strings.Replacer
}

// newSignedGap pushes what cosign sign has made in testdata/verdicts: team/app with a signature tag,
// team/web with a bundle that refers to it. Their public keys, and no private one, are on the medium,
// as if they had come there before.
func newSignedGap(t *testing.T) signedGap {
	t.Helper()
	g := signedGap{src: servers.CNCF(t, servers.Options{}), dst: servers.CNCF(t, servers.Options{}), medium: t.TempDir()}
	g.shell = newPageShell(t)
	g.names = strings.NewReplacer("quay.io", g.src.Host, "far.example:5000", g.dst.Host, "/media/usb", g.medium)
	keys := ""
	for name, example := range map[string]string{"app": "made-by-cosign-tag", "web": "made-by-cosign-bundle"} {
		folder, err := filepath.Abs(filepath.Join("../../testdata/verdicts", example))
		if err != nil {
			t.Fatal(err)
		}
		g.run(t, 0, "transship copy --referrers oci:"+folder+"/layout:1 quay.io/team/"+name+":1.6")
		keys += readFile(t, filepath.Join(folder, "team.pub"))
	}
	for _, dir := range []string{g.shell.Dir, g.medium} {
		writeFile(t, dir, "cosign.pub", keys)
	}
	return g
}

// run runs a line of the shell, and checks its exit code. It returns what the line prints.
func (g signedGap) run(t *testing.T, want int, line string) string {
	t.Helper()
	r := g.shell.Run(t, g.names.Replace(line))
	if r.Exit != want {
		t.Fatalf("%s\nexits with %d, want %d\n%s%s", line, r.Exit, want, r.Stdout, r.Stderr)
	}
	return r.Stdout + r.Stderr
}

// far returns the far side, where every line begins in the medium's folder.
func (g signedGap) far() signedGap {
	g.shell.Dir = g.medium
	return g
}

// page runs a section of docs/air-gap.md. Before its second block, which is at the far side, carry is called.
func (g signedGap) page(t *testing.T, title string, carry func()) {
	t.Helper()
	s := pageSection(t, title)
	if len(s.blocks) != 2 {
		t.Fatalf("%s has %d blocks, want one for each side", title, len(s.blocks))
	}
	g.shell.section(t, section{title, s.blocks[:1]}, g.names)
	carry()
	g.shell.section(t, section{title, s.blocks[1:]}, g.names)
}

// pageSection returns a section of docs/air-gap.md.
func pageSection(t *testing.T, title string) section {
	t.Helper()
	for _, s := range readPage(t, "air-gap.md") {
		if s.title == title {
			return s
		}
	}
	t.Fatalf("docs/air-gap.md has no section %q", title)
	return section{}
}

// A bundle is signed on one side and loaded on the other, as the page says. Another key, a changed byte or
// no signature is refused, and nothing reaches the registry.
func TestAirGapSignedBundle(t *testing.T) {
	t.Parallel()
	g := newSignedGap(t)
	writeFile(t, g.shell.Dir, "images.txt", g.names.Replace("quay.io/team/app:1.6\nquay.io/team/web:1.6\n"))
	far := g.far()
	g.page(t, "Signed bundles", func() {
		far.run(t, 9, "transship load --require-key cosign.pub signed.tar far.example:5000")
		tar := readFile(t, filepath.Join(g.medium, "signed.tar"))
		changed := []byte(tar)
		changed[len(changed)/2] ^= 1
		writeFile(t, g.medium, "signed.tar", string(changed))
		far.run(t, 7, "transship load --require-key ~/team.pub signed.tar far.example:5000")
		writeFile(t, g.medium, "signed.tar", tar)
		far.run(t, 9, "mv signed.tar.json.sig away; transship load --require-key ~/team.pub signed.tar far.example:5000")
		far.run(t, 0, "mv away signed.tar.json.sig")
		wantAbsent(t, g.dst, "team/app", "1.6")
	})
	g.wantLoaded(t)
}

// Images that cosign has signed pass the policy on both sides, as the page says, and at the far side
// without a network. Their signatures are at the far registry, where the policy of that place accepts them.
func TestAirGapSignedImages(t *testing.T) {
	t.Parallel()
	g := newSignedGap(t)
	far := g.far()
	g.page(t, "Signed images", func() {
		policy := readFile(t, filepath.Join(g.shell.Dir, "policy.json"))
		writeFile(t, g.medium, "policy.json", policy)
		writeFile(t, g.medium, "far.json", strings.Replace(policy, g.src.Host, g.dst.Host, 1))
		far.offline(t)
	})
	g.wantLoaded(t)
	for _, name := range []string{"/team/app:1.6", "/team/web:1.6"} {
		if got := far.run(t, 0, "transship verify --require-signature far.json far.example:5000"+name); !strings.Contains(got, "accepted") {
			t.Errorf("verify of %s prints\n%s", name, got)
		}
	}

	// An image that lost its signature is not saved, and a bundle without signatures is not loaded.
	g.run(t, 0, "transship copy quay.io/team/app:1.6 quay.io/team/plain:1.6")
	g.run(t, 9, "transship save --require-signature policy.json -o plain.tar quay.io/team/plain:1.6")
	if _, err := os.Stat(filepath.Join(g.shell.Dir, "plain.tar")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused save leaves plain.tar: %v", err)
	}
	g.run(t, 0, "transship save -o /media/usb/plain.tar quay.io/team/plain:1.6")
	far.run(t, 9, "transship load --require-signature policy.json plain.tar far.example:5000")
	wantAbsent(t, g.dst, "team/plain", "1.6")
}

// offline verifies the bundle on the medium where there is no network.
func (g signedGap) offline(t *testing.T) {
	t.Helper()
	g.shell.Program = servers.Offline(t, g.shell.Program)
	g.run(t, 0, "! (: < /dev/tcp/"+strings.Replace(g.src.Host, ":", "/", 1)+")") // the registry cannot be reached
	got := g.run(t, 0, "transship verify --require-signature policy.json trusted.tar")
	if strings.Count(got, " accepted ") != 2 || !strings.Contains(got, "SHA256:") {
		t.Errorf("verify prints\n%s\nwant two images accepted, with the key of each", got)
	}
}

// wantLoaded checks that both images are at the far registry, with the digests that they had.
func (g signedGap) wantLoaded(t *testing.T) {
	t.Helper()
	for _, name := range []string{"team/app", "team/web"} {
		want, err := g.src.Repository(name).Manifest(t.Context(), "1.6")
		if err != nil {
			t.Fatal(err)
		}
		got, err := g.dst.Repository(name).Manifest(t.Context(), "1.6")
		if err != nil || got.Digest != want.Digest {
			t.Errorf("%s is %s, want %s; error %v", name, got.Digest, want.Digest, err)
		}
	}
}
