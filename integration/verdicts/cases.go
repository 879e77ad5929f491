package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	repository = "registry.example.com/team/app"
	workflow   = "https://github.com/team/app/.github/workflows/release.yml@refs/tags/v1"
	github     = "https://token.actions.githubusercontent.com"
	mail       = "ada@example.com"
	accounts   = "https://accounts.example.com"
)

// world has the keys that cases share.
type world struct {
	key, otherKey *ecdsa.PrivateKey
	sigstore      *sigstore
	otherSigstore *sigstore
}

func newWorld() *world {
	return &world{key: newP256(), otherKey: newP256(), sigstore: newSigstore(), otherSigstore: newSigstore()}
}

// byKey signs with a key alone.
func (w *world) byKey() signer {
	return signer{key: w.key}
}

// byLoggedKey signs with a key and logs it.
func (w *world) byLoggedKey() signer {
	return signer{key: w.key, log: w.sigstore}
}

// keyless signs with a new key and a certificate for it, and logs it.
func (w *world) keyless(subject, issuer string) signer {
	key := newP256()
	return signer{key: key, cert: w.sigstore.leaf(identity{subject: subject, issuer: issuer}, key), log: w.sigstore}
}

// app adds the case's image under its tag.
func (t *caseFiles) app() ocispec.Descriptor {
	image := t.image("hello")
	t.list(image, "1")
	return image
}

func (t *caseFiles) key(pub crypto.PublicKey) sigstoreRule {
	t.files["team.pub"] = publicPEM(pub)
	return sigstoreRule{Key: "team.pub"}
}

func (t *caseFiles) root(s *sigstore) sigstoreRule {
	return t.rootFile(s.trustedRoot())
}

func (t *caseFiles) rootFile(root *trustroot.TrustedRoot) sigstoreRule {
	raw, err := protojson.Marshal(root)
	must(err)
	t.files["trusted_root.json"] = append(raw, '\n')
	return sigstoreRule{TrustedRoot: "trusted_root.json"}
}

func (t *caseFiles) loggedKey(pub crypto.PublicKey, s *sigstore) sigstoreRule {
	r := t.root(s)
	r.Key = t.key(pub).Key
	return r
}

func (t *caseFiles) identity(s *sigstore, subject, issuer string) sigstoreRule {
	r := t.root(s)
	r.Identity, r.Issuer = subject, issuer
	return r
}

func (t *caseFiles) cosign(r sigstoreRule) {
	t.require = requirement{Cosign: &r}
}

func (t *caseFiles) sigstore(r sigstoreRule) {
	t.require = requirement{Sigstore: &r}
}

func cosignCases(w *world) []testCase {
	cases := append(tagCases(w), tagCertificateCases(w)...)
	cases = append(cases, bundleCases(w)...)
	cases = append(cases, bundleLogCases(w)...)
	cases = append(cases, bundleVersionCases(w)...)
	cases = append(cases, formCases(w)...)
	cases = append(cases, trustCases(w)...)
	return append(cases, cosignSignCases(w)...)
}

