// Package signature verifies signatures of images without any I/O: cosign's signature tags
// ([VerifySimple]), Sigstore bundles ([VerifyBundle]) and Notation's JWS envelopes ([VerifyNotation]).
// The caller brings the documents, the digest of the image, and whom it trusts ([Trust],
// [NotationTrust]). It gets a [Proof]: who
// has signed, when, and what was not checked. An error is
// the reason for which the signature does not count.
//
// What is checked follows cosign 3, sigstore-go and notation-go; docs/security.md lists the
// differences. Every document comes from elsewhere: sizes, numbers of signatures and lengths of
// chains are bounded, and JSON is read as strictly as [manifest.Decode] does.
package signature

import (
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
)

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

// IsDocument reports whether a blob of that media type is what is verified of a signature: a payload,
// a bundle or an envelope.
func IsDocument(mediaType string) bool {
	return mediaType == MediaTypeSimple || mediaType == MediaTypeJWS || mediaType == MediaTypeCOSE ||
		strings.HasPrefix(mediaType, MediaTypeBundle)
}

// Proof is what one signature of an image shows.
type Proof struct {
	Kind   string `json:"kind"`   // cosign, sigstore or notation
	Signer string `json:"signer"` // a key's fingerprint, a certificate's identity and issuer, or its subject
	// Time is when the image was signed, as far as the signature proves it or says so; zero if it does not.
	Time time.Time `json:"time,omitzero"`
	// NotChecked names what a full verification would check too, such as "transparency log".
	NotChecked []string `json:"notChecked,omitempty"`
}

// The kinds of proofs.
const (
	KindCosign   = "cosign"
	KindSigstore = "sigstore"
	KindNotation = "notation"
)

// Verdict is what the rules of a policy say of an image. Records of a run have it as JSON.
type Verdict struct {
	Image      string      `json:"image"`            // the name under which the policy was asked
	Digest     blob.Digest `json:"digest,omitempty"` // "" if a rule refuses the image unseen
	Rule       string      `json:"rule"`             // the pattern of the rule that is for the image
	Verdict    string      `json:"verdict"`          // Accepted or Refused
	Signatures []Proof     `json:"signatures,omitempty"`
	Reason     string      `json:"reason,omitempty"` // for which it is refused
}

// String returns the verdict with the rule and with who signed, or the reason, in one line.
func (v Verdict) String() string {
	text := v.Verdict + " by the rule for " + v.Rule
	for _, p := range v.Signatures {
		text += ", " + p.String()
	}
	if v.Reason != "" {
		text += ": " + v.Reason
	}
	return text
}

// String returns the kind and the signer, and what was not checked.
func (p Proof) String() string {
	text := p.Kind + ": " + p.Signer
	if len(p.NotChecked) > 0 {
		text += "; not checked: " + strings.Join(p.NotChecked, ", ")
	}
	return text
}

// The verdicts on an image.
const (
	Accepted = "accepted"
	Refused  = "refused"
)
