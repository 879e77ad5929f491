package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// NoteSuffix is what the name of an audit's note ends with, after the audit's own name.
const NoteSuffix = ".note"

// noteOrigin is the first line of a checkpoint.
const noteOrigin = "transship.audit"

// MaxNote is how many bytes a note may have.
const MaxNote = 64 << 10

// Checkpoint is what a note signs: the length of an audit's chain and the hash of its last record, which
// stands for all of it. Its text is that of a C2SP checkpoint (c2sp.org/tlog-checkpoint), in which that
// hash is the root.
type Checkpoint struct {
	Records int64
	Last    string // hash in hex, as in [Result]
}

// text returns the signed text, of three lines.
func (c Checkpoint) text() (string, error) {
	hash, err := hex.DecodeString(c.Last)
	if err != nil || len(hash) != sha256.Size {
		return "", fmt.Errorf("the last hash of an audit is a SHA-256 in hex, not %q", c.Last)
	}
	return fmt.Sprintf("%s\n%d\n%s\n", noteOrigin, c.Records, base64.StdEncoding.EncodeToString(hash)), nil
}

// parseCheckpoint parses the text of a note.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] != noteOrigin {
		return Checkpoint{}, errors.New("it is not the note of an audit: its first line is not " + noteOrigin)
	}
	records, err := strconv.ParseInt(lines[1], 10, 64)
	hash, errHash := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || errHash != nil || len(hash) != sha256.Size || len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, errors.New("it has no checkpoint: a number of records and a hash")
	}
	return Checkpoint{Records: records, Last: hex.EncodeToString(hash)}, nil
}

// Note is a signed note (c2sp.org/signed-note). Its zero value has no signature.
type Note struct {
	Checkpoint Checkpoint
	text       string
	signatures []noteSignature
}

// noteSignature is a line of a note.
type noteSignature struct {
	line string
	name string
	id   [4]byte
	sig  []byte
}

// signatureMark begins the line of a signature.
const signatureMark = "\u2014 "

// ParseNote parses a note. It checks no signature.
func ParseNote(content []byte) (*Note, error) {
	body, signed, ok := strings.Cut(string(content), "\n\n")
	if len(content) > MaxNote || !ok {
		return nil, errors.New("it is no signed note: signatures follow an empty line")
	}
	n := &Note{text: body + "\n"}
	var err error
	if n.Checkpoint, err = parseCheckpoint(n.text); err != nil {
		return nil, err
	}
	for line := range strings.Lines(signed) {
		s, ok := parseSignature(line)
		if !ok {
			return nil, fmt.Errorf("it has a line that is no signature: %q", strings.TrimSuffix(line, "\n"))
		}
		n.signatures = append(n.signatures, s)
	}
	return n, nil
}

// parseSignature parses a line: mark, name, and the base64 of the key's ID and the signature.
func parseSignature(line string) (s noteSignature, ok bool) {
	rest, marked := strings.CutPrefix(line, signatureMark)
	name, encoded, spaced := strings.Cut(strings.TrimSuffix(rest, "\n"), " ")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !marked || !spaced || err != nil || len(raw) <= len(s.id) || !strings.HasSuffix(line, "\n") {
		return s, false
	}
	s.line, s.name, s.sig = line, name, raw[len(s.id):]
	copy(s.id[:], raw)
	return s, true
}

// ErrOtherState is the error of [Sign] if the earlier note is of another checkpoint.
var ErrOtherState = errors.New("there is a note of another state of the audit")

// Sign returns a note of a checkpoint with a signature added, as name. An earlier note of the same
// checkpoint keeps its signatures, but for one of the same key under that name; nil starts a new one, and
// one of another checkpoint is [ErrOtherState]. A name has no space and no plus.
func Sign(earlier *Note, c Checkpoint, name string, key ed25519.PrivateKey) (*Note, error) {
	text, err := c.text()
	if err != nil {
		return nil, err
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || r == '+' }) {
		return nil, fmt.Errorf("the name %q of a key is empty, or has a space or a plus", name)
	}
	id := keyID(name, key.Public().(ed25519.PublicKey)) // always of this type: crypto/ed25519
	n := &Note{Checkpoint: c, text: text}
	if earlier != nil {
		if earlier.text != text {
			return nil, ErrOtherState
		}
		for _, s := range earlier.signatures {
			if s.id != id {
				n.signatures = append(n.signatures, s)
			}
		}
	}
	raw := append(id[:], ed25519.Sign(key, []byte(text))...)
	line := signatureMark + name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
	s, _ := parseSignature(line) // it was just made
	n.signatures = append(n.signatures, s)
	return n, nil
}

// keyID returns the ID of an Ed25519 key under a name (c2sp.org/signed-note, "Signatures").
func keyID(name string, key ed25519.PublicKey) (id [4]byte) {
	sum := sha256.Sum256(append([]byte(name+"\n\x01"), key...))
	copy(id[:], sum[:])
	return id
}

// Bytes returns the note as it is written.
func (n *Note) Bytes() []byte {
	out := n.text + "\n"
	for _, s := range n.signatures {
		out += s.line
	}
	return []byte(out)
}

// Names returns the names that the signatures claim.
func (n *Note) Names() (names []string) {
	for _, s := range n.signatures {
		names = append(names, s.name)
	}
	return names
}

// SignedBy returns the name under which a key has signed the note. A signature of the key that is not
// valid is an error, as is none.
func (n *Note) SignedBy(key ed25519.PublicKey) (name string, err error) {
	for _, s := range n.signatures {
		if s.id != keyID(s.name, key) {
			continue
		}
		if !ed25519.Verify(key, []byte(n.text), s.sig) {
			return "", fmt.Errorf("the signature of %s is not valid", s.name)
		}
		return s.name, nil
	}
	return "", errors.New("the key has not signed it")
}
