package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// PrivateKey is a key of Ed25519, or of ECDSA on P-256.
type PrivateKey struct{ key crypto.Signer }

// ParsePrivateKey reads a PEM block PRIVATE KEY (PKCS #8) or EC PRIVATE KEY (SEC 1), as openssl writes
// them. Blocks EC PARAMETERS before it are skipped.
func ParsePrivateKey(text []byte) (PrivateKey, error) {
	block, rest := pem.Decode(text)
	for block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return PrivateKey{}, errors.New("it has no PEM block PRIVATE KEY")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		err = errors.New("the key is encrypted; openssl pkey -in KEY writes it without")
	default:
		err = fmt.Errorf("it has a PEM block %s, and a PRIVATE KEY is needed", block.Type)
	}
	if err != nil {
		return PrivateKey{}, err
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return PrivateKey{key}, nil
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			return PrivateKey{key}, nil
		}
	}
	return PrivateKey{}, errors.New("the key is neither Ed25519 nor ECDSA on P-256")
}

// Ed25519 returns the key if it is one of Ed25519.
func (k PrivateKey) Ed25519() (ed25519.PrivateKey, error) {
	if key, ok := k.key.(ed25519.PrivateKey); ok {
		return key, nil
	}
	return nil, errNotEd25519()
}

// Sign signs a message, for ECDSA its SHA-256 in ASN.1. The same key and message make the same
// signature (RFC 8032, RFC 6979).
func (k PrivateKey) Sign(message []byte) ([]byte, error) {
	if key, ok := k.key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, message), nil
	}
	return k.key.Sign(nil, sum(crypto.SHA256, message), crypto.SHA256)
}

// VerifyMessage checks a signature that [PrivateKey.Sign] has made, and returns which of the keys has.
func VerifyMessage(keys []PublicKey, message, sig []byte) (PublicKey, error) {
	for _, key := range keys {
		if key.verify(message, sig) {
			return key, nil
		}
	}
	return PublicKey{}, errors.New("it is not signed with the required key")
}