// tagCases are signature tags and keys.
func tagCases(w *world) []testCase {
	// Each of these has one signature tag for the image, and the policy names w.key without a log.
	one := func(name, about string, sig func(image ocispec.Descriptor) tagSignature) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			t.signatureTag(image, sig(image))
		}}
	}
	claim := func(image ocispec.Descriptor) []byte { return simpleSigning(repository, image, nil) }
	withKey := func(name, about string, key crypto.Signer, hash crypto.Hash) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(key.Public()))
			t.signatureTag(image, signer{key: key, hash: hash}.tag(claim(image)))
		}}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	return []testCase{
		one("tag-key", "a signature tag by the key", func(image ocispec.Descriptor) tagSignature {
			return w.byKey().tag(claim(image))
		}),
		one("tag-wrong-key", "a signature tag by another key", func(image ocispec.Descriptor) tagSignature {
			return signer{key: w.otherKey}.tag(claim(image))
		}),
		one("tag-other-image", "the signature of another image under this image's tag", func(ocispec.Descriptor) tagSignature {
			return w.byKey().tag(claim(newContent().image("another")))
		}),
		one("tag-payload-swapped", "the payload was replaced after signing by one that names this image", func(image ocispec.Descriptor) tagSignature {
			sig := w.byKey().tag(claim(newContent().image("another")))
			sig.payload = claim(image)
			return sig
		}),
		one("tag-other-repository", "the payload names another repository", func(image ocispec.Descriptor) tagSignature {
			return w.byKey().tag(simpleSigning("registry.example.com/other/app", image, nil))
		}),
		one("tag-no-repository", "the payload names no repository", func(image ocispec.Descriptor) tagSignature {
			return w.byKey().tag(simpleSigning("", image, nil))
		}),
		one("tag-annotations", "the payload has annotations that nobody asked for", func(image ocispec.Descriptor) tagSignature {
			return w.byKey().tag(simpleSigning(repository, image, map[string]any{"release": "1", "creator": "team"}))
		}),
		one("tag-other-type", "the payload has another type", func(image ocispec.Descriptor) tagSignature {
			return w.byKey().tag([]byte(strings.Replace(string(claim(image)), "cosign container image signature", "atomic container signature", 1)))
		}),
		one("tag-no-signature", "the layer has no signature annotation", func(image ocispec.Descriptor) tagSignature {
			return tagSignature{payload: claim(image), annotations: map[string]string{}}
		}),
		one("tag-bad-base64", "the signature annotation is no base64", func(image ocispec.Descriptor) tagSignature {
			return tagSignature{payload: claim(image), annotations: map[string]string{signatureAnnotation: "%%%"}}
		}),
		one("tag-payload-not-json", "a signed payload that is no JSON", func(ocispec.Descriptor) tagSignature {
			return w.byKey().tag([]byte("hello"))
		}),
		{"tag-two-one-good", "two signatures, the first by another key", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			t.signatureTag(image, signer{key: w.otherKey}.tag(claim(image)), w.byKey().tag(claim(image)))
		}},
		{"tag-empty", "a signature tag without signatures", func(t *caseFiles) {
			t.cosign(t.key(w.key.Public()))
			t.signatureTag(t.app())
		}},
		{"unsigned", "an image without signatures", func(t *caseFiles) {
			t.app()
			t.cosign(t.key(w.key.Public()))
		}},
		withKey("tag-p384", "an ECDSA P-384 key, SHA-256", p384, crypto.SHA256),
		withKey("tag-p384-sha384", "an ECDSA P-384 key, SHA-384", p384, crypto.SHA384),
		withKey("tag-ed25519", "an Ed25519 key", newEd25519(), 0),
		withKey("tag-rsa", "an RSA key of 2048 bits, PKCS #1 v1.5", rsaKey, 0),
		{"tag-list-signed", "an image index of two platforms, the index signed", func(t *caseFiles) {
			list, _ := t.platforms()
			t.list(list, "1")
			t.cosign(t.key(w.key.Public()))
			t.signatureTag(list, w.byKey().tag(claim(list)))
		}},
		{"tag-children-signed", "an image index of two platforms, only the images signed", func(t *caseFiles) {
			list, children := t.platforms()
			t.list(list, "1")
			t.cosign(t.key(w.key.Public()))
			for _, child := range children {
				t.signatureTag(child, w.byKey().tag(claim(child)))
			}
		}},
		{"tag-key-logged", "a signature tag by the key, with a log's signed entry timestamp", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			t.signatureTag(image, w.byLoggedKey().tag(claim(image)))
		}},
		{"tag-key-not-logged", "a signature tag by the key, without the log's entry that the policy asks for", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			t.signatureTag(image, w.byKey().tag(claim(image)))
		}},
		{"tag-key-other-log", "a signature tag by the key, in a log that is not trusted", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			t.signatureTag(image, signer{key: w.key, log: w.otherSigstore}.tag(claim(image)))
		}},
		{"tag-key-entry-of-another", "a signature tag by the key, with the log's entry of another signature", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			sig := w.byKey().tag(claim(image))
			sig.annotations[bundleAnnotation] = w.byLoggedKey().tag(claim(image)).annotations[bundleAnnotation]
			t.signatureTag(image, sig)
		}},
		{"tag-key-time-changed", "a signature tag by the key, the log's time was changed", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			sig := w.byLoggedKey().tag(claim(image))
			sig.annotations[bundleAnnotation] = strings.Replace(sig.annotations[bundleAnnotation], `"integratedTime":17`, `"integratedTime":18`, 1)
			t.signatureTag(image, sig)
		}},
	}
}

