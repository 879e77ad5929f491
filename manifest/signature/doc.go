// Package signature verifies signatures of images without any I/O: cosign's signature tags
// ([VerifySimple]), Sigstore bundles ([VerifyBundle]) and Notation's JWS envelopes ([VerifyNotation]).
// The caller brings the documents, the digest of the image, and whom it trusts ([Trust],
// [NotationTrust]). It gets a [Verdict]: who has signed, when, and what was not checked. An error is
// the reason for which the signature does not count.
//
// What is checked follows cosign 3, sigstore-go and notation-go; docs/security.md lists the
// differences. Every document comes from elsewhere: sizes, numbers of signatures and lengths of
// chains are bounded, and JSON is read as strictly as [manifest.Decode] does.
package signature

import "time"

// Limits of documents that come from elsewhere.
const (
	// MaxPayload is the size in bytes of the largest simple signing payload.
	MaxPayload = 1 << 20
	// MaxEnvelope is the size in bytes of the largest Sigstore bundle or Notation envelope. Bundles
	// hold whole attestations.
	MaxEnvelope = 16 << 20
	// maxChain is how many certificates a signature may bring. Real chains have three or four.
	maxChain = 16
	// maxEntries is how many log entries a bundle may have, as for sigstore-go.
	maxEntries = 32
	// maxSubjects is how many subjects a statement may have, as for sigstore-go.
	maxSubjects = 1024
)

// Verdict says who has signed an image.
type Verdict struct {
	Signer string    // a key's fingerprint, a certificate's identity and issuer, or its subject
	Time   time.Time // when, as far as the signature proves it or says so; zero if it does not
	// NotChecked names what a full verification would check too, such as "transparency log".
	NotChecked []string
}
