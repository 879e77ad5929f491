package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
)

// formCases are documents in other forms than cosign writes.
func formCases(w *world) []testCase {
	tag := func(name, about string, make func(image ocispec.Descriptor) tagSignature) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			t.signatureTag(image, make(image))
		}}
	}
	bundle := func(name, about string, make func(image ocispec.Descriptor) []byte) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			t.attach(image, w.byKey().bundle(bundle03, make(image)))
		}}
	}
	change := func(b []byte, old, new string) []byte { return []byte(strings.Replace(string(b), old, new, 1)) }
	return []testCase{
		{"tag-two-keys", "the key file has two keys, the signature is by the second", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.otherKey.Public()))
			t.files["team.pub"] = slices.Concat(t.files["team.pub"], publicPEM(w.key.Public()))
			t.signatureTag(image, w.byKey().tag(simpleSigning(repository, image, nil)))
		}},
		{"tag-rsa-pss", "an RSA key, RSASSA-PSS", func(t *caseFiles) {
			image := t.app()
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			must(err)
			t.cosign(t.key(key.Public()))
			payload := simpleSigning(repository, image, nil)
			h := sha256.Sum256(payload)
			sig, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, h[:], nil)
			must(err)
			t.signatureTag(image, tagSignature{payload: payload, annotations: map[string]string{signatureAnnotation: base64.StdEncoding.EncodeToString(sig)}})
		}},
		{"tag-p521", "an ECDSA P-521 key, SHA-256", func(t *caseFiles) {
			image := t.app()
			key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
			must(err)
			t.cosign(t.key(key.Public()))
			t.signatureTag(image, signer{key: key}.tag(simpleSigning(repository, image, nil)))
		}},
		{"tag-layer-type", "the layer has another media type than cosign's", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			sig := w.byKey().tag(simpleSigning(repository, image, nil))
			sig.mediaType = "application/octet-stream"
			t.signatureTag(image, sig)
		}},
		tag("tag-duplicate-member", "the payload has the image twice, the second is this one", func(image ocispec.Descriptor) tagSignature {
			payload := simpleSigning(repository, image, nil)
			return w.byKey().tag(change(payload, `"image":`, `"image":{"docker-manifest-digest":"sha256:`+strings.Repeat("0", 64)+`"},"image":`))
		}),
		tag("tag-member-case", "the payload's members are in capital letters", func(image ocispec.Descriptor) tagSignature {
			return w.byKey().tag(change(simpleSigning(repository, image, nil), "docker-manifest-digest", "Docker-Manifest-Digest"))
		}),
		tag("tag-digest-case", "the payload's digest is in capital letters", func(image ocispec.Descriptor) tagSignature {
			hex := image.Digest.Encoded()
			return w.byKey().tag(change(simpleSigning(repository, image, nil), hex, strings.ToUpper(hex)))
		}),
		tag("tag-extra-member", "the payload has a member that nobody knows", func(image ocispec.Descriptor) tagSignature {
			return w.byKey().tag(change(simpleSigning(repository, image, nil), `"critical":{`, `"critical":{"note":1,`))
		}),
		tag("tag-trailing-text", "the payload goes on after its JSON", func(image ocispec.Descriptor) tagSignature {
			return w.byKey().tag(append(simpleSigning(repository, image, nil), " {}"...))
		}),
		bundle("bundle-no-subject", "the statement has no subject", func(image ocispec.Descriptor) []byte {
			return change(statement(image, cosignPredicate), `"subject":[{"digest":{"sha256":"`+image.Digest.Encoded()+`"}}]`, `"subject":[]`)
		}),
		bundle("bundle-statement-v01", "an in-toto statement of version 0.1", func(image ocispec.Descriptor) []byte {
			return change(statement(image, cosignPredicate), "https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
		}),
		bundle("bundle-statement-type", "a statement of an unknown type", func(image ocispec.Descriptor) []byte {
			return change(statement(image, cosignPredicate), "https://in-toto.io/Statement/v1", "https://example.com/Statement")
		}),
		bundle("bundle-digest-case", "the statement's digest is in capital letters", func(image ocispec.Descriptor) []byte {
			hex := image.Digest.Encoded()
			return change(statement(image, cosignPredicate), hex, strings.ToUpper(hex))
		}),
		bundle("bundle-sha512-only", "the statement names the image by another kind of digest", func(image ocispec.Descriptor) []byte {
			return change(statement(image, cosignPredicate), `"sha256"`, `"gitCommit"`)
		}),
		bundle("bundle-two-digests", "the statement names the image by two kinds of digests", func(image ocispec.Descriptor) []byte {
			return change(statement(image, cosignPredicate), `"sha256"`, `"sha512":"`+strings.Repeat("0", 128)+`","sha256"`)
		}),
		{"bundle-two-layers", "the referrer has two layers", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			raw, err := protoJSON(w.byKey().bundle(bundle03, statement(image, cosignPredicate)))
			must(err)
			t.referrer(image, bundle03, bundle03, raw, nil, []byte("another"))
		}},
		{"bundle-artifact-type", "the referrer has another artifactType, its layer the bundle's type", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			raw, err := protoJSON(w.byKey().bundle(bundle03, statement(image, cosignPredicate)))
			must(err)
			t.referrer(image, "application/vnd.example.signature", bundle03, raw, nil)
		}},
		{"bundle-not-json", "the referrer's layer is no JSON", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			t.referrer(image, bundle03, bundle03, []byte("hello"), nil)
		}},
		{"bundle-unknown-member", "the bundle has a member that nobody knows", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.key(w.key.Public()))
			raw, err := protoJSON(w.byKey().bundle(bundle03, statement(image, cosignPredicate)))
			must(err)
			t.referrer(image, bundle03, bundle03, append([]byte(`{"note":1,`), raw[1:]...), nil)
		}},
		{"bundle-invalid-and-tag-good", "a bundle without an inclusion proof beside a signature tag", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			b := w.byLoggedKey().bundle(bundle03, statement(image, cosignPredicate))
			b.VerificationMaterial.TlogEntries[0].InclusionProof = nil
			t.attach(image, b)
			t.signatureTag(image, w.byLoggedKey().tag(simpleSigning(repository, image, nil)))
		}},
	}
}

