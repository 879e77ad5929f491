package layout

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// BlobStore finds content by its digest, in whichever repository it is. [*Archive] and [*Dir]
// implement it.
type BlobStore interface {
	// String returns the path.
	String() string
	// BlobSize returns the size in bytes of a manifest or blob. A missing one is fs.ErrNotExist.
	BlobSize(d blob.Digest) (int64, error)
	// Blob opens a manifest or blob at an offset in bytes. Of the descriptor only the digest is
	// used.
	Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error)
}

// BaseError is the error of a differential bundle if content that it leaves to its base was not
// found where [Archive.SetBase] looked. It is fs.ErrNotExist.
type BaseError struct {
	Path    string // of the bundle
	Base    Base
	Absent  Base      // the first of Base, the base of that and so on that SetBase was not given
	Missing []Content // by digest
	Total   int       // how many blobs the bundle leaves to its base
	// Namesake is a bundle with the file name of Absent that is another one, "" if there is none.
	Namesake string
}

// Error names the bundle and its base.
func (e *BaseError) Error() string {
	return fmt.Sprintf("%s builds on %s: %d of the %d blobs that it leaves there are missing%s",
		e.Path, e.Base.File, len(e.Missing), e.Total, NamesakeNote(e.Namesake))
}

// NamesakeNote is what errors say, at their end, of a bundle that has a base's file name and is another one: "" if
// path is "".
func NamesakeNote(path string) string {
	if path == "" {
		return ""
	}
	return "; " + path + " is another bundle"
}

// Is reports whether target is fs.ErrNotExist.
func (e *BaseError) Is(target error) bool { return target == fs.ErrNotExist }

// MissingBaseError is the error of content that a bundle leaves to its base, or has a delta of, if the
// base is not at hand. It is fs.ErrNotExist.
type MissingBaseError struct {
	Path    string // of the bundle
	Base    Base   // what is missing: what the bundle builds on, or a base of that
	What    string // manifest or blob
	Digest  blob.Digest
	IsDelta bool // the bundle has a delta of it
	// Namesake is a bundle with the file name of Base that is another one, "" if there is none.
	Namesake string
}

// Error names the bundle and what is missing.
func (e *MissingBaseError) Error() string {
	why := "%s builds on %s, which is missing: %s %s is left to it"
	if e.IsDelta {
		why = "%s builds on %s, which is missing: the delta of %s %s needs it"
	}
	return fmt.Sprintf(why, e.Path, e.Base.File, e.What, e.Digest.Short()) + NamesakeNote(e.Namesake)
}

// Is reports whether target is fs.ErrNotExist.
func (e *MissingBaseError) Is(target error) bool { return target == fs.ErrNotExist }

// SetBase sets where the content is that a differential bundle leaves to its base. From then on the
// archive's repositories show it, and [Archive.Blob] opens it. SetBase must be called before the
// archive is used, and stores must stay open as long as the archive. Content of another size than
// the inventory says does not count. If something is in none of the stores, the error is a
// *[BaseError]; the rest is shown all the same.
func (a *Archive) SetBase(stores ...BlobStore) error {
	if a.inventory == nil || a.inventory.Base == nil {
		return nil
	}
	a.missing = a.missingBase(stores)
	for _, s := range stores {
		if other, is := s.(*Archive); is && other.Name() == a.missing.File &&
			(other.inventory == nil || other.inventory.ID != a.missing.ID) {
			a.namesake = other.String()
		}
	}
	leftOut := a.inventory.Missing()
	a.baseBlobs = make(map[blob.Digest]baseBlob, len(leftOut))
	var missing []Content
	for _, c := range leftOut {
		if store := findInStores(stores, c.wanted()); store != nil {
			a.baseBlobs[c.Digest] = baseBlob{store, c.Size, c.Delta}
		} else {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		return &BaseError{a.String(), *a.inventory.Base, a.missing, missing, len(leftOut), a.namesake}
	}
	return nil
}

// Namesake returns the path of a bundle that has the file name of the base that is missing, but is another
// one; "" if [Archive.OpenBeside] and [Archive.SetBase] have seen none.
func (a *Archive) Namesake() string { return a.namesake }

// missingBase returns the first base that is not among the stores: the bundle's own, the base of that, and
// so on. It is the last one if all are there.
func (a *Archive) missingBase(stores []BlobStore) Base {
	at := *a.inventory.Base
	for range maxDeltaChain {
		i := slices.IndexFunc(stores, func(s BlobStore) bool {
			base, is := s.(*Archive)
			return is && base.inventory != nil && base.inventory.ID == at.ID
		})
		if i < 0 || stores[i].(*Archive).inventory.Base == nil {
			break
		}
		at = *stores[i].(*Archive).inventory.Base
	}
	return at
}

// baseBlob is content of the base, in one of the stores given to SetBase.
type baseBlob struct {
	BlobStore
	size  int64
	delta *Delta // not nil: the store has what the delta makes the content of
}

// findInStores returns the first store that has the content, or can make it of a delta.
func findInStores(stores []BlobStore, c Content) BlobStore {
	return baseFinder{stores, map[blob.Digest]bool{}}.find(c)
}

// baseFinder finds content in stores that are the bases of one another.
type baseFinder struct {
	stores []BlobStore
	tried  map[blob.Digest]bool // deltas may be of one another
}

func (f baseFinder) find(c Content) BlobStore {
	if f.tried[c.Digest] {
		return nil
	}
	f.tried[c.Digest] = true
	for _, store := range f.stores {
		size, err := store.BlobSize(c.Digest)
		if err == nil && size == c.Size && f.canOpen(store, c.Digest) {
			return store
		}
	}
	return nil
}

// canOpen reports whether a store's blob is whole, or the base of its delta is in one of the stores.
func (f baseFinder) canOpen(store BlobStore, d blob.Digest) bool {
	a, is := store.(*Archive)
	if !is {
		return true
	}
	delta, is := a.Delta(d)
	return !is || f.find(Content{Digest: delta.Base, Size: delta.BaseSize}) != nil
}

// sizeOf returns the size of content that is in the archive or in a store given to SetBase.
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

// BlobSize implements [BlobStore]. Content that is left to the base is fs.ErrNotExist; what the bundle
// has a delta of is not.
func (a *Archive) BlobSize(d blob.Digest) (int64, error) {
	if c, listed := a.inventory.Find(d); listed && c.Delta != nil {
		return c.Size, nil
	}
	if !a.Has(d) {
		return 0, a.notFound("blob", d)
	}
	size, _ := a.sizeOf(d)
	return size, nil
}
