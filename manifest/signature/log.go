package signature

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// number is an integer that the JSON of protocol buffers has as a string, and Rekor as a number.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	i, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	*n = number(i)
	return err
}

// logEntry is an entry of a transparency log with the log's promise to include it, the proof that
// it does, or both (sigstore/protobuf-specs, sigstore_rekor.proto).
type logEntry struct {
	LogIndex       number          `json:"logIndex"`
	LogID          keyID           `json:"logId"`
	IntegratedTime number          `json:"integratedTime"` // seconds since 1970
	Promise        *promise        `json:"inclusionPromise"`
	Proof          *inclusionProof `json:"inclusionProof"`
	Body           []byte          `json:"canonicalizedBody"`
}

// promise is the log's signature of an entry that it will include.
type promise struct {
	SignedEntryTimestamp []byte `json:"signedEntryTimestamp"`
}

// inclusionProof shows that an entry is in the tree whose root a checkpoint has.
type inclusionProof struct {
	LogIndex   number   `json:"logIndex"` // in the tree, which may be one shard of the log
	TreeSize   number   `json:"treeSize"`
	RootHash   []byte   `json:"rootHash"`
	Hashes     [][]byte `json:"hashes"`
	Checkpoint struct {
		Envelope string `json:"envelope"`
	} `json:"checkpoint"`
}

// unknownLogError is the error of an entry that the trusted root cannot verify. Another entry may do.
type unknownLogError struct{ error }

func (e logEntry) hasPromise() bool {
	return e.Promise != nil && len(e.Promise.SignedEntryTimestamp) > 0
}

// time returns when the log took the entry. Only a promise signs it.
func (e logEntry) time() time.Time {
	if e.IntegratedTime == 0 {
		return time.Time{}
	}
	return time.Unix(int64(e.IntegratedTime), 0)
}

// verify checks that the log has the entry: its promise and its proof, those that are there.
func (e logEntry) verify(root *TrustedRoot) error {
	key, err := root.log(e.LogID.KeyID, e.time())
	if err != nil {
		return &unknownLogError{err}
	}
	if !e.hasPromise() && e.Proof == nil {
		return errors.New("the log entry has neither a signed timestamp nor an inclusion proof")
	}
	if e.hasPromise() && !key.verify(e.promised(), e.Promise.SignedEntryTimestamp) {
		return &unknownLogError{errors.New("the log's signed entry timestamp does not match the entry")}
	}
	if e.Proof != nil {
		return e.Proof.verify(key, e.Body)
	}
	return nil
}

// promised returns what the log signs as its promise: JSON in canonical form (RFC 8785).
func (e logEntry) promised() []byte {
	return fmt.Appendf(nil, `{"body":"%s","integratedTime":%d,"logID":"%x","logIndex":%d}`,
		base64.StdEncoding.EncodeToString(e.Body), e.IntegratedTime, e.LogID.KeyID, e.LogIndex)
}

// verify checks that the entry's body is in the tree, and the tree the log's.
func (p *inclusionProof) verify(key logKey, body []byte) error {
	root, err := p.root(body)
	if err != nil {
		return err
	}
	if !bytes.Equal(root, p.RootHash) {
		return errors.New("the inclusion proof does not lead to the root of the log's tree")
	}
	return p.verifyCheckpoint(key)
}

// root computes the root of the tree (RFC 9162, section 2.1.3.2).
func (p *inclusionProof) root(body []byte) ([]byte, error) {
	if p.LogIndex < 0 || p.TreeSize <= p.LogIndex || len(p.Hashes) > 64 {
		return nil, errors.New("the inclusion proof is of no tree")
	}
	fn, sn := uint64(p.LogIndex), uint64(p.TreeSize-1)
	root := hashOf([]byte{0}, body)
	for _, h := range p.Hashes {
		if sn == 0 {
			return nil, errors.New("the inclusion proof is too long")
		}
		if fn&1 == 1 || fn == sn {
			root = hashOf([]byte{1}, h, root)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			root = hashOf([]byte{1}, root, h)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return nil, errors.New("the inclusion proof is too short")
	}
	return root, nil
}

func hashOf(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// verifyCheckpoint checks the log's signature of the tree: a signed note (C2SP, signed-note.md and
// tlog-checkpoint.md) whose lines are the origin, the size and the root.
func (p *inclusionProof) verifyCheckpoint(key logKey) error {
	text, signatures, ok := strings.Cut(p.Checkpoint.Envelope, "\n\n")
	lines := strings.Split(text, "\n")
	switch {
	case !ok || len(lines) < 3:
		return errors.New("the checkpoint of the log is malformed")
	case lines[1] != strconv.FormatInt(int64(p.TreeSize), 10) || lines[2] != base64.StdEncoding.EncodeToString(p.RootHash):
		return errors.New("the checkpoint is of another tree than the inclusion proof")
	}
	for line := range strings.Lines(signatures) {
		if key.signedNote(text+"\n", line) {
			return nil
		}
	}
	return errors.New("the checkpoint is not signed by the log")
}

// signedNote reports whether a line is the log's signature of a note: a dash, a name, and in base64
// four bytes of the log's id before the signature.
func (k logKey) signedNote(text, line string) bool {
	fields := strings.Fields(line)
	if len(fields) != 3 || fields[0] != "—" || len(k.id) < 4 {
		return false
	}
	sig, err := base64.StdEncoding.DecodeString(fields[2])
	return err == nil && len(sig) > 4 && binary.BigEndian.Uint32(sig) == binary.BigEndian.Uint32(k.id) &&
		k.verify([]byte(text), sig[4:])
}

// signedContent is what a log entry must be about.
type signedContent struct {
	signature  []byte
	der        []byte // of the certificate, or of the key
	digest     []byte // SHA-256 of the message, or of the payload of an envelope
	isEnvelope bool
}

// entryBody is the body of an entry of the kinds hashedrekord, dsse and intoto (sigstore/rekor,
// pkg/types).
type entryBody struct {
	Kind    string          `json:"kind"`
	Version string          `json:"apiVersion"`
	Spec    json.RawMessage `json:"spec"`
}

// entryClaim is what a body says, whatever its kind.
type entryClaim struct {
	signature, verifier []byte // verifier is PEM
	algorithm, digest   string // hexadecimal
	isEnvelope          bool
}

type hashDocument struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

// matches checks that the entry is about this signature by this key of this content.
func (e logEntry) matches(want signedContent) error {
	claim, err := parseBody(e.Body)
	if err != nil {
		return fmt.Errorf("the log entry cannot be read: %w", err)
	}
	verifier, err := onlyBlock(claim.verifier)
	switch {
	case err != nil:
		return fmt.Errorf("the key in the log entry: %w", err)
	case claim.isEnvelope != want.isEnvelope:
		return errors.New("the log entry is about a signature of another kind")
	case !bytes.Equal(claim.signature, want.signature):
		return errors.New("the log entry is about another signature")
	case !bytes.Equal(verifier, want.der):
		return errors.New("the log entry is about a signature by another key")
	case claim.algorithm != "sha256" || claim.digest != fmt.Sprintf("%x", want.digest):
		return errors.New("the log entry is about other content")
	}
	return nil
}