// trustCases are what a trusted root and a certificate say.
func trustCases(w *world) []testCase {
	cases := rootCases(w)
	cases = append(cases, leafCases(w)...)
	return append(cases, entryCases(w)...)
}

// rootCases change the trusted root.
func rootCases(w *world) []testCase {
	both := func(name, about string, change func(*trustroot.TrustedRoot)) []testCase {
		make := func(tag bool) func(*caseFiles) {
			return func(t *caseFiles) {
				image := t.app()
				root := w.sigstore.trustedRoot()
				change(root)
				r := t.rootFile(root)
				r.Identity, r.Issuer = workflow, github
				t.cosign(r)
				if s := w.keyless(workflow, github); tag {
					t.signatureTag(image, s.tag(simpleSigning(repository, image, nil)))
				} else {
					t.attach(image, s.bundle(bundle03, statement(image, cosignPredicate)))
				}
			}
		}
		return []testCase{{"tag-" + name, about, make(true)}, {"bundle-" + name, about, make(false)}}
	}
	return slices.Concat(
		both("log-retired", "the log's key was retired before it took the signature", func(r *trustroot.TrustedRoot) {
			r.Tlogs[0].PublicKey.ValidFor = until(signed.Add(-time.Hour))
		}),
		both("log-not-yet", "the log's key came into use after it took the signature", func(r *trustroot.TrustedRoot) {
			r.Tlogs[0].PublicKey.ValidFor = since(signed.Add(time.Hour))
		}),
		both("log-retired-since", "the log's key was retired since", func(r *trustroot.TrustedRoot) {
			r.Tlogs[0].PublicKey.ValidFor = until(signed.Add(time.Hour))
		}),
		both("ca-retired", "the authority was retired before the signature", func(r *trustroot.TrustedRoot) {
			r.CertificateAuthorities[0].ValidFor = until(signed.Add(-time.Hour))
		}),
		both("ca-retired-since", "the authority was retired since", func(r *trustroot.TrustedRoot) {
			r.CertificateAuthorities[0].ValidFor = until(signed.Add(time.Hour))
		}),
		both("two-roots", "the trusted root has another log and authority as well, first", func(r *trustroot.TrustedRoot) {
			other := w.otherSigstore.trustedRoot()
			r.Tlogs = append(other.Tlogs, r.Tlogs...)
			r.Ctlogs = append(other.Ctlogs, r.Ctlogs...)
			r.CertificateAuthorities = append(other.CertificateAuthorities, r.CertificateAuthorities...)
		}),
	)
}

