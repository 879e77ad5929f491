package run

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/manifest/signature"
)

// NoteKey is the key that signs the note of an audit, and its name there.
type NoteKey struct {
	name string
	key  ed25519.PrivateKey
}

// ReadNoteKey reads a private key of Ed25519 in PEM, as openssl genpkey -algorithm ed25519 writes it. Its
// name is that of the file, without the extension.
func ReadNoteKey(file string) (*NoteKey, error) {
	key, err := ReadPrivateKey(context.Background(), file, func(text []byte) (ed25519.PrivateKey, error) {
		key, err := signature.ParsePrivateKey(text)
		if err != nil {
			return nil, err
		}
		return key.Ed25519()
	})
	if err != nil {
		return nil, hintKey(err, "a PEM file with a key of Ed25519 is wanted: "+
			"openssl genpkey -algorithm ed25519 -out key.pem makes one")
	}
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return &NoteKey{strings.NewReplacer(" ", "-", "+", "-").Replace(name), key}, nil
}

// Sign writes the note of an audit's file. It adds a signature to an earlier note, which may be nil.
func (k *NoteKey) Sign(file string, c audit.Checkpoint, earlier *audit.Note) error {
	note, err := audit.Sign(earlier, c, k.name, k.key)
	if err != nil {
		return err
	}
	return cli.ReplaceFile(file+audit.NoteSuffix, note.Bytes(), 0o644)
}

// Name is the key's in notes.
func (k *NoteKey) Name() string { return k.name }

// ReadNotePublicKey reads a public key of Ed25519 in PEM, as openssl pkey -pubout writes it.
func ReadNotePublicKey(file string) (ed25519.PublicKey, error) {
	return ReadPublicKey(context.Background(), file, func(text []byte) (ed25519.PublicKey, error) {
		keys, err := signature.ParsePublicKeys(text)
		switch {
		case err != nil:
			return nil, err
		case len(keys) > 1: // each of --key must have signed
			return nil, fmt.Errorf("it has %d keys; give each a file of its own", len(keys))
		}
		return keys[0].Ed25519()
	})
}
