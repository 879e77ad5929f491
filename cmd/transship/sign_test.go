package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writeKeyPair writes a private key in PKCS #8 and its public key into the program's home.
func (p *program) writeKeyPair(name string, key crypto.Signer) {
	p.t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		p.t.Fatal(err)
	}
	p.writeFile(name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	p.writeFile(name+".pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
}

// newSignKeys writes the keys ed and ec, and other, and the private key ec as SEC 1 too, as ec1.
func newSignKeys(p *program) {
	p.t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.writeKeyPair("ed", ed)
	for _, name := range []string{"other", "ec"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			p.t.Fatal(err)
		}
		p.writeKeyPair(name, key)
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			p.t.Fatal(err)
		}
		p.writeFile(name+"1.pem", "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"+
			string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	}
}

// A signed bundle is loaded and verified with its key, whatever its volumes, and by openssl.
func TestSignedBundle(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	newSignKeys(c.program)
	for _, key := range []string{"ed", "ec", "ec1"} {
		public := "@/" + strings.TrimSuffix(key, "1") + ".pub"
		for _, split := range []string{"", "--split 4k "} {
			c.do("save -q -o @/b.tar --sign @/" + key + ".pem " + split + "SRC").want(0)
			again := readFile(t, c.path("b.tar.json.sig"))
			c.do("verify --require-key "+public+" @/b.tar").want(0, "b.tar is signed with the key SHA256:")
			c.do("load -q --require-key " + public + " @/b.tar TO/loaded").want(0)
			c.do("load -q --require-key " + public + " -i @/b.tar").want(0)
			c.do("load --require-key @/other.pub @/b.tar TO/refused").want(9, "it is not signed with the required key")
			opensslVerifies(t, c.path(strings.TrimSuffix(key, "1")+".pub"), c.path("b.tar.json"))
			c.do("save -q -o @/b.tar --sign @/" + key + ".pem " + split + "SRC").want(0)
			if readFile(t, c.path("b.tar.json.sig")) != again {
				t.Error("the same bundle has another signature")
			}
		}
	}
	o := c.do("verify --json --require-key @/ec.pub oci-archive:@/b.tar").want(0)
	if !strings.Contains(o.stdout, `"signedBy": "SHA256:`) {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.do("save -q -o @/b.tar SRC").want(0)
	if _, err := os.Stat(c.path("b.tar.json.sig")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the signature of the bundle before stays beside another")
	}
	c.do("load --require-key @/ec.pub @/b.tar TO/refused").want(9, "it has no signature")
	c.do("load --require-key @/ec.pub @/none.tar TO/refused").want(4)
}

// opensslVerifies checks a signature with openssl, where there is one, and that openssl refuses it for another
// file.
func opensslVerifies(t *testing.T, public, file string) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Log("openssl is not there")
		return
	}
	args := []string{"pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", file, "-sigfile", file + ".sig"}
	if strings.HasSuffix(public, "ec.pub") {
		args = append(args, "-digest", "sha256")
	}
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		t.Errorf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	args[slices.Index(args, "-in")+1] = public
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err == nil {
		t.Errorf("openssl %s succeeds\n%s", strings.Join(args, " "), out)
	}
}