// tagCertificateCases are signature tags and certificates.
func tagCertificateCases(w *world) []testCase {
	// The image has one signature by s; the policy asks for w.sigstore and the workflow's identity.
	one := func(name, about string, s func() signer, change func(*tagSignature)) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(t.identity(w.sigstore, workflow, github))
			by := s()
			sig := by.tag(simpleSigning(repository, image, nil))
			if change != nil {
				change(&sig)
			}
			t.signatureTag(image, sig)
		}}
	}
	good := func() signer { return w.keyless(workflow, github) }
	late := func() signer {
		s := good()
		s.at = signed.Add(11 * time.Minute)
		return s
	}
	return []testCase{
		one("tag-certificate", "a keyless signature tag; the certificate has expired since, the log took it in time", good, nil),
		one("tag-certificate-late", "the log took the signature a minute after the certificate expired", late, nil),
		one("tag-certificate-early", "the log took the signature before the certificate was issued", func() signer {
			s := good()
			s.at = signed.Add(-time.Minute)
			return s
		}, nil),
		one("tag-certificate-not-logged", "a keyless signature tag without the log's entry", good, func(s *tagSignature) {
			delete(s.annotations, bundleAnnotation)
		}),
		one("tag-certificate-no-chain", "a keyless signature tag without the chain annotation", good, func(s *tagSignature) {
			delete(s.annotations, chainAnnotation)
		}),
		one("tag-certificate-missing", "a keyless signature tag without its certificate", good, func(s *tagSignature) {
			delete(s.annotations, certificateAnnotation)
		}),
		one("tag-certificate-other-identity", "a keyless signature tag by another workflow", func() signer {
			return w.keyless("https://github.com/mallory/app/.github/workflows/release.yml@refs/tags/v1", github)
		}, nil),
		one("tag-certificate-other-issuer", "a keyless signature tag, the identity vouched for by another issuer", func() signer {
			return w.keyless(workflow, accounts)
		}, nil),
		one("tag-certificate-other-ca", "a keyless signature tag, the certificate by another authority", func() signer {
			key := newP256()
			return signer{key: key, log: w.sigstore, cert: w.otherSigstore.leaf(identity{subject: workflow, issuer: github}, key)}
		}, nil),
		one("tag-certificate-no-sct", "a keyless signature tag, the certificate has no signed certificate timestamp", func() signer {
			key := newP256()
			return signer{key: key, log: w.sigstore, cert: w.sigstore.leaf(identity{subject: workflow, issuer: github, noSCT: true}, key)}
		}, nil),
	}
}

