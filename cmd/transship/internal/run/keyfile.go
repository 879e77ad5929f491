package run

import (
	"context"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// maxKeyFile is how many bytes a file with keys may have.
const maxKeyFile = 64 << 10

// ReadPrivateKey reads the file of a flag, and parses the private key in it.
func ReadPrivateKey[Key any](ctx context.Context, file string, parse func([]byte) (Key, error)) (Key, error) {
	key, err := readKey(ctx, file, "private", parse)
	return key, hintKey(err, "a PEM file with a key of Ed25519 or ECDSA P-256 is wanted: "+
		"openssl genpkey -algorithm ed25519 -out key.pem makes one")
}

// ReadPublicKey reads the file of a flag, and parses the public key or keys in it.
func ReadPublicKey[Key any](ctx context.Context, file string, parse func([]byte) (Key, error)) (Key, error) {
	key, err := readKey(ctx, file, "public", parse)
	return key, hintKey(err, "a PEM file is wanted: openssl pkey -in key.pem -pubout -out team.pub makes it of the private key")
}

// hintKey adds a hint to the error of a file that is no key.
func hintKey(err error, hint string) error {
	if !cli.Has[*cli.UsageError](err) {
		return err
	}
	return cli.WithHint(err, hint)
}

// readKey reads a file and parses the key in it, which is private or public.
func readKey[Key any](ctx context.Context, file, kind string, parse func([]byte) (Key, error)) (key Key, err error) {
	text, err := cli.ReadFile(ctx, file, maxKeyFile)
	if cli.Has[*cli.UsageError](err) {
		return key, &cli.UsageError{Message: fmt.Sprintf("%v, and no %s key", err, kind)}
	}
	if err != nil {
		return key, err
	}
	if key, err = parse([]byte(text)); err != nil {
		return key, &cli.UsageError{Message: file + ": " + cli.OneLine(err.Error())}
	}
	return key, nil
}
