package layout

import (
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Blobs is where content can be found by its digest alone, whichever repository has it: an [*Archive] or a [*Dir].
type Blobs interface {
	// BlobSize returns the size in bytes of a manifest or blob. One that is not there is fs.ErrNotExist.
	BlobSize(d blob.Digest) (int64, error)
	// Blob opens a manifest or blob at an offset in bytes; only the descriptor's digest matters.
	Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error)
}

// BaseError says that a differential bundle leaves something to its base which is not where it was looked for. It is
// fs.ErrNotExist.
type BaseError struct {
	Path    string // of the bundle
	Base    Base
	Missing []Content // by digest
	Of      int       // how many things the bundle leaves to its base
}

// Error names the bundle and its base.
func (e *BaseError) Error() string {
	return fmt.Sprintf("%s builds on %s: %d of the %d blobs that it leaves there are missing", e.Path, e.Base.File, len(e.Missing), e.Of)
}

// Is makes it fs.ErrNotExist.
func (e *BaseError) Is(target error) bool { return target == fs.ErrNotExist }

// BuildOn tells a differential bundle where the content is that it leaves to its base: its repositories show it from
// then on, and [Archive.Blob] opens it. It must come before all other use of the archive, and the places must stay open
// as long as the archive. What one of them has with another size is not what is looked for. Where something is in none
// of them the error is a *[BaseError]; the rest is shown then too.
func (a *Archive) BuildOn(places ...Blobs) error {
	if a.inventory == nil || a.inventory.Base == nil {
		return nil
	}
	left := a.inventory.Missing()
	a.baseBlobs = make(map[blob.Digest]baseBlob, len(left))
	var missing []Content
	for _, c := range left {
		if p := findInStores(places, c); p != nil {
			a.baseBlobs[c.Digest] = baseBlob{p, c.Size}
		} else {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		return &BaseError{a.String(), *a.inventory.Base, missing, len(left)}
	}
	return nil
}

// lent is content that is in another place than the archive.
type baseBlob struct {
	Blobs
	size int64
}

// having returns the first place that has the content.
func findInStores(places []Blobs, c Content) Blobs {
	for _, p := range places {
		if size, err := p.BlobSize(c.Digest); err == nil && size == c.Size {
			return p
		}
	}
	return nil
}

// size returns how large something is that the archive has, or was told where to find.
func (a *Archive) sizeOf(d blob.Digest) (int64, bool) {
	if at, found := a.blobs[d]; found {
		return at.size, true
	}
	if m, made := a.synthesized[d]; made {
		return m.Size, true
	}
	l, found := a.baseBlobs[d]
	return l.size, found
}

// BlobSize implements [Blobs]. What the archive leaves to its base is not there.
func (a *Archive) BlobSize(d blob.Digest) (int64, error) {
	if !a.Has(d) {
		return 0, a.notFound("blob", d)
	}
	size, _ := a.sizeOf(d)
	return size, nil
}