// bundleCases are bundles of version 0.3 as referrers.
func bundleCases(w *world) []testCase {
	key := func(name, about string, s signer, make func(s signer, image ocispec.Descriptor) *bundlepb.Bundle) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			t.attach(image, make(s, image))
		}}
	}
	plain := func(s signer, image ocispec.Descriptor) *bundlepb.Bundle {
		return s.bundle(bundle03, statement(image, cosignPredicate))
	}
	withKey := func(name, about string, key crypto.Signer, hash crypto.Hash) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(key.Public()))
			t.attach(image, plain(signer{key: key, hash: hash}, image))
		}}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	return []testCase{
		key("bundle-key", "a bundle by the key", w.byKey(), plain),
		key("bundle-wrong-key", "a bundle by another key", signer{key: w.otherKey}, plain),
		key("bundle-other-image", "a bundle about another image that refers to this one", w.byKey(), func(s signer, _ ocispec.Descriptor) *bundlepb.Bundle {
			return s.bundle(bundle03, statement(newContent().image("another"), cosignPredicate))
		}),
		key("bundle-payload-swapped", "the statement was replaced after signing by one about this image", w.byKey(), func(s signer, image ocispec.Descriptor) *bundlepb.Bundle {
			b := s.bundle(bundle03, statement(newContent().image("another"), cosignPredicate))
			b.GetDsseEnvelope().Payload = statement(image, cosignPredicate)
			return b
		}),
		key("bundle-payload-type", "the envelope has another payload type", w.byKey(), func(s signer, image ocispec.Descriptor) *bundlepb.Bundle {
			b := plain(s, image)
			b.GetDsseEnvelope().PayloadType = "application/json"
			return b
		}),
		key("bundle-no-signature", "the envelope has no signature", w.byKey(), func(s signer, image ocispec.Descriptor) *bundlepb.Bundle {
			b := plain(s, image)
			b.GetDsseEnvelope().Signatures = nil
			return b
		}),
		key("bundle-attestation", "the only bundle by the key is an SPDX document, not cosign's signature", w.byKey(), func(s signer, image ocispec.Descriptor) *bundlepb.Bundle {
			return s.bundle(bundle03, statement(image, spdxPredicate))
		}),
		key("bundle-bad-hint", "the bundle's hint names another key", w.byKey(), func(s signer, image ocispec.Descriptor) *bundlepb.Bundle {
			b := plain(s, image)
			b.VerificationMaterial = signer{key: w.otherKey}.material(bundle03)
			return b
		}),
		key("bundle-two-subjects", "the statement is about two images, this one is the second", w.byKey(), func(s signer, image ocispec.Descriptor) *bundlepb.Bundle {
			two := strings.Replace(string(statement(image, cosignPredicate)), `"subject":[`,
				`"subject":[{"digest":{"sha256":"`+strings.Repeat("0", 64)+`"}},`, 1)
			return s.bundle(bundle03, []byte(two))
		}),
		key("bundle-certificate-for-key", "a keyless bundle where the policy has a key", w.keyless(workflow, github), plain),
		withKey("bundle-p384", "an ECDSA P-384 key, SHA-256", p384, crypto.SHA256),
		withKey("bundle-p384-sha384", "an ECDSA P-384 key, SHA-384", p384, crypto.SHA384),
		withKey("bundle-ed25519", "an Ed25519 key", newEd25519(), 0),
		withKey("bundle-rsa", "an RSA key of 2048 bits, PKCS #1 v1.5", rsaKey, 0),
		{"bundle-bad-and-tag-good", "a bundle by another key beside a signature tag by the right one", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			t.attach(image, plain(signer{key: w.otherKey}, image))
			t.signatureTag(image, w.byKey().tag(simpleSigning(repository, image, nil)))
		}},
		{"bundle-bad-and-good", "a bundle by another key beside one by the right key", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			t.attach(image, plain(signer{key: w.otherKey}, image))
			t.attach(image, plain(w.byKey(), image))
		}},
		{"bundle-list-signed", "an image index of two platforms, the index signed", func(t *caseFiles) {
			list, _ := t.platforms()
			t.list(list, "1")
			t.cosign(t.key(w.key.Public()))
			t.attach(list, plain(w.byKey(), list))
		}},
		{"bundle-children-signed", "an image index of two platforms, only the images signed", func(t *caseFiles) {
			list, children := t.platforms()
			t.list(list, "1")
			t.cosign(t.key(w.key.Public()))
			for _, child := range children {
				t.attach(child, plain(w.byKey(), child))
			}
		}},
		{"attestation-type", "an SPDX document where the policy asks for one", func(t *caseFiles) {
			image := t.app()
			r := t.key(w.key.Public())
			r.PredicateType = spdxPredicate
			t.sigstore(r)
			t.attach(image, w.byKey().bundle(bundle03, statement(image, spdxPredicate)))
		}},
		{"attestation-other-type", "cosign's signature where the policy asks for an SPDX document", func(t *caseFiles) {
			image := t.app()
			r := t.key(w.key.Public())
			r.PredicateType = spdxPredicate
			t.sigstore(r)
			t.attach(image, plain(w.byKey(), image))
		}},
	}
}

