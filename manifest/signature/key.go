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

// Ed25519 returns the key if it is one of Ed25519.
func (k PublicKey) Ed25519() (ed25519.PublicKey, error) {
	if key, ok := k.key.(ed25519.PublicKey); ok {
		return key, nil
	}
	return nil, errNotEd25519()
}

func errNotEd25519() error { return errors.New("the key is not Ed25519, and such a one is needed") }

// verify reports whether sig is a signature of a message. ECDSA keys of larger curves sign the
// SHA-256, as cosign has them do, or the hash of the curve's size.
func (k PublicKey) verify(message, sig []byte) bool {
	if key, ok := k.key.(ed25519.PublicKey); ok {
		return ed25519.Verify(key, message, sig)
	}
	if k.verifyHash(crypto.SHA256, sum(crypto.SHA256, message), sig) {
		return true
	}
	h := k.ownHash()
	return h != crypto.SHA256 && k.verifyHash(h, sum(h, message), sig)
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

// ownHash returns the hash of a key's size.
func (k PublicKey) ownHash() crypto.Hash {
	if key, ok := k.key.(*ecdsa.PublicKey); ok {
		switch key.Curve {
		case elliptic.P384():
			return crypto.SHA384
		case elliptic.P521():
			return crypto.SHA512
		}
	}
	return crypto.SHA256
}

func sum(h crypto.Hash, message []byte) []byte {
	state := h.New()
	state.Write(message)
	return state.Sum(nil)
}
