package run

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// A disk may become full while blobs arrive if the file system cannot reserve space.
func TestFullDiskHint(t *testing.T) {
	full := &UnfinishedError{Path: "x.tar", Err: syscall.ENOSPC}
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(cli.ErrInterrupted)
	for _, err := range []error{full, cli.WrapInterrupted(interrupted, full)} {
		r := New(cli.NewStreams(func(string) string { return "" }, nil, nil, nil))
		if hint := r.Hint(WithDiskFullHint(err)); !strings.Contains(hint, "x.tar.partial keeps what was written") ||
			!strings.HasPrefix(hint, "free space there; ") && !errors.Is(err, cli.ErrInterrupted) {
			t.Errorf("%v: the hint is %s", err, hint)
		}
	}
}
