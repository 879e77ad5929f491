package signature

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Parts of a verification that a verdict names where they were left out.
const (
	notCheckedLog       = "transparency log"
	notCheckedSCT       = "certificate transparency (SCT)"
	notCheckedTimestamp = "signed timestamp (RFC 3161)"
)

// Trust is whose signatures count, for cosign and Sigstore: those of a key, or those of a
// certificate of an identity.
type Trust struct {
	Keys []PublicKey // any of them; none for certificates
	// Root has the logs and authorities. With Keys a log must have the signature; without a Root
	// none is asked for. Certificates need it.
	Root     *TrustedRoot
	Identity Identity // of certificates
}

// signed is a signature and what comes with it.
type signed struct {
	signature   []byte
	message     []byte // what is signed; nil if only its digest is known
	digest      []byte // SHA-256 of the message, or of the payload in an envelope
	isEnvelope  bool
	certificate *x509.Certificate // nil for a key
	entries     []logEntry
}

// verify checks a signature by a key or a certificate, and its log entry.
func (t Trust) verify(s signed) (Proof, error) {
	if len(t.Keys) > 0 {
		return t.verifyKey(s)
	}
	if t.Root == nil {
		return Proof{}, errors.New("neither a key nor a trusted root is given")
	}
	return t.verifyCertificate(s)
}

func (t Trust) verifyKey(s signed) (Proof, error) {
	for _, key := range t.Keys {
		if !s.by(key) {
			continue
		}
		v := Proof{Signer: key.Fingerprint(), NotChecked: []string{notCheckedLog}}
		if t.Root == nil {
			return v, nil
		}
		at, err := t.Root.verifyEntries(s, key.der)
		v.Time, v.NotChecked = at, nil
		return v, err
	}
	return Proof{}, errors.New("it is not signed with a key of the policy")
}

func (t Trust) verifyCertificate(s signed) (Proof, error) {
	if s.certificate == nil {
		return Proof{}, errors.New("it is signed with a key, and the policy wants a certificate")
	}
	key, err := parsePublicKey(s.certificate.RawSubjectPublicKeyInfo)
	if err != nil {
		return Proof{}, err
	}
	if !s.by(key) {
		return Proof{}, errors.New("the signature does not match its certificate")
	}
	at, err := t.Root.verifyEntries(s, s.certificate.Raw)
	if err == nil && at.IsZero() {
		err = errors.New("no log has signed when it took the signature, so the certificate may have expired before; " +
			"timestamps by an authority (RFC 3161) are not supported")
	}
	if err != nil {
		return Proof{}, err
	}
	signer, err := t.Root.verifyCertificate(s.certificate, at, t.Identity)
	return Proof{Signer: signer, Time: at, NotChecked: []string{notCheckedSCT}}, err
}

// by reports whether a key has made the signature.
func (s signed) by(key PublicKey) bool {
	if s.message == nil {
		return key.verifyHash(crypto.SHA256, s.digest, s.signature)
	}
	return key.verify(s.message, s.signature)
}

// verifyEntries checks that a log of the trusted root has the signature, made with the key or
// certificate of these bytes. It returns when the log took it, the zero time if no promise says so.
// As for sigstore-go, entries of other logs do not matter, and a wrong one of a known log does.
func (r *TrustedRoot) verifyEntries(s signed, der []byte) (time.Time, error) {
	if len(s.entries) > maxEntries {
		return time.Time{}, fmt.Errorf("it has %d log entries; at most %d may be", len(s.entries), maxEntries)
	}
	var at time.Time
	found, reason := false, errors.New("it has no entry of a transparency log")
	for _, e := range s.entries {
		err := e.verify(r)
		var unknown *unknownLogError
		if errors.As(err, &unknown) {
			reason = err
			continue
		}
		if err == nil {
			err = e.matches(signedContent{s.signature, der, s.digest, s.isEnvelope})
		}
		if err != nil {
			return at, err
		}
		if found = true; e.hasPromise() && at.IsZero() {
			at = e.time()
		}
	}
	if !found {
		return at, reason
	}
	return at, nil
}
