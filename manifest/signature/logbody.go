package signature

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/hczjl/transship/manifest"
)

// The specs of log entries (sigstore/rekor, pkg/types, *_schema.json). []byte is base64 in JSON.
type (
	hashedRekord struct {
		Data struct {
			Hash hashDocument `json:"hash"`
		} `json:"data"`
		Signature struct {
			Content   []byte `json:"content"`
			PublicKey struct {
				Content []byte `json:"content"`
			} `json:"publicKey"`
		} `json:"signature"`
	}
	dsseEntry struct {
		PayloadHash hashDocument `json:"payloadHash"`
		Signatures  []struct {
			Signature []byte `json:"signature"`
			Verifier  []byte `json:"verifier"`
		} `json:"signatures"`
	}
	intotoEntry struct {
		Content struct {
			Envelope struct {
				Signatures []struct {
					PublicKey []byte `json:"publicKey"`
					Sig       []byte `json:"sig"` // of the base64 text of the signature
				} `json:"signatures"`
			} `json:"envelope"`
			PayloadHash hashDocument `json:"payloadHash"`
		} `json:"content"`
	}
)

// parseBody reads the body of a log entry.
func parseBody(text []byte) (entryClaim, error) {
	var body entryBody
	if err := manifest.Decode(text, &body); err != nil {
		return entryClaim{}, err
	}
	switch body.Kind + " " + body.Version {
	case "hashedrekord 0.0.1":
		return parseHashedRekord(body.Spec)
	case "dsse 0.0.1":
		return parseDSSE(body.Spec)
	case "intoto 0.0.2":
		return parseIntoto(body.Spec)
	}
	return entryClaim{}, fmt.Errorf("entries of the kind %q, version %q, are not supported", body.Kind, body.Version)
}

func parseHashedRekord(text []byte) (entryClaim, error) {
	var spec hashedRekord
	err := manifest.Decode(text, &spec)
	hash := spec.Data.Hash
	return entryClaim{spec.Signature.Content, spec.Signature.PublicKey.Content, hash.Algorithm, hash.Value, false}, err
}

func parseDSSE(text []byte) (entryClaim, error) {
	var spec dsseEntry
	if err := manifest.Decode(text, &spec); err != nil {
		return entryClaim{}, err
	}
	if len(spec.Signatures) != 1 {
		return entryClaim{}, fmt.Errorf("it has %d signatures", len(spec.Signatures))
	}
	s := spec.Signatures[0]
	return entryClaim{s.Signature, s.Verifier, spec.PayloadHash.Algorithm, spec.PayloadHash.Value, true}, nil
}

func parseIntoto(text []byte) (entryClaim, error) {
	var spec intotoEntry
	if err := manifest.Decode(text, &spec); err != nil {
		return entryClaim{}, err
	}
	signatures := spec.Content.Envelope.Signatures
	if len(signatures) != 1 {
		return entryClaim{}, fmt.Errorf("it has %d signatures", len(signatures))
	}
	sig, err := base64.StdEncoding.DecodeString(string(signatures[0].Sig))
	hash := spec.Content.PayloadHash
	return entryClaim{sig, signatures[0].PublicKey, hash.Algorithm, hash.Value, true}, err
}

// onlyBlock returns the bytes of a text that is one PEM block.
func onlyBlock(text []byte) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		return nil, errors.New("it is not one PEM block")
	}
	return block.Bytes, nil
}