// leafCases are certificates of other forms.
func leafCases(w *world) []testCase {
	both := func(name, about string, hash crypto.Hash, want identity, newKey func() crypto.Signer, change func(*x509.Certificate)) []testCase {
		make := func(tag bool) func(*caseFiles) {
			return func(t *caseFiles) {
				image := t.app()
				t.cosign(t.identity(w.sigstore, want.subject, want.issuer))
				key := newKey()
				s := signer{key: key, hash: hash, log: w.sigstore}
				s.cert = w.sigstore.leaf(identity{subject: workflow, issuer: github, change: change}, key)
				if tag {
					t.signatureTag(image, s.tag(simpleSigning(repository, image, nil)))
				} else {
					t.attach(image, s.bundle(bundle03, statement(image, cosignPredicate)))
				}
			}
		}
		return []testCase{{"tag-" + name, about, make(true)}, {"bundle-" + name, about, make(false)}}
	}
	p256 := func() crypto.Signer { return newP256() }
	p384 := func() crypto.Signer {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		must(err)
		return key
	}
	rsa2048 := func() crypto.Signer {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		must(err)
		return key
	}
	want := identity{subject: workflow, issuer: github}
	return slices.Concat(
		both("leaf-p384", "a certificate for an ECDSA P-384 key, SHA-256", crypto.SHA256, want, p384, nil),
		both("leaf-ed25519", "a certificate for an Ed25519 key", crypto.SHA256, want, func() crypto.Signer { return newEd25519() }, nil)[1:], // no log takes it for a tag
		both("leaf-rsa", "a certificate for an RSA key", crypto.SHA256, want, rsa2048, nil),
		both("leaf-usage", "a certificate for servers", 0, want, p256, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}),
		both("leaf-issuer-v1", "a certificate with the issuer as plain text alone", 0, want, p256, func(c *x509.Certificate) {
			c.ExtraExtensions = c.ExtraExtensions[:1]
		}),
		both("leaf-issuer-v2", "a certificate with the issuer as ASN.1 alone", 0, want, p256, func(c *x509.Certificate) {
			c.ExtraExtensions = c.ExtraExtensions[1:]
		}),
		both("leaf-issuers-differ", "a certificate with two issuers, the one as ASN.1 is right", 0, want, p256, func(c *x509.Certificate) {
			c.ExtraExtensions[0].Value = []byte(accounts)
		}),
		both("leaf-no-issuer", "a certificate without an issuer", 0, want, p256, func(c *x509.Certificate) {
			c.ExtraExtensions = nil
		}),
		both("leaf-no-name", "a certificate without a name", 0, want, p256, func(c *x509.Certificate) {
			c.URIs = nil
		}),
		both("leaf-two-names", "a certificate with two names, the URI is asked for", 0, want, p256, func(c *x509.Certificate) {
			c.EmailAddresses = []string{mail}
		}),
		both("leaf-two-names-mail", "a certificate with two names, the e-mail address is asked for", 0, identity{subject: mail, issuer: github}, p256,
			func(c *x509.Certificate) { c.EmailAddresses = []string{mail} }),
		both("leaf-two-uris", "a certificate with two URIs, the second is asked for", 0, want, p256, func(c *x509.Certificate) {
			c.URIs = []*url.URL{{Scheme: "https", Host: "example.com", Path: "/first"}, c.URIs[0]}
		}),
		both("leaf-critical", "a certificate with a critical extension that nobody knows", 0, want, p256, func(c *x509.Certificate) {
			e := c.ExtraExtensions[0]
			e.Id, e.Critical = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 55555, 1}, true
			c.ExtraExtensions = append(c.ExtraExtensions, e)
		}),
		both("identity-dot", "a dot in an identity with a star stands for itself", 0, identity{subject: "https://github.com/te.m/*", issuer: github}, p256, nil),
		both("identity-middle", "a star in the middle of an identity", 0, identity{subject: "https://github.com/*/release.yml@refs/tags/v1", issuer: github}, p256, nil),
	)
}

