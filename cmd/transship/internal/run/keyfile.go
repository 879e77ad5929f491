package run

import (
	"context"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// maxKeyFile is how many bytes a file with keys may have.
const maxKeyFile = 64 << 10

// ReadKey reads the file of a flag, and parses the key or keys in it.
func ReadKey[Key any](ctx context.Context, file string, parse func([]byte) (Key, error)) (key Key, err error) {
	text, err := cli.ReadFile(ctx, file, maxKeyFile)
	if err != nil {
		return key, err
	}
	if key, err = parse([]byte(text)); err != nil {
		return key, &cli.UsageError{Message: file + ": " + cli.OneLine(err.Error())}
	}
	return key, nil
}
