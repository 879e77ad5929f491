package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/bundle"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// signer signs images as cosign does with a key.
type signer struct {
	t   testing.TB
	key *ecdsa.PrivateKey
}

func newSigner(t testing.TB) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{t, key}
}

// public returns the public key in PEM.
func (s *signer) public() string {
	s.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// sign pushes a signature of an image under cosign's tag.
func (s *signer) sign(to *server, repo string, image manifest.Descriptor) {
	s.t.Helper()
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":%q},`+
		`"type":"cosign container image signature"},"optional":null}`, image.Digest)
	digest := sha256.Sum256(payload)
	sig, err := ecdsa.SignASN1(rand.Reader, s.key, digest[:])
	if err != nil {
		s.t.Fatal(err)
	}
	config := to.pushBlob(repo, manifest.MediaTypeOCIConfig, []byte("{}"))
	layer := to.pushBlob(repo, "application/vnd.dev.cosign.simplesigning.v1+json", payload)
	layer.Annotations = map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(sig)}
	raw, err := manifest.OCIStyle().EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest,
		Config: &config, Layers: []manifest.Descriptor{layer}})
	if err != nil {
		s.t.Fatal(err)
	}
	to.pushManifest(repo, cosignTag(image), raw)
}

// signedSetup is a copySetup whose source image is signed by a key, and policies: @/policy.json
// wants that key, @/other.json another one.
type signedSetup struct {
	*copySetup
	image  manifest.Descriptor
	signer *signer
}

func newSignedSetup(t testing.TB) *signedSetup {
	t.Helper()
	c := &signedSetup{copySetup: newCopySetup(t), signer: newSigner(t)}
	c.image = c.source.pushThreePlatforms()
	c.signer.sign(c.source, "src/repo", c.image)
	c.writeFile("team.pub", c.signer.public())
	c.writeFile("other.pub", newSigner(t).public())
	for _, name := range []string{"team", "other"} {
		c.writePolicy(name+".json", `{"images": ["**"], "require": [{"cosign": {"key": "`+name+`.pub"}}]}`)
	}
	return c
}

// writePolicy writes a policy with these rules into the program's home.
func (p *program) writePolicy(name string, rules ...string) {
	p.t.Helper()
	p.writeFile(name, `{"version": 1, "rules": [`+strings.Join(rules, ", ")+`]}`)
}

