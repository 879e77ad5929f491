package transfer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

var errSource, errTarget = errors.New("the source failed"), errors.New("the target failed")

// failingSide is a repository whose manifest fails after a time.
type failingSide struct {
	*repo
	after time.Duration
	err   error
}

func (f *failingSide) fail(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(f.after):
		return f.err
	}
}

func (f *failingSide) Manifest(ctx context.Context, _ string) (manifest.Manifest, error) {
	return manifest.Manifest{}, f.fail(ctx)
}

func (f *failingSide) HeadManifest(ctx context.Context, _ string) (manifest.Descriptor, error) {
	return manifest.Descriptor{}, f.fail(ctx)
}

// Where both sides fail, the error is the source's, whichever fails first. A source that fails does
// not wait for the target.
func TestErrorOfBothSidesDoesNotDependOnTime(t *testing.T) {
	for name, test := range map[string]struct{ src, dst, took time.Duration }{
		"source first": {time.Second, time.Minute, time.Second},
		"target first": {time.Minute, time.Second, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			src := &failingSide{newRepo("src.example"), test.src, errSource}
			dst := &failingSide{newRepo("dst.example"), test.dst, errTarget}
			start := time.Now()
			_, err := (&transfer.Engine{Eager: true}).Copy(t.Context(), src, "1", dst, "1")
			if !errors.Is(err, errSource) || errors.Is(err, errTarget) {
				t.Errorf("%s: error %v, want the source's", name, err)
			}
			if took := time.Since(start); took != test.took {
				t.Errorf("%s: took %s, want %s", name, took, test.took)
			}
		})
	}
}
