package signature

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
)

// A bundle by a certificate says who signed and when; one by a key which.
func TestBundle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	image := blob.FromBytes([]byte("image"))
	byCertificate := Trust{Root: w.root(), Identity: Identity{testIssuer, "https://example.com/team/*"}}
	got, err := w.verify(w.bundle(image, true), byCertificate, image)
	want := Proof{Signer: testIdentity + " (" + testIssuer + ")", Time: w.at.Local(), NotChecked: []string{notCheckedSCT}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, error %v", cmp.Diff(want, got), err)
	}
	got, err = w.verify(w.bundle(image, false), Trust{Keys: w.keys()}, image)
	want = Proof{Signer: w.keys()[0].Fingerprint(), NotChecked: []string{notCheckedLog}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, error %v", cmp.Diff(want, got), err)
	}
	got, err = w.verify(w.bundle(image, false), Trust{Keys: w.keys(), Root: w.root()}, image)
	if err != nil || !got.Time.Equal(w.at) || len(got.NotChecked) > 0 {
		t.Errorf("%+v, error %v", got, err)
	}
}

// Whatever is wrong with a bundle is the reason why it does not count.
func TestBundleRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	image := blob.FromBytes([]byte("image"))
	good := Trust{Root: w.root(), Identity: Identity{testIssuer, testIdentity}}
	entry := func(b document) document {
		return b["verificationMaterial"].(document)["tlogEntries"].([]any)[0].(document)
	}
	proof := func(b document) document { return entry(b)["inclusionProof"].(document) }
	for name, test := range map[string]struct {
		change func(document)
		reason string
	}{
		"version":          {func(b document) { b["mediaType"] = MediaTypeBundle + ".v0.4+json" }, "is not supported"},
		"no content":       {func(b document) { delete(b, "dsseEnvelope") }, "either an envelope or a message"},
		"no material":      {func(b document) { b["verificationMaterial"] = document{} }, "one of public key, certificate"},
		"no entry":         {func(b document) { b["verificationMaterial"].(document)["tlogEntries"] = []any{} }, "no entry of a transparency log"},
		"no proof":         {func(b document) { delete(entry(b), "inclusionProof") }, "inclusion proof that version 0.3"},
		"no promise":       {func(b document) { delete(entry(b), "inclusionPromise") }, "no log has signed when"},
		"promise":          {func(b document) { entry(b)["integratedTime"] = "1767323046" }, "signed entry timestamp does not match"},
		"index":            {func(b document) { entry(b)["logIndex"] = "78" }, "signed entry timestamp does not match"},
		"other log":        {func(b document) { entry(b)["logId"] = document{"keyId": []byte("x")} }, "not in the trusted root"},
		"hash of proof":    {func(b document) { proof(b)["hashes"].([][]byte)[1][0] ^= 1 }, "does not lead to the root"},
		"proof too short":  {func(b document) { proof(b)["hashes"] = proof(b)["hashes"].([][]byte)[:2] }, "too short"},
		"proof too long":   {func(b document) { proof(b)["hashes"] = append(proof(b)["hashes"].([][]byte), make([]byte, 32)) }, "too long"},
		"proof of no tree": {func(b document) { proof(b)["treeSize"] = "1" }, "of no tree"},
		"negative index":   {func(b document) { proof(b)["logIndex"] = "-1" }, "of no tree"},
		"checkpoint": {func(b document) {
			proof(b)["checkpoint"] = document{"envelope": strings.Replace(proof(b)["checkpoint"].(document)["envelope"].(string), "- 1", "- 2", 1)}
		}, "not signed by the log"},
		"no checkpoint": {func(b document) { proof(b)["checkpoint"] = document{} }, "malformed"},
		"other statement": {func(b document) {
			b["dsseEnvelope"].(document)["payload"] = []byte(`{"_type":"https://in-toto.io/Statement/v1"}`)
		}, "does not match its certificate"},
		"no statement":     {func(b document) { b["dsseEnvelope"].(document)["payload"] = []byte(`{}`) }, "no in-toto statement"},
		"payload type":     {func(b document) { b["dsseEnvelope"].(document)["payloadType"] = "text/plain" }, "payload of the type"},
		"two signatures":   {func(b document) { b["dsseEnvelope"].(document)["signatures"] = []any{document{}, document{}} }, "has 2 signatures"},
		"too many entries": {func(b document) { b["verificationMaterial"].(document)["tlogEntries"] = make([]document, 33) }, ""},
		"chain in 0.3": {func(b document) {
			b["verificationMaterial"] = document{"x509CertificateChain": document{"certificates": []any{}}}
		}, "where one certificate may be"},
		"chain of 10,000": {func(b document) {
			b["mediaType"] = MediaTypeBundle + "+json;version=0.2"
			chain := make([]document, 10_000)
			for i := range chain {
				chain[i] = document{"rawBytes": make([]byte, 500)}
			}
			b["verificationMaterial"] = document{"x509CertificateChain": document{"certificates": chain}}
		}, "its chain has 10000 certificates"},
	} {
		b := w.bundle(image, true)
		test.change(b)
		if _, err := w.verify(b, good, image); err == nil || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s: error %v, want %s", name, err, test.reason)
		}
	}
	b := w.bundle(image, true)
	late, other := *w, newWorld(t)
	late.at = w.at.Add(10 * time.Minute)
	for reason, try := range map[string]func() (Proof, error){
		"is of another image":         func() (Proof, error) { return w.verify(b, good, blob.FromBytes([]byte("other"))) },
		"the certificate's issuer is": func() (Proof, error) { return w.verify(b, Trust{Root: w.root(), Identity: Identity{"x", "*"}}, image) },
		"the certificate is of": func() (Proof, error) {
			return w.verify(b, Trust{Root: w.root(), Identity: Identity{testIssuer, "https://example.com/other/*"}}, image)
		},
		"the policy wants a key":              func() (Proof, error) { return w.verify(b, Trust{Keys: w.keys()}, image) },
		"the policy wants a certificate":      func() (Proof, error) { return w.verify(w.bundle(image, false), good, image) },
		"not signed with a key of the policy": func() (Proof, error) { return w.verify(w.bundle(image, false), Trust{Keys: other.keys()}, image) },
		"not in the trusted root":             func() (Proof, error) { return w.verify(b, Trust{Root: other.root(), Identity: good.Identity}, image) },
		"neither a key nor a trusted root":    func() (Proof, error) { return w.verify(b, Trust{}, image) },
	} {
		if _, err := try(); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("error %v, want %s", err, reason)
		}
	}
	// The log took the signature after the certificate had expired.
	expired := w.bundle(image, true)
	payload, sig := expired["dsseEnvelope"].(document)["payload"].([]byte), expired["dsseEnvelope"].(document)["signatures"].([]any)[0].(document)["sig"].([]byte)
	claim, err := parseBody(entry(expired)["canonicalizedBody"].([]byte))
	if err != nil {
		t.Fatal(err)
	}
	expired["verificationMaterial"].(document)["tlogEntries"] = []any{late.entry(sig, payload, claim.verifier)}
	if _, err := w.verify(expired, good, image); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("error %v", err)
	}
}
