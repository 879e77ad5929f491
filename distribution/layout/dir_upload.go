package layout

import (
	"context"
	"errors"
	"hash"
	"io"
	"os"

	"github.com/hczjl/transship/blob"
)

// Upload is a blob on its way into a repository: a temporary file that is hashed while it is
// written. The first Write creates it. It ends with Commit or Cancel; after a crash the next
// [OpenDir] removes it. The file of a large blob in [Repository.PutBlob] is kept for a week instead,
// and the next PutBlob of it resumes. It is not safe for concurrent use.
type Upload struct {
	repository *Repository
	file       *os.File // nil before the first write, and while the upload is suspended
	suspended  string   // name of the file in the folder once the upload was suspended
	algorithm  blob.Algorithm
	hash       hash.Hash
	size       int64
	writeErr   error   // of the file
	syncer     *syncer // of a file that the next PutBlob of the blob resumes, or nil
}

// NewUpload begins an upload. Its bytes are hashed with algorithm; "" means sha256.
func (r *Repository) NewUpload(_ context.Context, algorithm blob.Algorithm) (*Upload, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	if algorithm == "" {
		algorithm = blob.SHA256
	}
	if !algorithm.Available() {
		return nil, errors.New("unknown digest algorithm " + string(algorithm))
	}
	if err := r.dir.checkWritable(); err != nil {
		return nil, err
	}
	return &Upload{repository: r, algorithm: algorithm, hash: algorithm.New()}, nil
}

// Size returns how many bytes have been written.
func (u *Upload) Size() int64 { return u.size }

// Write appends to the blob. After an error, Size tells how many bytes of p were written.
func (u *Upload) Write(p []byte) (int, error) {
	if err := u.open(); err != nil {
		return 0, err
	}
	n, err := u.file.Write(p)
	u.hash.Write(p[:n])
	u.size += int64(n)
	if err == nil {
		err = u.syncer.wrote(int64(n))
	}
	u.writeErr = err
	return n, err
}

// Commit makes the bytes a blob of the repository if they match the digest. If not, the error is a
// *[blob.MismatchError]. It ends the upload in any case. If the digest has another algorithm than
// the upload, all bytes are read again.
func (u *Upload) Commit(ctx context.Context, d blob.Digest) error {
	defer u.disown()
	if err := u.open(); err != nil {
		return errors.Join(err, u.Cancel())
	}
	if err := errors.Join(u.verify(ctx, d), u.syncer.wait()); err != nil {
		u.repository.dir.discard(u.file)
		return err
	}
	dir := u.repository.dir
	release, err := dir.Hold()
	if err != nil {
		u.repository.dir.discard(u.file)
		return err
	}
	defer release()
	if err := dir.publish(u.file, blobName(d)); err != nil {
		return err
	}
	return dir.writeLink(u.repository.linkName(blobLinks, d), "")
}

func (u *Upload) verify(ctx context.Context, d blob.Digest) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if d.Algorithm() != u.algorithm {
		u.algorithm, u.hash = d.Algorithm(), d.Algorithm().New()
		all := io.NewSectionReader(u.file, 0, u.size)
		if _, err := copyContext(ctx, u.hash, all, make([]byte, copyBuffer)); err != nil {
			return err
		}
	}
	if got := blob.FromHash(u.algorithm, u.hash); got != d {
		return &blob.MismatchError{Want: d, Got: got, WantSize: u.size, GotSize: u.size}
	}
	return nil
}

// Cancel discards the bytes.
func (u *Upload) Cancel() error {
	defer u.disown()
	switch {
	case u.file != nil:
		_ = u.syncer.wait() // what it wrote is removed
		return u.repository.dir.discard(u.file)
	case u.suspended != "":
		return u.repository.dir.files.remove(u.suspended)
	}
	return nil
}
