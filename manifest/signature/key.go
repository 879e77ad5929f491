package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

// PublicKey is a key of ECDSA, RSA or Ed25519.
type PublicKey struct {
	key crypto.PublicKey
	der []byte // SubjectPublicKeyInfo
}

// ParsePublicKeys reads a file of PEM blocks PUBLIC KEY, as openssl pkey -pubout and cosign write
// them. It is an error if there is none, or any other block.
func ParsePublicKeys(text []byte) ([]PublicKey, error) {
	var out []PublicKey
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("it has a PEM block %s, and a PUBLIC KEY is needed", block.Type)
		}
		key, err := parsePublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		out, text = append(out, key), rest
	}
	if len(out) == 0 {
		return nil, errors.New("it has no PEM block PUBLIC KEY")
	}
	return out, nil
}

// parsePublicKey reads a SubjectPublicKeyInfo.
func parsePublicKey(der []byte) (PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return PublicKey{}, fmt.Errorf("the public key cannot be read: %w", err)
	}
	switch key.(type) {
	case *ecdsa.PublicKey, *rsa.PublicKey, ed25519.PublicKey:
		return PublicKey{key, der}, nil
	}
	return PublicKey{}, fmt.Errorf("a key of type %T is not supported: ECDSA, RSA and Ed25519 are", key)
}

// Fingerprint names the key: SHA256: and the hexadecimal digest of its SubjectPublicKeyInfo.
func (k PublicKey) Fingerprint() string {
	sum := sha256.Sum256(k.der)
	return "SHA256:" + hex.EncodeToString(sum[:])
}

// verify reports whether sig is a signature of a message. ECDSA keys of larger curves sign the
// curve's own hash, or SHA-256 as cosign has them do.
func (k PublicKey) verify(message, sig []byte) bool {
	if key, ok := k.key.(ed25519.PublicKey); ok {
		return ed25519.Verify(key, message, sig)
	}
	for _, h := range k.hashes() {
		if k.verifyHash(h, sum(h, message), sig) {
			return true
		}
	}
	return false
}

// verifyHash reports whether sig is a signature of a message with that hash. Ed25519 has none.
func (k PublicKey) verifyHash(h crypto.Hash, digest, sig []byte) bool {
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest, sig)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, h, digest, sig) == nil
	}
	return false
}

// hashes returns the hashes that a key signs.
func (k PublicKey) hashes() []crypto.Hash {
	if key, ok := k.key.(*ecdsa.PublicKey); ok {
		switch key.Curve {
		case elliptic.P384():
			return []crypto.Hash{crypto.SHA384, crypto.SHA256}
		case elliptic.P521():
			return []crypto.Hash{crypto.SHA512, crypto.SHA256}
		}
	}
	return []crypto.Hash{crypto.SHA256}
}

func sum(h crypto.Hash, message []byte) []byte {
	state := h.New()
	state.Write(message)
	return state.Sum(nil)
}
