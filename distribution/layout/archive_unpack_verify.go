package layout

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// OpenToVerify opens an archive as [OpenCompressed] does, for [Archive.Verify] only: a large blob of a
// compressed archive is hashed on its way and not kept, so that little room is needed. Opening such a
// blob is an error.
func OpenToVerify(ctx context.Context, path string) (*Archive, error) {
	return openCompressed(ctx, path, true)
}

// ReadToVerify reads an archive from a stream as [ReadArchive] does, for [Archive.Verify] only.
func ReadToVerify(ctx context.Context, name string, r io.Reader) (*Archive, error) {
	return unpack(ctx, name, r, 0, true)
}

// sparseTar is a reader of a tar that writes what it reads into a file, at the same offsets, except
// where skip is set.
type sparseTar struct {
	in     io.Reader
	out    *fileWriter
	offset int64
	skip   bool
}

// Read implements io.Reader.
func (s *sparseTar) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if !s.skip && n > 0 {
		if _, failed := s.out.WriteAt(p[:n], s.offset); failed != nil {
			return n, failed
		}
	}
	s.offset += int64(n)
	return n, err
}

// hashLarge fills the temporary file with a tar in which large members have only their first bytes, by
// which layers are told apart, and notes their digests. It returns the size of the tar.
func (v *volumes) hashLarge(content io.Reader, out *fileWriter) (int64, error) {
	v.hashed = map[int64]blob.Digest{}
	s := &sparseTar{in: content, out: out}
	headers := tar.NewReader(s)
	for {
		h, err := headers.Next()
		if err != nil {
			break // opening the file says what is wrong, and where
		}
		if h.Typeflag != tar.TypeReg || h.Size <= manifest.MaxSize || isDocument(h.Name) {
			continue
		}
		if err := v.hashMember(s, h, headers); err != nil {
			return s.offset, err
		}
	}
	if _, err := io.Copy(io.Discard, s); err != nil {
		return s.offset, err
	}
	return s.offset, out.truncate(s.offset)
}

// isDocument reports whether a member is one of the documents that are read at any size.
func isDocument(name string) bool {
	clean, _ := cleanName(name)
	return clean == indexFile || clean == dockerFile || clean == inventoryFile || clean == repositoriesFile
}

// hashMember notes the digest of a member by its offset in the tar.
func (v *volumes) hashMember(s *sparseTar, h *tar.Header, content io.Reader) error {
	name, _ := cleanName(h.Name)
	algorithm := blob.SHA256
	if d := parseBlobName(name); d != "" {
		algorithm = d.Algorithm()
	}
	at, sum := s.offset, algorithm.New()
	if _, err := io.CopyN(sum, content, tarBlock); err != nil {
		return err
	}
	s.skip = true
	_, err := io.CopyBuffer(sum, content, make([]byte, copyBuffer))
	s.skip = false
	v.hashed[at] = blob.FromHash(algorithm, sum)
	return err
}

// checkHashed returns whether a member was only hashed, and the error if that was not with the
// digest d.
func (v *volumes) checkHashed(d blob.Digest, at section) (hashed bool, err error) {
	got, hashed := v.hashed[at.offset]
	switch {
	case !hashed || got == d:
		return hashed, nil
	case got.Algorithm() != d.Algorithm():
		return true, fmt.Errorf("%s cannot be verified in a compressed tar: unpack it first", d)
	}
	return true, &blob.MismatchError{Want: d, Got: got, WantSize: at.size, GotSize: at.size}
}

// errOnlyHashed is the error of reading a blob that was only hashed.
var errOnlyHashed = errors.New("it was verified and not kept")