// verify checks the signatures of images on a registry, in a folder and in a tar, and prints whose
// they are.
func TestVerifyChecksSignatures(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	c.do("save -q --referrers -o @/x.tar SRC").want(0)
	c.do("save -q --referrers -o @/lay/ SRC").want(0)
	for _, arg := range []string{"SRC", "@/x.tar", "oci:@/lay"} {
		o := c.do("verify --require-signature @/team.json " + arg).want(0)
		if !strings.Contains(o.stdout, "accepted  -     cosign: SHA256:") || !strings.Contains(o.stdout, "not checked: transparency log") ||
			!strings.Contains(o.stdout, ": ok: ") {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
		o = c.do("verify --require-signature @/other.json "+arg).want(9, "is refused by the rule for **: its signature for cosign: "+
			"it is not signed with a key of the policy")
		if !strings.Contains(o.stdout, "refused   -") && !strings.Contains(o.stdout, "refused  -") {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
		o = c.do("verify --json --require-signature @/team.json " + arg).want(0)
		var found bundle.Verification
		if err := json.Unmarshal([]byte(o.stdout), &found); err != nil || len(found.Signatures) != 1 ||
			found.Signatures[0].Digest != c.image.Digest || len(found.Signatures[0].Signatures) != 1 {
			t.Errorf("%s\nprints %s, error %v", o.line, o.stdout, err)
		}
	}
	c.do("save -q -o @/bare.tar SRC").want(0)
	c.do("verify --require-signature @/team.json @/bare.tar").want(9, "it has no signature for cosign")
}

// The first rule for an image counts, and what needs no signature to be refused costs no call.
func TestPolicyRules(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	const team, other = `[{"cosign": {"key": "team.pub"}}]`, `[{"cosign": {"key": "other.pub"}}]`
	host := c.source.host
	for name, test := range map[string]struct {
		rules string
		code  int
		text  string
		calls bool
	}{
		"first counts":    {`{"images": ["` + host + `/src/*"], "require": ` + team + `}, {"images": ["**"], "require": "refuse"}`, 0, "", true},
		"first refuses":   {`{"images": ["**"], "require": "refuse"}, {"images": ["` + host + `/src/*"], "require": ` + team + `}`, 9, "the rule refuses all images", false},
		"accept":          {`{"images": ["` + host + `/**"], "require": "accept"}`, 0, "", true},
		"several":         {`{"images": ["x/y", "` + host + `/src/repo"], "require": ` + team + `}`, 0, "", true},
		"all are needed":  {`{"images": ["**"], "require": [{"cosign": {"key": "team.pub"}}, {"cosign": {"key": "other.pub"}}]}`, 9, "not signed with a key of the policy", true},
		"star is no path": {`{"images": ["` + host + `/*"], "require": ` + other + `}, {"images": ["**"], "require": "accept"}`, 0, "", true},
		"no rule":         {`{"images": ["example.com/**"], "require": ` + team + `}`, 2, "has no rule for " + c.src, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			c.writePolicy("p.json", test.rules)
			c.source.ResetRequests()
			o := c.do("verify --require-signature @/p.json SRC").want(test.code)
			if !strings.Contains(o.stdout+o.stderr, test.text) {
				t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
			}
			if made := c.source.Count("/v2/.+") > 0; made != test.calls {
				t.Errorf("%s\nmakes calls: %t", o.line, made)
			}
		})
	}
}

// A policy that cannot be used is an error before any call.
func TestBadPolicies(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	c.writeFile("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	rules := func(rule string) string { return `{"version": 1, "rules": [` + rule + `]}` }
	require := func(q string) string { return rules(`{"images": ["**"], "require": ` + q + `}`) }
	for text, want := range map[string]struct {
		code    int
		message string
	}{
		"":                                {2, "bad.json, line 1, column 1: the file is empty"},
		"version: 1":                      {2, `bad.json, line 1, column 1: 'v' does not belong here; a policy is JSON: {"version": 1`},
		"{\"version\": 1,\n \"rules\": [": {2, "bad.json, line 2, column 11: the file ends too early; a policy is JSON"},
		"{\"version\": 1,\n}":             {2, "bad.json, line 2, column 1: the comma before '}' is one too many"},
		`{"version": "1"}`:                {2, "bad.json: version: string was found, and a whole number is wanted"},
		`{"version": 1, "rules": {}}`:     {2, "bad.json: rules: object was found, and an array is wanted"},
		"null":                            {2, "the document is null"},
		`{"version": 2, "rules": []}`:     {2, "it has version 2"},
		`{"version": 1}`:                  {2, "it has no rules"},
		`{"version": 1, "Rules": []}`:     {2, "differs from"},
		require(`"refuse", "x": 1`):       {2, `unknown field "x"`},
		require(`"maybe"`):                {2, `"require" is "maybe"`},
		require(`[]`):                     {2, "empty list"},
		require(`[{}]`):                   {2, `has one of "cosign", "sigstore" and "notation"`},
		require(`[{"cosign": {}}]`):       {2, `it needs "key"`},
		require(`[{"cosgin": {}}]`):       {2, `unknown field "cosgin"`},
		rules(`{"images": ["**"]}`):       {2, `it has no "require"`},
		rules(`{"require": "refuse"}`):    {2, `it has no "images"`},
		rules(`{"images": ["a@b"], "require": "refuse"}`):                                      {2, `"a@b" is no pattern`},
		rules(`{"images": ["a:5/b", "**/b:1"], "require": "refuse"}`):                          {2, `"**/b:1" is no pattern`},
		require(`[{"cosign": {"key": "team.pub", "key": "other.pub"}}]`):                       {2, "twice"},
		require(`[{"cosign": {"key": "team.pub", "issuer": "x"}}]`):                            {2, `has neither "issuer"`},
		require(`[{"cosign": {"key": "none.pub"}}]`):                                           {4, "none.pub, which the policy names: no such file"},
		require(`[{"cosign": {"key": "key.pem"}}]`):                                            {2, "PEM block PRIVATE KEY"},
		require(`[{"sigstore": {"trustedRoot": "team.pub", "issuer": "x", "identity": "y"}}]`): {2, "team.pub, which the policy names"},
		require(`[{"notation": {"certificates": ["team.pub"]}}]`):                              {2, "PEM block PUBLIC KEY"},
		require(`[{"notation": {"certificates": ["team.pub"], "subject": "CN=x"}}]`):           {2, "has no C"},
	} {
		c.writeFile("bad.json", text)
		c.do("verify --require-signature @/bad.json SRC").want(want.code, want.message)
	}
	c.do("verify --require-signature @/missing.json SRC").want(4, "missing.json")
	c.writeFile("large.json", strings.Repeat(" ", 2<<20))
	c.do("verify --require-signature @/large.json SRC").want(2, "the policy "+c.path("large.json")+" is larger than")
	if n := c.source.Count("/v2/.+"); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

// A registry that fails is no refusal, and a signature whose content is gone is.
func TestSignatureSourceFails(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	tag := "^GET .*/manifests/" + cosignTag(c.image)
	c.source.Set(registry.Rule{Match: tag, Status: 403})
	c.do("verify --require-signature @/team.json SRC").want(3)
	c.source.Set(registry.Rule{Match: tag, Status: 404})
	c.do("verify --require-signature @/team.json SRC").want(9, "it has no signature for cosign")
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/", Status: 404})
	c.do("verify --require-signature @/team.json SRC").want(9, "its signature for cosign")
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/", Corrupt: true})
	c.do("verify --require-signature @/team.json SRC").want(7)
}

// A signature of another image under the image's tag does not count.
func TestSignatureOfAnotherImage(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	other := c.source.pushImage("src/repo", "other", "linux/amd64", "another")
	c.signer.sign(c.source, "src/repo", other)
	c.source.copyTag("src/repo", cosignTag(other), cosignTag(c.image))
	c.do("verify --require-signature @/team.json SRC").want(9, "the signature is of another image")
}

// copyTag puts the manifest of one tag under another.
func (s *server) copyTag(repo, from, to string) {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v2/"+repo+"/manifests/"+from, nil))
	s.pushManifest(repo, to, w.Body.Bytes())
}

// Every command that moves images refuses what the policy refuses before the first blob, and says
// who signed what it takes.
func TestGateOfEveryCommand(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	c.writeFile("images", c.src+" "+c.target.host+"/synced/repo\n")
	c.do("save -q --referrers -o @/x.tar SRC").want(0)
	for _, line := range []string{
		"copy POLICY SRC DST", "copy POLICY SRC DST TO/b:1", "copy POLICY SRC oci:@/copied", "copy POLICY SRC oci-archive:@/c.tar",
		"sync POLICY -f @/images", "save POLICY -o @/saved.tar SRC", "save POLICY -o @/saved/ SRC", "pull POLICY SRC",
		"load POLICY @/x.tar TO/loaded", "load POLICY -i @/x.tar", "copy POLICY oci-archive:@/x.tar TO/c:1",
	} {
		refused := strings.ReplaceAll(line, "POLICY", "--require-signature @/other.json")
		c.source.ResetRequests()
		not := "hint: nothing of the image was copied; "
		if strings.HasPrefix(line, "load") {
			not = "hint: nothing was pushed; "
		}
		o := c.do(refused).want(9, "is refused by the rule for **: its signature for cosign: it is not signed with a key of the policy", not)
		if blobs, puts := c.source.Count("^GET .*/blobs/"), c.target.Count("^PUT|^POST"); blobs > 1 || puts > 0 {
			t.Errorf("%s\nreads %d blobs, the signature's payload among them, and writes %d times", o.line, blobs, puts)
		}
	}
	for _, name := range []string{"copied", "c.tar", "saved.tar", "saved"} {
		if _, err := os.Stat(c.path(name)); err == nil && len(fileNames(t, c.path(name))) > 0 {
			t.Errorf("there is %s", name)
		}
	}
	for _, line := range []string{
		"copy POLICY SRC DST", "sync POLICY -f @/images", "save POLICY -o @/saved.tar SRC", "save POLICY -o @/saved/ SRC", "pull POLICY SRC",
		"load POLICY @/x.tar TO/loaded", "copy POLICY oci-archive:@/x.tar TO/c:1",
	} {
		o := c.do(strings.ReplaceAll(line, "POLICY", "--json --require-signature @/team.json")).want(0)
		if strings.Count(o.stdout, `"verdict": "accepted"`) != 1 || !strings.Contains(o.stdout, `"signer": "SHA256:`) {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	// The signature goes along, so that the next gate has it.
	c.do("verify --require-signature @/team.json DST").want(0)
	c.do("verify --require-signature @/team.json TO/synced/repo:1.6").want(0)
	c.do("verify --require-signature @/team.json @/saved.tar").want(0)
	c.do("verify --require-signature @/team.json @/saved").want(0)
	c.do("serve --require-signature @/other.json @/x.tar").want(9, "is refused by the rule for **", "hint: nothing is served; ")
	c.do("verify --require-signature @/other.json SRC").want(9, "hint: transship inspect --referrers shows")
	c.do("verify --require-signature @/other.json @/x.tar").want(9, "hint: transship inspect --referrers shows")
	c.do("serve --require-signature @/other.json @/saved").want(9, "is refused by the rule for **")
}

// The plan and the audit have the verdict, also of an image that is refused.
func TestVerdictIsRecorded(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	o := c.do("copy --plan --require-signature @/team.json SRC DST").want(0)
	if !strings.Contains(o.stdout, c.src+": accepted by the rule for **, cosign: SHA256:") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	o = c.do("copy --plan=json --require-signature @/team.json SRC DST").want(0)
	if !strings.Contains(o.stdout, `"verdict": "accepted"`) {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.do("copy --audit @/a.jsonl --require-signature @/other.json SRC DST").want(9)
	if text := readFile(t, c.path("a.jsonl")); !strings.Contains(text, `"verdict":"refused"`) {
		t.Error(text)
	}
	c.do("audit verify @/a.jsonl").want(0)
	c.do("copy --audit @/a.har --require-signature @/team.json SRC DST").want(0)
	if text := readFile(t, c.path("a.har")); !strings.Contains(text, `"verdict":"accepted"`) {
		t.Error(text)
	}
	c.do("audit verify @/a.har").want(0)
}

// The image that was checked is the one that is copied, where its tag moves in between.
func TestTagThatMovesAfterItsCheck(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	c.source.Set(registry.Rule{Match: "^GET .*/manifests/" + cosignTag(c.image), Times: 1, Edit: func(http.Header) {
		c.source.pushImage("src/repo", "1.6", "linux/amd64", "evil")
	}})
	c.do("copy --require-signature @/team.json SRC DST").want(0)
	if !c.target.has("dst/repo", string(c.image.Digest)) {
		t.Error("the target does not have the image that was checked")
	}
}

// An image is no signature because it says so: with a tag of its own it needs its rule's.
func TestImageThatClaimsToBeAReferrer(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	c.source.pushReferrer("src/repo", c.image, "application/spdx+json")
	evil := c.source.pushReferrer("src/evil", c.image, "application/evil")
	c.source.copyTag("src/evil", string(evil.Digest), "1")
	c.do("save -q --referrers -o @/good.tar SRC").want(0)
	c.do("save -q --referrers -o @/evil.tar SRC FROM/src/evil:1").want(0)
	c.do("load --require-signature @/team.json @/good.tar TO/loaded").want(0)
	c.do("load --require-signature @/team.json @/evil.tar TO/evil").want(9, "src/evil:1 is refused")
	c.do("verify --require-signature @/team.json @/evil.tar").want(9, "src/evil:1 is refused")
}

// An image without a repository is named by its place, and that is no account with its password.
func TestVerdictOfImageWithoutRepository(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	c.do("save -q -o @/folder/ SRC").want(0)
	c.setRefNames("folder", "v1")
	c.do("verify --require-signature @/team.json @/folder").want(9, c.path("folder")+":folder:v1 is refused by the rule for **")
}

// One image of two repositories has the signatures of both in a bundle, each in its own repository.
func TestSavedSignaturesOfTwoRepositories(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	second := newSigner(t)
	c.writeFile("second.pub", second.public())
	c.do("copy -q SRC " + c.source.host + "/other/repo:1").want(0)
	second.sign(c.source, "other/repo", c.image)
	c.writePolicy("both.json", `{"images": ["*/src/*"], "require": [{"cosign": {"key": "team.pub"}}]}`,
		`{"images": ["*/other/*"], "require": [{"cosign": {"key": "second.pub"}}]}`)
	for _, out := range []string{"@/x.tar", "@/folder/"} {
		c.do("save -q --require-signature @/both.json -o " + out + " SRC " + c.source.host + "/other/repo:1").want(0)
		c.do("verify -q --require-signature @/both.json " + out).want(0)
		c.do("load -q --require-signature @/both.json " + out + " TO").want(0)
	}
}