// entryCases are log entries of other kinds, and several of them.
func entryCases(w *world) []testCase {
	keyless := func(name, about string, change func(s signer, b *bundlepb.Bundle)) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.cosign(t.identity(w.sigstore, workflow, github))
			s := w.keyless(workflow, github)
			b := s.bundle(bundle03, statement(image, cosignPredicate))
			change(s, b)
			if b.VerificationMaterial.TimestampVerificationData != nil {
				t.rootFile(w.sigstore.withTimestamps())
			}
			t.attach(image, b)
		}}
	}
	kind := func(name, about, mediaType, kind string) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.sigstore(t.identity(w.sigstore, workflow, github))
			s := w.keyless(workflow, github)
			s.kind = kind
			t.attach(image, s.bundle(mediaType, statement(image, cosignPredicate)))
		}}
	}
	return []testCase{
		kind("sigstore-intoto-entry", "the log's entry is of the kind intoto 0.0.2", bundle03, "intoto"),
		kind("sigstore-v02-intoto-entry", "the log's entry is of the kind intoto 0.0.2, in a bundle v0.2", bundle02, "intoto"),
		keyless("bundle-entry-other-content", "the log's entry has this signature and certificate, and the hash of other content",
			func(s signer, b *bundlepb.Bundle) {
				changeEntry(s, b, "payloadHash", hexOf(b.GetDsseEnvelope().Payload), hexOf([]byte("other")))
			}),
		keyless("bundle-certificate-of-another", "the certificate is for another key; the log's entry has it too",
			func(s signer, b *bundlepb.Bundle) {
				key := newP256()
				cert := s.log.leaf(identity{subject: workflow, issuer: github}, key)
				changeEntry(s, b, "verifier", base64.StdEncoding.EncodeToString(certificatePEM(s.cert)), base64.StdEncoding.EncodeToString(certificatePEM(cert)))
				b.VerificationMaterial.Content = signer{key: key, cert: cert}.material(bundle03).Content
			}),
		{"tag-certificate-of-another", "the certificate of a signature tag is for another key; the log's entry has it too", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.identity(w.sigstore, workflow, github))
			by := w.keyless(workflow, github)
			key := newP256()
			cert := w.sigstore.leaf(identity{subject: workflow, issuer: github}, key)
			payload := simpleSigning(repository, image, nil)
			sig := by.tag(payload)
			raw, err := base64.StdEncoding.DecodeString(sig.annotations[signatureAnnotation])
			must(err)
			e := by.entry("hashedrekord", payload, raw)
			body := strings.Replace(string(e.CanonicalizedBody), base64.StdEncoding.EncodeToString(certificatePEM(by.cert)),
				base64.StdEncoding.EncodeToString(certificatePEM(cert)), 1)
			sig.annotations[certificateAnnotation] = string(certificatePEM(cert))
			sig.annotations[bundleAnnotation] = string(tagBundle(w.sigstore.logBody("hashedrekord", "0.0.1", []byte(body), signed.Add(time.Minute))))
			t.signatureTag(image, sig)
		}},
		keyless("bundle-entry-twice", "the log's entry is there twice", func(_ signer, b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries = append(b.VerificationMaterial.TlogEntries, b.VerificationMaterial.TlogEntries[0])
		}),
		keyless("bundle-two-logs", "entries of two logs, the first is not trusted", func(s signer, b *bundlepb.Bundle) {
			s.log = w.otherSigstore
			other := s.bundle(bundle03, b.GetDsseEnvelope().Payload)
			other.GetDsseEnvelope().Signatures = b.GetDsseEnvelope().Signatures
			b.VerificationMaterial.TlogEntries = append(other.VerificationMaterial.TlogEntries, b.VerificationMaterial.TlogEntries...)
		}),
		keyless("bundle-kind-wrong", "the bundle calls the log's entry another kind than it is", func(_ signer, b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries[0].KindVersion.Kind = "hashedrekord"
		}),
		keyless("bundle-log-index", "the entry's place in the log was changed", func(_ signer, b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries[0].LogIndex++
		}),
		keyless("bundle-proof-index", "the entry's place in the tree was changed", func(_ signer, b *bundlepb.Bundle) {
			b.VerificationMaterial.TlogEntries[0].InclusionProof.LogIndex--
		}),
		keyless("bundle-timestamped", "a timestamp beside the log's entry, which nobody asked for", func(s signer, b *bundlepb.Bundle) {
			s.log.timestamped(b, signed.Add(2*time.Minute))
		}),
		keyless("bundle-timestamped-late", "a timestamp after the certificate expired, the log took it in time", func(s signer, b *bundlepb.Bundle) {
			s.log.timestamped(b, signed.Add(time.Hour))
		}),
		keyless("bundle-timestamp-alone", "a timestamp and no log's entry", func(s signer, b *bundlepb.Bundle) {
			s.log.timestamped(b, signed.Add(time.Minute))
			b.VerificationMaterial.TlogEntries = nil
		}),
		keyless("bundle-tiles", "an entry of Rekor v2 with a timestamp", func(s signer, b *bundlepb.Bundle) {
			s.logTiles(b)
			s.log.timestamped(b, signed.Add(time.Minute))
		}),
		keyless("bundle-tiles-no-time", "an entry of Rekor v2 without a timestamp", func(s signer, b *bundlepb.Bundle) {
			s.logTiles(b)
		}),
		{"bundle-tiles-key", "a bundle by a key with an entry of Rekor v2", func(t *caseFiles) {
			image := t.app()
			t.cosign(t.loggedKey(w.key.Public(), w.sigstore))
			b := w.byLoggedKey().bundle(bundle03, statement(image, cosignPredicate))
			w.byLoggedKey().logTiles(b)
			t.attach(image, b)
		}},
	}
}

// changeEntry replaces a text in the body of a bundle's log entry, in the member that is named, and has the log sign it.
func changeEntry(s signer, b *bundlepb.Bundle, member, old, new string) {
	body := string(b.VerificationMaterial.TlogEntries[0].CanonicalizedBody)
	at := strings.Index(body, `"`+member+`"`)
	changed := body[:at] + strings.Replace(body[at:], old, new, 1)
	if changed == body {
		must(fmt.Errorf("the log entry has no %s %s", member, old))
	}
	b.VerificationMaterial.TlogEntries[0] = s.log.logBody("dsse", "0.0.1", []byte(changed), signed.Add(time.Minute))
}

func hexOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