// A byte that changes anywhere, in the tar, a volume, the inventory or the signature, is refused
// before anything is pushed.
func TestSignedBundleThatChanges(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	newSignKeys(c.program)
	random := mathrand.New(mathrand.NewPCG(1, 2))
	for _, split := range []string{"", "--split 4k "} {
		c.do("save -q -o @/b.tar --sign @/ed.pem " + split + "SRC").want(0)
		files, err := filepath.Glob(c.path("b.tar*"))
		if err != nil || len(files) < 3 {
			t.Fatal(files, err)
		}
		for i := range 100 {
			path := files[i%len(files)]
			whole := readFile(t, path)
			changed := []byte(whole)
			changed[random.IntN(len(changed))] ^= byte(1 + random.IntN(255))
			if err := os.WriteFile(path, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			if o := c.do("load --require-key @/ed.pub @/b.tar TO/loaded"); o.code != 7 && o.code != 9 {
				t.Errorf("%s of %s\nexits with %d:\n%s", o.line, path, o.code, o.stderr)
			}
			if err := os.WriteFile(path, []byte(whole), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if n := c.target.Count("/v2/.+"); n != 0 {
			t.Errorf("%d calls were made", n)
		}
		c.do("load -q --require-key @/ed.pub @/b.tar TO/loaded").want(0)
		c.target.ResetRequests()
		for _, path := range files {
			c.removeFile(filepath.Base(path))
		}
	}
}

// The signature of another bundle counts for none but its own, and a cut bundle is not the signed one.
func TestSignatureOfAnotherBundle(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	newSignKeys(c.program)
	c.do("save -q -o @/a.tar --sign @/ed.pem SRC").want(0)
	c.source.pushImage("src/repo", "2", "linux/amd64", "another")
	c.do("save -q -o @/b.tar --sign @/ed.pem FROM/src/repo:2").want(0)
	for _, name := range []string{".json", ".json.sig"} {
		c.writeFile("b.tar"+name, readFile(t, c.path("a.tar"+name)))
		c.do("load --require-key @/ed.pub @/b.tar TO/loaded").want(map[string]int{".json": 9, ".json.sig": 7}[name])
	}
	whole := readFile(t, c.path("a.tar"))
	for _, other := range []string{whole[:len(whole)-512], whole + "x"} {
		c.writeFile("a.tar", other)
		c.do("load --require-key @/ed.pub @/a.tar TO/loaded").want(7)
	}
	if n := c.target.Count("/v2/.+"); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

// Keys of the wrong kind are an error before any call.
func TestBadSigningKeys(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	newSignKeys(c.program)
	c.writeFile("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.writeKeyPair("p384", key)
	c.writeFile("text", "no key")
	c.writeFile("large", strings.Repeat("x", 100<<10))
	for line, want := range map[string]struct {
		code int
		text string
	}{
		"save -o @/b.tar --sign @/ed.pub SRC":        {2, "PEM block PUBLIC KEY"},
		"save -o @/b.tar --sign @/large SRC":         {2, "large is larger than 66 kB, and no private key"},
		"save -o @/b.tar --sign @/text SRC":          {2, "openssl genpkey -algorithm ed25519 -out key.pem makes one"},
		"load --require-key @/text @/b.tar TO":       {2, "openssl pkey -in key.pem -pubout -out team.pub"},
		"save -o @/b.tar --sign @/none.pem SRC":      {4, "none.pem"},
		"save -o @/b.tar --sign @/encrypted.pem SRC": {2, "the key is encrypted"},
		"save -o @/b.tar --sign @/p384.pem SRC":      {2, "neither Ed25519 nor ECDSA on P-256"},
		"save -o @/folder/ --sign @/ed.pem SRC":      {2, "--sign needs a file"},
		"save --sign @/ed.pem SRC":                   {2, "--sign needs a file"},
		"load --require-key @/ed.pem @/b.tar TO":     {2, "PEM block PRIVATE KEY"},
		"load --require-key @/ed.pub - TO":           {2, "--require-key is for whole bundles"},
		"verify --require-key @/ed.pub SRC":          {2, "--require-key is for whole bundles"},
	} {
		c.do(line).want(want.code, want.text)
	}
	if n := c.source.Count("/v2/.+"); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

// With --require-key serve takes bundles that are signed with it, and nothing else.
func TestServeOfSignedBundles(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	newSignKeys(c.program)
	c.do("save -q -o @/b.tar --sign @/ed.pem SRC").want(0)
	c.do("save -q -o @/bare.tar SRC").want(0)
	c.do("save -q -o @/folder/ SRC").want(0)
	served := c.startServe("--require-key", c.path("ed.pub"), c.path("b.tar"))
	c.do("digest " + served.host + "/src/repo:1.6").want(0)
	if o := served.stop().want(0); !strings.Contains(o.stderr, "b.tar is signed with the key SHA256:") {
		t.Errorf("serve says\n%s", o.stderr)
	}

	changed := []byte(readFile(t, c.path("b.tar")))
	changed[len(changed)/2] ^= 1
	for _, suffix := range []string{"", ".json", ".json.sig"} {
		c.writeFile("changed.tar"+suffix, readFile(t, c.path("b.tar"+suffix)))
	}
	c.writeFile("changed.tar", string(changed))
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"--require-key @/ec.pub @/b.tar":                       {9, "it is not signed with the required key"},
		"--require-key @/ed.pub @/b.tar @/bare.tar":            {9, "it has no signature"},
		"--require-key @/ed.pub @/changed.tar":                 {7, "changed.tar"},
		"--require-key @/ed.pub @/b.tar @/folder":              {2, "--require-key is for whole bundles"},
		"--require-key @/ed.pub --writable @/b.tar @/folder":   {2, "--require-key is for whole bundles"},
		"--require-key @/ed.pub --writable @/b.tar @/missing/": {2, "--require-key is for whole bundles"},
		"--require-key @/ed.pem @/b.tar":                       {2, "PEM block PRIVATE KEY"},
	} {
		c.do("serve "+args).want(want.code, want.text)
	}
	if _, err := os.Stat(c.path("missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a refused serve creates its folder")
	}
}
