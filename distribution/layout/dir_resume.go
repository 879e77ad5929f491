package layout

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/filelock"
	"github.com/hczjl/transship/manifest"
)

// resumableTime is how long the bytes of an interrupted download are kept.
const resumableTime = 7 * 24 * time.Hour

// resumablePattern matches the names of temporary files that the next download of the same blob
// resumes.
var resumablePattern = regexp.MustCompile(`^sha(256|512)-[0-9a-f]+$`)

// isObsolete reports whether a file that was left to be resumed is kept no longer: it is too old, or
// the blob has come by another process meanwhile.
func (d *Dir) isObsolete(e fs.DirEntry) bool {
	algorithm, hex, _ := strings.Cut(e.Name(), "-")
	if d.files.exists(blobName(blob.Digest(algorithm + ":" + hex))) {
		return true
	}
	info, err := e.Info()
	return err == nil && time.Since(info.ModTime()) > resumableTime
}

// resumableName returns the name of the temporary file of a blob.
func resumableName(d blob.Digest) string {
	return path.Join(tempDir, string(d.Algorithm())+"-"+d.Hex())
}

// openResumable returns the locked temporary file of a blob, with what an earlier process has left
// in it. While another upload has that file, it returns a temporary file of its own.
func (d *Dir) openResumable(digest blob.Digest) (*os.File, error) {
	if err := d.files.makeDir(tempDir); err != nil {
		return nil, err
	}
	name := resumableName(digest)
	f, err := d.files.open(name, os.O_RDWR|os.O_CREATE)
	if errors.Is(err, ErrIrregular) {
		return nil, err
	}
	if err != nil {
		return d.createTemp()
	}
	info, err := f.Stat()
	// A hard link in a foreign folder would have a file outside of it overwritten.
	if err != nil || hasOtherNames(info) || !filelock.Try(f) || !d.files.isAt(f, name) {
		f.Close()
		return d.createTemp()
	}
	return f, nil
}

// upload stores the bytes of a blob. Of a large blob it keeps those that have come if the source or
// the process fails, and the next upload of that blob resumes there. The bytes that were kept are
// verified with the rest; if they were wrong, all are read from the source once more.
func (r *Repository) upload(ctx context.Context, d manifest.Descriptor, open blob.Open) error {
	u, err := r.NewUpload(ctx, d.Digest.Algorithm())
	if err != nil {
		return err
	}
	resumed, err := u.resume(ctx, d)
	if err == nil {
		err = u.fill(ctx, d, open)
	}
	var mismatch *blob.MismatchError
	if resumed && errors.As(err, &mismatch) {
		if err = u.reset(); err == nil {
			err = u.fill(ctx, d, open)
		}
	}
	if err != nil {
		return u.suspendOrCancel(err)
	}
	return u.Commit(ctx, d.Digest)
}

// resume takes over what an earlier upload of a large blob has left, and reports whether there was
// something.
func (u *Upload) resume(ctx context.Context, d manifest.Descriptor) (bool, error) {
	if d.Size < blob.LargeSize {
		return false, nil
	}
	var err error
	if u.file, err = u.repository.dir.openResumable(d.Digest); err != nil {
		return false, err
	}
	if resumablePattern.MatchString(filepath.Base(u.file.Name())) {
		u.syncer = &syncer{sync: u.file.Sync}
	}
	if err := dropUnwritten(u.file); err != nil {
		return false, err
	}
	u.size, err = copyContext(ctx, u.hash, u.file, make([]byte, copyBuffer))
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil || u.size > d.Size || u.size == d.Size && u.verify(ctx, d.Digest) != nil {
		return false, u.reset()
	}
	return u.size > 0, nil
}

// dropUnwritten cuts a file off at the first block of zeros among its last bytes. After a machine has lost
// its power a file may have its size (ext4, XFS), and zeros where bytes were not written to the disk yet.
// If the zeros were the blob's, these few bytes are fetched again.
func dropUnwritten(f *os.File) error {
	const block, last = 4096, 4 * syncEvery
	info, err := f.Stat()
	if err != nil {
		return err
	}
	from := max(0, info.Size()-last) / block * block
	tail := bufio.NewReaderSize(io.NewSectionReader(f, from, last+block), copyBuffer)
	for b := make([]byte, block); ; from += block {
		n, err := io.ReadFull(tail, b)
		switch {
		case err == io.EOF:
			return nil
		case err != nil && err != io.ErrUnexpectedEOF:
			return err
		case bytes.Count(b[:n], []byte{0}) == n:
			return f.Truncate(from)
		}
	}
}

// reset drops the bytes that were written.
func (u *Upload) reset() error {
	u.size = 0
	u.hash.Reset()
	if err := u.file.Truncate(0); err != nil {
		return err
	}
	_, err := u.file.Seek(0, io.SeekStart)
	return err
}

// fill appends the bytes that are missing. It verifies the whole blob; resume has done so if none are.
func (u *Upload) fill(ctx context.Context, d manifest.Descriptor, open blob.Open) error {
	if u.size == d.Size && u.size > 0 {
		return nil
	}
	in := resumedStream(d, open, u.size, u.hash).Reader(ctx, u.size)
	defer in.Close()
	_, err := io.Copy(u, in)
	return err
}

// resumedStream returns the stream of a blob whose first offset bytes h has hashed.
func resumedStream(d manifest.Descriptor, open blob.Open, offset int64, h hash.Hash) *blob.Stream {
	s := blob.NewStream(d.Digest, d.Size, open)
	if c, ok := blob.NewCheckpoint(offset, h); ok {
		s.Restore(c)
	}
	return s
}

// suspendOrCancel ends an upload that failed with err. Its file stays for the next upload if the
// bytes in it may be right and the disk took them all.
func (u *Upload) suspendOrCancel(err error) error {
	var mismatch *blob.MismatchError
	if u.syncer == nil || u.writeErr != nil || errors.As(err, &mismatch) {
		return errors.Join(err, u.Cancel())
	}
	_ = u.syncer.wait() // what is not on the disk is fetched again
	u.file.Close()
	return err
}

// removeResumable removes what interrupted uploads have left, unless another process writes it, and
// returns the size in bytes of what it removed.
func (d *Dir) removeResumable() (int64, error) {
	entries, err := d.files.readDir(tempDir)
	var removed int64
	for _, e := range entries {
		if !resumablePattern.MatchString(e.Name()) {
			continue
		}
		info, statErr := e.Info()
		if statErr == nil && d.removeUnlocked(path.Join(tempDir, e.Name())) {
			removed += info.Size()
		}
	}
	return removed, err
}
