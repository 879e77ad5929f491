package blob

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// Digest identifies bytes by their hash: "sha256:" and 64, or "sha512:" and 128 lower-case
// hexadecimal characters (OCI image-spec, descriptor.md, "Registered Algorithms"). A Digest from
// foreign input may hold any text: call Validate before use. The other methods never panic.
type Digest string

// Algorithm is the name of a registered hash algorithm: "sha256" or "sha512".
type Algorithm string

// The algorithms of the OCI image specification that this package can compute.
const (
	SHA256 Algorithm = "sha256"
	SHA512 Algorithm = "sha512"
)

// hexLength returns how many hexadecimal characters a digest has, 0 for an algorithm that this
// package cannot compute.
func (a Algorithm) hexLength() int {
	switch a {
	case SHA256:
		return 2 * sha256.Size
	case SHA512:
		return 2 * sha512.Size
	}
	return 0
}

// Available reports whether this package can compute the algorithm.
func (a Algorithm) Available() bool { return a.hexLength() > 0 }

// New returns a new hash of the algorithm, or of sha256 if the algorithm is not available.
func (a Algorithm) New() hash.Hash {
	if a == SHA512 {
		return sha512.New()
	}
	return sha256.New()
}

// Digest returns the digest of b by the algorithm, or by sha256 if the algorithm is not available.
func (a Algorithm) Digest(b []byte) Digest {
	if !a.Available() {
		a = SHA256
	}
	h := a.New()
	h.Write(b)
	return FromHash(a, h)
}

// FromBytes returns the sha256 digest of b.
func FromBytes(b []byte) Digest { return SHA256.Digest(b) }

// FromHash returns the digest of what was written to h, a hash of algorithm a.
func FromHash(a Algorithm, h hash.Hash) Digest {
	return Digest(string(a) + ":" + hex.EncodeToString(h.Sum(nil)))
}

// Algorithm returns the part before the colon, "" if there is no colon.
func (d Digest) Algorithm() Algorithm {
	a, _, ok := strings.Cut(string(d), ":")
	if !ok {
		return ""
	}
	return Algorithm(a)
}

// Hex returns the part after the colon, "" if there is no colon.
func (d Digest) Hex() string {
	_, h, _ := strings.Cut(string(d), ":")
	return h
}

// Short returns the algorithm and the first 12 hexadecimal characters, as docker shows image IDs.
func (d Digest) Short() string {
	h := d.Hex()
	if len(h) <= 12 {
		return string(d)
	}
	return string(d.Algorithm()) + ":" + h[:12]
}

// String returns the digest in the form that documents and references use.
func (d Digest) String() string { return string(d) }

// Validate returns nil if d is well formed and of an available algorithm, and a *[DigestError]
// otherwise.
func (d Digest) Validate() error {
	n := d.Algorithm().hexLength()
	h := d.Hex()
	switch {
	case n == 0 && d.Algorithm() == "":
		return &DigestError{Digest: d, Reason: "want algorithm:hex, such as sha256:..."}
	case n == 0:
		reason := fmt.Sprintf("algorithm %q is not supported, only sha256 and sha512", d.Algorithm())
		return &DigestError{Digest: d, Reason: reason}
	case len(h) != n:
		reason := fmt.Sprintf("%s needs %d hexadecimal characters, not %d", d.Algorithm(), n, len(h))
		return &DigestError{Digest: d, Reason: reason}
	case !isLowerHex(h):
		return &DigestError{Digest: d, Reason: "after the colon only the characters 0-9 and a-f are allowed"}
	}
	return nil
}

// DigestError says why a text is not a digest.
type DigestError struct {
	Digest Digest
	Reason string
}

// Error names the text and the reason.
func (e *DigestError) Error() string {
	return fmt.Sprintf("invalid digest %q: %s", truncate(string(e.Digest), 160), e.Reason)
}

func isLowerHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func truncate(s string, length int) string {
	if len(s) <= length {
		return s
	}
	return s[:length] + "..."
}
