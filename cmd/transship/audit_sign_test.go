package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// writeKeys writes a pair of Ed25519 keys, NAME.pem and NAME.pub, the same for the same name.
func (p *program) writeKeys(name string) (private, public string) {
	p.t.Helper()
	seed := bytes.Repeat([]byte(name), ed25519.SeedSize)[:ed25519.SeedSize]
	key := ed25519.NewKeyFromSeed(seed)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	derPublic, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		p.t.Fatal(err)
	}
	return p.writeFile(name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))),
		p.writeFile(name+".pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: derPublic})))
}

// The end of a run's audit is signed; a second party adds its signature; no other audit has them.
func TestAuditIsSigned(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	team, teamPublic := c.writeKeys("team")
	auditor, auditorPublic := c.writeKeys("auditor")
	_, otherPublic := c.writeKeys("other")
	for _, format := range []string{"jsonl", "har"} {
		file := filepath.Join(c.env["HOME"], "run."+format)
		c.run("digest", "--audit", file, "--audit-key", team, c.src).want(0)
		if o := c.run("audit", "verify", "--key", teamPublic, file).want(0); !strings.Contains(o.stdout, "; signed by team\n") {
			t.Error(o.stdout)
		}
		c.run("audit", "verify", "--key", auditorPublic, file).
			want(cli.ExitIntegrity, file+".note: the key has not signed it; it is signed as team")
		c.run("audit", "sign", "--key", auditor, file).want(0, "with the last hash ", "as auditor in "+file+".note")
		c.run("audit", "sign", "--key", auditor, file).want(0)
		o := c.run("audit", "verify", "--key", teamPublic, "--key", auditorPublic, file).want(0)
		if !strings.Contains(o.stdout, "; signed by team, auditor\n") {
			t.Error(o.stdout)
		}
		c.run("audit", "verify", "--key", teamPublic, "--key", otherPublic, file).want(cli.ExitIntegrity, "has not signed it")

		note, err := os.ReadFile(file + ".note")
		if err != nil || strings.Count(string(note), "\u2014 ") != 2 || !strings.HasPrefix(string(note), "transship.audit\n3\n") {
			t.Errorf("%v: the note is\n%s", err, note)
		}
		c.run("tags", "--audit", file, c.source.host+"/src/repo").want(0) // another run, without a key
		c.run("audit", "verify", file).want(0)
		c.run("audit", "verify", "--key", teamPublic, file).want(cli.ExitIntegrity, file+".note is the note of another audit")
		c.run("audit", "sign", "--key", team, file).wantError(wantedError{cli.ExitFailed,
			"there is a note of another state of the audit", "remove the note"})

		forged := bytes.Replace(note, []byte("transship.audit\n3\n"), []byte("transship.audit\n4\n"), 1)
		if err := os.WriteFile(file+".note", forged, 0o600); err != nil {
			t.Fatal(err)
		}
		c.run("audit", "verify", "--key", teamPublic, file).want(cli.ExitIntegrity)
	}
}

func TestAuditKeyErrors(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	team, public := c.writeKeys("team")
	file := filepath.Join(c.env["HOME"], "run.jsonl")
	c.run("digest", "--audit", file, c.src).want(0)
	other := c.writeFile("garbage.jsonl.note", "hello\n")
	c.run("digest", "--audit", strings.TrimSuffix(other, ".note"), c.src).want(0)
	newSignKeys(c.program)
	ecdsa, both := c.path("ec"), c.writeFile("both.pub", readFile(t, public)+readFile(t, public))
	for line, want := range map[string]wantedError{
		"digest --audit-key " + team + " " + c.src:                  {2, "--audit-key needs --audit FILE", "add --audit FILE"},
		"digest --audit-key " + public + " " + c.src:                {2, public + ": it has a PEM block PUBLIC KEY, and a PRIVATE KEY is needed", ""},
		"digest --audit-key " + file + " " + c.src:                  {2, "it has no PEM block PRIVATE KEY", ""},
		"digest --audit-key " + ecdsa + ".pem " + c.src:             {2, "the key is not Ed25519", ""},
		"audit sign --key " + ecdsa + ".pem " + file:                {2, "the key is not Ed25519", "a key of Ed25519 is wanted"},
		"audit verify --key " + ecdsa + ".pub " + file:              {2, "the key is not Ed25519", "openssl pkey"},
		"audit verify --key " + both + " " + file:                   {2, "it has 2 keys", "openssl pkey"},
		"digest --audit-key /nothing.pem " + c.src:                  {4, "/nothing.pem: no such file", ""},
		"audit sign " + file:                                        {2, "--key is missing", "--key team.pem"},
		"audit sign --key " + team + " " + sampleHAR(c):             {7, "it has no chain", ""},
		"audit verify --key " + public + " " + file:                 {7, "is not signed: there is no " + file + ".note", ""},
		"audit verify --key " + team + " " + file:                   {2, team + ": it has a PEM block PRIVATE KEY, and a PUBLIC KEY is needed", "openssl pkey"},
		"audit verify --key " + public + " " + other[:len(other)-5]: {7, "it is no signed note", ""},
	} {
		c.run(strings.Fields(line)...).wantError(want)
	}
}

// sampleHAR writes a HAR of another tool, without a chain.
func sampleHAR(c *copySetup) string {
	return c.writeFile("other.har", `{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"entries":[]}}`)
}
