package cli

import (
	"context"
	"os"
	"testing"
)

// Ctrl-C at the prompt ends the program although nothing ends the read from the terminal.
func TestInterruptedPrompt(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrInterrupted)
	l := newLineReader(r)
	if _, err := l.next(ctx); err != ErrInterrupted {
		t.Errorf("got error %v", err)
	}
}
