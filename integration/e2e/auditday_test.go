package e2e

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// The day of docs/audit.md, block by block: docker on the record, compared with transship, bounded, and
// the record signed by two, as another reader of signed notes sees it too.
func TestAuditorsDay(t *testing.T) {
	t.Parallel()
	at := servers.CNCF(t, servers.Options{})
	push(t, at, fixture.Real(), "team/app", "1")
	sh := newPageShell(t, at.Host)
	sh.add(t, "docker", servers.Engine(t).CLI(t).Program)
	sh.add(t, "crane", servers.Crane(t))
	names := strings.NewReplacer("127.0.0.1:5000", at.Host, "127.0.0.1:5001", freeAddress(t))
	printed := map[string]string{}
	for _, s := range readPage(t, "audit.md") {
		for _, block := range s.blocks {
			printed[s.title] += sh.Output(t, names.Replace(block))
		}
	}
	for title, want := range map[string]string{
		"Record other programs":           "Digest: " + fixture.Real().Root().Digest.String(),
		"Look at the record, and compare": "end-3    pull manifest",
		"Bound the next run":              "Image is up to date",
		"Keep it":                         "; signed by team, auditor\n",
	} {
		if !strings.Contains(printed[title], want) {
			t.Errorf("%s: it does not print %q:\n%s", title, want, printed[title])
		}
	}
	signed, err := os.ReadFile(filepath.Join(sh.Dir, "signed.jsonl.note"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier(t, sh.Dir, "team"), verifier(t, sh.Dir, "auditor")))
	if err != nil || len(opened.Sigs) != 2 || !strings.HasPrefix(opened.Text, "transship.audit\n") {
		t.Errorf("%v: %+v\n%s", err, opened, signed)
	}
}

// verifier returns the verifier of golang.org/x/mod for a public key of openssl.
func verifier(t *testing.T, dir, name string) note.Verifier {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	spelled, err := note.NewEd25519VerifierKey(name, key.(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(spelled)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// freeAddress returns a loopback address where nothing listened a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
