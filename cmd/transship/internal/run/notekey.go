package run

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
)

// maxKeyFile is how many bytes a file with a key may have.
const maxKeyFile = 64 << 10

// NoteKey is the key that signs the note of an audit, and its name there.
type NoteKey struct {
	name string
	key  ed25519.PrivateKey
}

// ReadNoteKey reads a private key of Ed25519 in PEM (PKCS #8), as openssl genpkey -algorithm ed25519
// writes it. Its name is that of the file, without the extension.
func ReadNoteKey(file string) (*NoteKey, error) {
	der, err := readPEM(file, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, &cli.UsageError{Message: file + " has no private key of Ed25519"}
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
	der, err := readPEM(file, "PUBLIC KEY")
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, &cli.UsageError{Message: file + " has no public key of Ed25519"}
	}
	return key, nil
}

// readPEM returns the content of a file's only PEM block.
func readPEM(file, kind string) ([]byte, error) {
	text, err := cli.ReadFile(context.Background(), file, maxKeyFile)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, &cli.UsageError{Message: file + " has no key in PEM"}
	case block.Type != kind:
		return nil, &cli.UsageError{
			Message: fmt.Sprintf("%s has a PEM block %s, and a %s is wanted", file, cli.OneLine(block.Type), kind),
		}
	case strings.TrimSpace(string(rest)) != "":
		return nil, &cli.UsageError{Message: file + " has more than one PEM block"}
	}
	return block.Bytes, nil
}
