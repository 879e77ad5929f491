package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/hczjl/transship/integration/servers"
)

// A signature that another program adds to the note of an audit is accepted beside ours. A broken one is refused where
// its key is asked for, and the others count as before.
func TestAuditIsCosigned(t *testing.T) {
	t.Parallel()
	at := servers.CNCF(t, servers.Options{})
	ts, _ := servers.Transship(t)
	ts.Dir = t.TempDir()
	writeTeamKey(t, ts.Dir)
	witness := newWitness(t, ts.Dir)
	ts.Output(t, "repos", "--audit", "run.jsonl", "--audit-key", "team.pem", at.Host)
	own := readFile(t, filepath.Join(ts.Dir, "run.jsonl.note"))

	opened, err := note.Open([]byte(own), note.VerifierList(verifier(t, ts.Dir, "team")))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, ts.Dir, "run.jsonl.note", sign(t, opened, witness))
	both := []string{"audit", "verify", "--key", "team.pub", "--key", "witness.pub", "run.jsonl"}
	if got := ts.Output(t, both...); !strings.HasSuffix(got, "; signed by team, witness\n") {
		t.Errorf("both keys are asked for: %s", got)
	}

	_, line, _ := strings.Cut(sign(t, &note.Note{Text: "another\n"}, witness), "\n\n")
	writeFile(t, ts.Dir, "run.jsonl.note", own+line)
	if got := ts.Run(t, both...); got.Exit != 7 || !strings.Contains(got.Stderr, "the signature of witness is not valid") {
		t.Errorf("the witness signed another text: exit %d, %s%s", got.Exit, got.Stdout, got.Stderr)
	}
	if got := ts.Output(t, "audit", "verify", "--key", "team.pub", "run.jsonl"); !strings.HasSuffix(got, "; signed by team\n") {
		t.Errorf("only the team is asked for: %s", got)
	}
}

// sign adds a signature with the other program.
func sign(t *testing.T, n *note.Note, signer note.Signer) string {
	t.Helper()
	signed, err := note.Sign(n, signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// newWitness returns a key of golang.org/x/mod, and writes witness.pub.
func newWitness(t *testing.T, dir string) note.Signer {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "witness")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	encoded := strings.SplitN(public, "+", 3)[2] // NAME+HASH+BASE64, of the algorithm's byte and the key
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	writePublicKey(t, dir, "witness.pub", raw[1:])
	return signer
}

// writeTeamKey writes team.pem and team.pub.
func writeTeamKey(t *testing.T, dir string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "team.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	writePublicKey(t, dir, "team.pub", public)
}

func writePublicKey(t *testing.T, dir, name string, key ed25519.PublicKey) {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, name, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
}
