package signature

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hczjl/transship/manifest"
)

// TrustedRoot is the keys of the transparency logs and the certificate authorities that are trusted
// (sigstore/protobuf-specs, sigstore_trustroot.proto).
type TrustedRoot struct {
	logs        []logKey
	authorities []authority
}

// logKey is the key of a log. Rekor v1 makes ids of keys; a log of another kind has an id of its own.
type logKey struct {
	PublicKey
	id    []byte
	valid period
}

// authority is a certificate authority: its root and the certificates between root and leaf.
type authority struct {
	roots, between *x509.CertPool
	valid          period
}

// period is when a key may be used. Either end may be open.
type period struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

func (p period) has(t time.Time) bool {
	return !t.Before(p.Start) && (p.End.IsZero() || !t.After(p.End))
}

// The documents of trusted_root.json, in the JSON of protocol buffers.
type (
	rootDocument struct {
		MediaType   string              `json:"mediaType"`
		Logs        []logDocument       `json:"tlogs"`
		Authorities []authorityDocument `json:"certificateAuthorities"`
	}
	logDocument struct {
		PublicKey struct {
			RawBytes []byte `json:"rawBytes"`
			ValidFor period `json:"validFor"`
		} `json:"publicKey"`
		LogID keyID `json:"logId"`
	}
	authorityDocument struct {
		Chain    chainDocument `json:"certChain"`
		ValidFor period        `json:"validFor"`
	}
	chainDocument struct {
		Certificates []rawBytes `json:"certificates"`
	}
	rawBytes struct {
		RawBytes []byte `json:"rawBytes"`
	}
	keyID struct {
		KeyID []byte `json:"keyId"`
	}
)

// ParseTrustedRoot reads a trusted_root.json, as cosign trusted-root create and Sigstore's TUF
// repository have it.
func ParseTrustedRoot(text []byte) (*TrustedRoot, error) {
	var doc rootDocument
	if err := manifest.Decode(text, &doc); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(doc.MediaType, "application/vnd.dev.sigstore.trustedroot") {
		return nil, fmt.Errorf("its media type is %q, and not that of a trusted root", doc.MediaType)
	}
	out := &TrustedRoot{}
	for _, l := range doc.Logs {
		key, err := parsePublicKey(l.PublicKey.RawBytes)
		if err != nil {
			return nil, fmt.Errorf("a key of a log: %w", err)
		}
		out.logs = append(out.logs, logKey{key, l.LogID.KeyID, l.PublicKey.ValidFor})
	}
	for _, a := range doc.Authorities {
		parsed, err := a.parse()
		if err != nil {
			return nil, fmt.Errorf("a certificate authority: %w", err)
		}
		out.authorities = append(out.authorities, parsed)
	}
	if len(out.logs) == 0 {
		return nil, errors.New("it has no transparency log")
	}
	return out, nil
}

func (a authorityDocument) parse() (authority, error) {
	out := authority{x509.NewCertPool(), x509.NewCertPool(), a.ValidFor}
	chain := a.Chain.Certificates
	if len(chain) == 0 || len(chain) > maxChain {
		return out, fmt.Errorf("its chain has %d certificates; 1 to %d may be", len(chain), maxChain)
	}
	for i, raw := range chain {
		cert, err := x509.ParseCertificate(raw.RawBytes)
		if err != nil {
			return out, err
		}
		if i == len(chain)-1 {
			out.roots.AddCert(cert)
		} else {
			out.between.AddCert(cert)
		}
	}
	return out, nil
}

// log returns the key of the log with that id that is valid at a time. The zero time is always.
func (r *TrustedRoot) log(id []byte, t time.Time) (logKey, error) {
	err := fmt.Errorf("the log %x is not in the trusted root", id[:min(len(id), sha256.Size)])
	for _, l := range r.logs {
		switch {
		case !bytes.Equal(l.id, id):
		case t.IsZero() || l.valid.has(t):
			return l, nil
		default:
			err = fmt.Errorf("the key of the log was not valid at %s", t.UTC().Format(time.RFC3339))
		}
	}
	return logKey{}, err
}
