package blob_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/hczjl/transship/blob"
)

func TestMeterCountsTheReaderOpenedLast(t *testing.T) {
	s := &source{content: randomBytes(100)}
	var m blob.Meter
	open := m.Wrap(s.open)
	position := func(want int64) {
		t.Helper()
		if got := m.Position(); got != want {
			t.Errorf("position %d, want %d", got, want)
		}
	}
	read := func(r io.Reader, n int) {
		t.Helper()
		if _, err := io.ReadFull(r, make([]byte, n)); err != nil {
			t.Error(err)
		}
	}
	position(0)
	first, err := open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	read(first, 60)
	position(60)
	second, err := open(t.Context(), 30)
	if err != nil {
		t.Fatal(err)
	}
	position(30)
	read(first, 20)
	position(30)
	read(second, 70)
	position(100)
	if second.Close(); s.closed != 1 {
		t.Errorf("the source was closed %d times", s.closed)
	}
}

func TestMeterOfASourceThatCannotOpen(t *testing.T) {
	broken := errors.New("broken")
	var m blob.Meter
	_, err := m.Wrap(func(context.Context, int64) (io.ReadCloser, error) { return nil, broken })(t.Context(), 5)
	if !errors.Is(err, broken) || m.Position() != 0 {
		t.Errorf("got error %v, position %d", err, m.Position())
	}
}

func TestOutcomes(t *testing.T) {
	for o, want := range map[blob.Outcome]string{
		blob.Exists: "exists", blob.Mounted: "mounted", blob.Uploaded: "uploaded", 0: "unknown",
	} {
		if o.String() != want {
			t.Errorf("%d is %q, want %q", int(o), o, want)
		}
	}
}