// bundleLogCases are bundles of version 0.3 with certificate, or with key and log.
func bundleLogCases(w *world) []testCase {
	rule := func(t *caseFiles) sigstoreRule { return t.identity(w.sigstore, workflow, github) }
	one := func(name, about string, s func() signer, change func(*bundlepb.Bundle)) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(rule(t))
			by := s()
			b := by.bundle(bundle03, statement(image, cosignPredicate))
			if change != nil {
				change(b)
			}
			t.attach(image, b)
		}}
	}
	good := func() signer { return w.keyless(workflow, github) }
	named := func(name, about, subject, issuer, wantSubject, wantIssuer string) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(t.identity(w.sigstore, wantSubject, wantIssuer))
			t.attach(image, w.keyless(subject, issuer).bundle(bundle03, statement(image, cosignPredicate)))
		}}
	}
	at := func(d time.Duration) func() signer {
		return func() signer {
			s := good()
			s.at = signed.Add(d)
			return s
		}
	}
	return []testCase{
		one("bundle-certificate", "a keyless bundle; the certificate has expired since, the log took it in time", good, nil),
		one("bundle-certificate-late", "the log took the signature a minute after the certificate expired", at(11*time.Minute), nil),
		one("bundle-certificate-early", "the log took the signature before the certificate was issued", at(-time.Minute), nil),
		one("bundle-no-log", "a keyless bundle without the log's entry", good, func(b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries = nil
		}),
		one("bundle-no-proof", "the log's entry has a signed entry timestamp and no inclusion proof", good, func(b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries[0].InclusionProof = nil
		}),
		one("bundle-no-promise", "the log's entry has an inclusion proof and no signed entry timestamp", good, func(b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries[0].InclusionPromise = nil
		}),
		one("bundle-bad-promise", "the signed entry timestamp is of another entry", good, func(b *bundlepb.Bundle) {
			other := good().bundle(bundle03, []byte(`{}`))
			b.VerificationMaterial.TlogEntries[0].InclusionPromise = other.VerificationMaterial.TlogEntries[0].InclusionPromise
		}),
		one("bundle-bad-proof", "a hash of the inclusion proof was changed", good, func(b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries[0].InclusionProof.Hashes[1][0] ^= 1
		}),
		one("bundle-bad-checkpoint", "the size in the checkpoint was changed", good, func(b *bundlepb.Bundle) {
			c := b.VerificationMaterial.TlogEntries[0].InclusionProof.Checkpoint
			c.Envelope = strings.Replace(c.Envelope, "\n5\n", "\n6\n", 1)
		}),
		one("bundle-other-checkpoint", "the checkpoint is of another tree of the same log", good, func(b *bundlepb.Bundle) {
			other := good().bundle(bundle03, []byte(`{}`))
			b.VerificationMaterial.TlogEntries[0].InclusionProof.Checkpoint = other.VerificationMaterial.TlogEntries[0].InclusionProof.Checkpoint
		}),
		one("bundle-no-checkpoint", "the inclusion proof has no checkpoint", good, func(b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries[0].InclusionProof.Checkpoint = nil
		}),
		one("bundle-entry-of-another", "the log's entry is of another signature", good, func(b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries = good().bundle(bundle03, []byte(`{}`)).VerificationMaterial.TlogEntries
		}),
		one("bundle-other-log", "the log is not trusted", func() signer {
			s := good()
			s.log = w.otherSigstore
			return s
		}, nil),
		one("bundle-other-ca", "the certificate is by another authority", func() signer {
			key := newP256()
			return signer{key: key, log: w.sigstore, cert: w.otherSigstore.leaf(identity{subject: workflow, issuer: github}, key)}
		}, nil),
		one("bundle-no-sct", "the certificate has no signed certificate timestamp", func() signer {
			key := newP256()
			return signer{key: key, log: w.sigstore, cert: w.sigstore.leaf(identity{subject: workflow, issuer: github, noSCT: true}, key)}
		}, nil),
		named("bundle-other-identity", "a keyless bundle by another workflow",
			"https://github.com/mallory/app/.github/workflows/release.yml@refs/tags/v1", github, workflow, github),
		named("bundle-other-issuer", "a keyless bundle, the identity vouched for by another issuer", workflow, accounts, workflow, github),
		named("bundle-identity-pattern", "the identity fits a pattern", workflow, github, "https://github.com/team/*", github),
		named("bundle-identity-pattern-other", "the identity does not fit a pattern", workflow, github, "https://github.com/other/*", github),
		named("bundle-identity-prefix", "the identity goes on after what the policy names", workflow, github, "https://github.com/team/app", github),
		named("bundle-mail", "the identity is an e-mail address", mail, accounts, mail, accounts),
		named("bundle-mail-case", "the identity is an e-mail address in other letters", strings.ToUpper(mail), accounts, mail, accounts),
		{"bundle-key-logged", "a bundle by the key with the log's entry", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			t.attach(image, w.byLoggedKey().bundle(bundle03, statement(image, cosignPredicate)))
		}},
		{"bundle-key-not-logged", "a bundle by the key without the log's entry that the policy asks for", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			t.attach(image, w.byKey().bundle(bundle03, statement(image, cosignPredicate)))
		}},
		{"bundle-key-log-of-other-key", "a bundle by the key, the log's entry names another key", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			b := w.byLoggedKey().bundle(bundle03, statement(image, cosignPredicate))
			e := b.VerificationMaterial.TlogEntries[0]
			body := strings.Replace(string(e.CanonicalizedBody), base64.StdEncoding.EncodeToString(publicPEM(w.key.Public())),
				base64.StdEncoding.EncodeToString(publicPEM(w.otherKey.Public())), 1)
			b.VerificationMaterial.TlogEntries[0] = w.sigstore.logBody("dsse", "0.0.1", []byte(body), signed.Add(time.Minute))
			t.attach(image, b)
		}},
	}
}

