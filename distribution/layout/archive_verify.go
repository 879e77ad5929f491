package layout

import (
	"cmp"
	"context"
	"errors"
	"hash"
	"io"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Verify reads the whole archive once, from the first byte to the last. It compares every blob with
// its digest, and checks that everything a manifest refers to is there. It compares the documents
// of a bundle with what its manifests say, and the volumes with FILE.json, if there is one: by
// size, and by digest if FILE.json has one. Content that is left to the base counts as there; where
// [Archive.SetBase] found what the bundle has deltas of, those blobs are made and compared with their
// digests.
// report is called after each check, also if that found no problem, in one goroutine. The error is
// nil even if problems are found, unless the context is cancelled.
func (a *Archive) Verify(ctx context.Context, report func(Check)) error {
	v := &archiveVerifier{archive: a, report: report, buf: make([]byte, copyBuffer)}
	v.readInventoryFile()
	if err := v.checkBlobs(ctx); err != nil {
		return err
	}
	if err := v.checkEnd(ctx); err != nil {
		return err
	}
	v.checkDocuments()
	if err := v.checkDeltas(ctx); err != nil {
		return err
	}
	for _, im := range a.images {
		if err := checkImage(ctx, "image "+im.String(), im.Descriptor, a.manifest, a.findBlob, report); err != nil {
			return err
		}
	}
	return nil
}

// archiveVerifier is the state of one Archive.Verify.
type archiveVerifier struct {
	archive *Archive
	report  func(Check)
	volumes []Volume // from FILE.json
	offset  int64    // how many bytes have been read
	hash    hash.Hash
	buf     []byte // for all reads, so that memory does not grow with the number of blobs
}

// readInventoryFile reads FILE.json. It reports an error if that belongs to another bundle.
func (v *archiveVerifier) readInventoryFile() {
	name := inventoryPath(v.archive.volumes.path)
	in, err := readInventoryFile(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotInventory) {
		return
	}
	if err == nil && (v.archive.inventory == nil || v.archive.inventory.ID != in.ID) {
		err = &ArchiveError{Path: name, Kind: ErrDamaged, Reason: "this is the inventory of another bundle"}
	}
	if err != nil {
		v.report(Check{What: name, Err: err})
		return
	}
	v.volumes = in.Volumes
}

// checkBlobs reads all members in their order.
func (v *archiveVerifier) checkBlobs(ctx context.Context) error {
	var all []stored
	for d, at := range v.archive.blobs {
		all = append(all, stored{"blob", d, at})
	}
	for d, at := range v.archive.deltas {
		all = append(all, stored{"delta", d, at})
	}
	slices.SortFunc(all, func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.Digest, b.Digest))
	})
	v.hash = blob.SHA256.New()
	for _, s := range all {
		if err := v.checkBlob(ctx, s); err != nil {
			return err
		}
	}
	return v.advance(ctx, v.archive.volumes.size)
}

// stored is a blob or delta in the tar.
type stored struct {
	what string // "blob" or "delta"
	blob.Digest
	section
}

// checkBlob compares a blob with its digest. A member that is the blob of two digests is read
// twice.
func (v *archiveVerifier) checkBlob(ctx context.Context, s stored) error {
	d, at := s.Digest, s.section
	if err := v.advance(ctx, at.offset); err != nil {
		return err
	}
	h := d.Algorithm().New()
	hashed, err := v.archive.volumes.checkHashed(d, at)
	if hashed {
		v.offset = max(v.offset, at.offset+at.size)
		v.reportBlob(s, err)
		return nil
	}
	if v.offset == at.offset {
		err = v.readTo(ctx, h, at.offset+at.size)
	} else {
		_, err = copyContext(ctx, h, io.NewSectionReader(v.archive.volumes, at.offset, at.size), v.buf)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if got := blob.FromHash(d.Algorithm(), h); err == nil && got != d {
		err = &blob.MismatchError{Want: d, Got: got, WantSize: at.size, GotSize: at.size}
	}
	v.reportBlob(s, err)
	return nil
}

// reportBlob reports the check of a blob.
func (v *archiveVerifier) reportBlob(s stored, err error) {
	what := s.what + " " + string(s.Digest)
	if where := v.archive.volumes.describe(s.offset, s.size); where != "" {
		what += " in " + where
	}
	v.report(Check{What: what, Digest: s.Digest, Size: s.size, Err: err})
}

// advance reads up to an offset what belongs to no blob: headers, padding, documents.
func (v *archiveVerifier) advance(ctx context.Context, to int64) error {
	_ = v.readTo(ctx, io.Discard, to) // checkVolume reports a volume that cannot be read
	return context.Cause(ctx)
}

// readTo reads up to an offset and writes to w and to the hash of the volume. It checks each volume
// that ends.
func (v *archiveVerifier) readTo(ctx context.Context, w io.Writer, to int64) error {
	var failed error
	for v.offset < to && ctx.Err() == nil {
		i := v.archive.volumes.volumeAt(v.offset)
		f := v.archive.volumes.files[i]
		some := v.buf[:min(copyBuffer, to-v.offset, f.start+f.size-v.offset)]
		if _, err := f.ReadAt(some, v.offset-f.start); err != nil {
			failed = cmp.Or(failed, err)
		}
		if v.hasVolumeDigests() {
			v.hash.Write(some)
		}
		w.Write(some)
		v.offset += int64(len(some))
		if v.offset == f.start+f.size {
			v.checkVolume(i)
		}
	}
	return failed
}

// hasVolumeDigests reports whether FILE.json has digests of the volumes: of all or of none.
func (v *archiveVerifier) hasVolumeDigests() bool {
	return len(v.volumes) > 0 && v.volumes[0].Digest != ""
}

func (v *archiveVerifier) checkVolume(i int) {
	if i >= len(v.volumes) {
		return
	}
	want, have := v.volumes[i], v.archive.volumes.files[i]
	got := want.Digest
	if v.hasVolumeDigests() {
		got = blob.FromHash(blob.SHA256, v.hash)
		v.hash.Reset()
	}
	err := v.archive.volumes.checkSize(i, want.Size)
	if err == nil && got != want.Digest {
		err = &blob.MismatchError{Want: want.Digest, Got: got, WantSize: want.Size, GotSize: have.size}
	}
	v.report(Check{What: "volume " + want.File, Digest: want.Digest, Err: err})
}

// findBlob returns an error if a blob that a manifest refers to has another size, or is neither in
// the archive nor left to its base.
func (a *Archive) findBlob(d manifest.Descriptor) error {
	at, found := a.blobs[d.Digest]
	switch {
	case found:
		return checkSize(d, at.size)
	case a.inBase(d.Digest):
		c, _ := a.inventory.Find(d.Digest)
		return checkSize(d, c.Size)
	case !d.Distributable():
		return errLeftOut
	}
	return a.notFound("blob", d.Digest)
}