// bundleVersionCases are bundles of each version, with envelope or message signature, for cosign and for sigstore-go.
func bundleVersionCases(w *world) []testCase {
	var cases []testCase
	for _, v := range []struct{ name, mediaType string }{{"v01", bundle01}, {"v02", bundle02}, {"v03", bundle03}} {
		make := func(rule string, message bool) func(*caseFiles) {
			return func(t *caseFiles) {
				image := t.app()
				if r := t.identity(w.sigstore, workflow, github); rule == "cosign" {
					t.cosign(r)
				} else {
					t.sigstore(r)
				}
				s := w.keyless(workflow, github)
				b := s.bundle(v.mediaType, statement(image, cosignPredicate))
				if message {
					b = s.message(v.mediaType, t.blobs[image.Digest])
				}
				if v.mediaType == bundle01 {
					b.VerificationMaterial.TlogEntries[0].InclusionProof = nil
				}
				t.attach(image, b)
			}
		}
		cases = append(cases,
			testCase{"cosign-" + v.name, "a keyless bundle " + v.name + " for cosign verify", make("cosign", false)},
			testCase{"sigstore-" + v.name, "a keyless bundle " + v.name + ", verified by itself", make("sigstore", false)},
			testCase{"sigstore-" + v.name + "-message", "a keyless bundle " + v.name + " with a message signature over the manifest", make("sigstore", true)},
		)
	}
	return append(cases,
		testCase{"cosign-v03-message", "a keyless bundle with a message signature over the manifest, for cosign verify", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.identity(w.sigstore, workflow, github))
			t.attach(image, w.keyless(workflow, github).message(bundle03, t.blobs[image.Digest]))
		}},
		testCase{"sigstore-message-other-image", "a message signature over another manifest", func(t *caseFiles) {
			image := t.app()
			t.sigstore(t.identity(w.sigstore, workflow, github))
			other := newContent()
			t.attach(image, w.keyless(workflow, github).message(bundle03, other.blobs[other.image("another").Digest]))
		}},
		testCase{"sigstore-message-digest-swapped", "a message signature over another manifest whose digest was replaced", func(t *caseFiles) {
			image := t.app()
			t.sigstore(t.identity(w.sigstore, workflow, github))
			s, other := w.keyless(workflow, github), newContent()
			b := s.message(bundle03, other.blobs[other.image("another").Digest])
			b.GetMessageSignature().MessageDigest = s.message(bundle03, t.blobs[image.Digest]).GetMessageSignature().MessageDigest
			t.attach(image, b)
		}},
		testCase{"sigstore-key-message", "a message signature by a key, without a log", func(t *caseFiles) {
			image := t.app()
			t.sigstore(t.key(w.key.Public()))
			t.attach(image, w.byKey().message(bundle03, t.blobs[image.Digest]))
		}},
		testCase{"sigstore-v03-chain", "a bundle v0.3 with a certificate chain, which that version does not have", func(t *caseFiles) {
			image := t.app()
			t.sigstore(t.identity(w.sigstore, workflow, github))
			s := w.keyless(workflow, github)
			b := s.bundle(bundle03, statement(image, cosignPredicate))
			b.VerificationMaterial.Content = s.material(bundle02).Content
			t.attach(image, b)
		}},
		testCase{"sigstore-v01-proof", "a bundle v0.1 with an inclusion proof as well", func(t *caseFiles) {
			image := t.app()
			t.sigstore(t.identity(w.sigstore, workflow, github))
			t.attach(image, w.keyless(workflow, github).bundle(bundle01, statement(image, cosignPredicate)))
		}},
		testCase{"sigstore-provenance", "any predicate will do where the policy names none", func(t *caseFiles) {
			image := t.app()
			t.sigstore(t.identity(w.sigstore, workflow, github))
			t.attach(image, w.keyless(workflow, github).bundle(bundle03, statement(image, "https://slsa.dev/provenance/v1")))
		}},
		testCase{"sigstore-unknown-version", "a bundle of version 0.9", func(t *caseFiles) {
			image := t.app()
			t.sigstore(t.identity(w.sigstore, workflow, github))
			b := w.keyless(workflow, github).bundle(bundle03, statement(image, cosignPredicate))
			b.MediaType = "application/vnd.dev.sigstore.bundle.v0.9+json"
			t.attach(image, b)
		}},
	)
}
