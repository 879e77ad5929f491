package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/hczjl/transship/blob"
)

// maxSignature is the size in bytes of the largest signature that is read.
const maxSignature = 4 << 10

// signaturePath returns the path of the signature of a bundle's FILE.json.
func signaturePath(path string) string { return inventoryPath(path) + ".sig" }

// SignatureError says that a bundle is not signed as it must be.
type SignatureError struct {
	Path string // of the bundle
	Err  error
}

// Error names the bundle and the reason.
func (e *SignatureError) Error() string { return fmt.Sprintf("bundle %s: %v", e.Path, e.Err) }

// Unwrap returns the reason.
func (e *SignatureError) Unwrap() error { return e.Err }

// VerifySigned checks that a bundle is what was signed: its FILE.json by verify, which gets the bytes
// of the file and of its signature beside it, and every byte of the bundle by the digests in that.
// path is the file, or the common name of its volumes or the first; volumes may have been joined. An
// opened [Archive] is that bundle if it has the ID of the inventory.
//
// The error is a *[SignatureError] without a valid signature, a *[blob.MismatchError] for changed
// bytes, or an *[ArchiveError].
func VerifySigned(ctx context.Context, path string, verify func(inventory, sig []byte) error) (Inventory, error) {
	if m := volumePattern.FindStringSubmatch(path); m != nil && exists(path) && exists(volumePath(m[1], 0)) {
		path = m[1]
	}
	in, err := readSigned(path, verify)
	if err != nil {
		return in, err
	}
	v, err := openVolumes(path)
	if err != nil {
		return in, err
	}
	defer v.Close()
	var at int64
	for _, want := range in.Volumes {
		if err := v.verifyRange(ctx, at, want); err != nil {
			return in, fmt.Errorf("%s: %w", path, err)
		}
		at += want.Size
	}
	if at != v.size {
		return in, &ArchiveError{Path: path, Kind: ErrDamaged, Reason: fmt.Sprintf("it has %d bytes, and %d were signed", v.size, at)}
	}
	return in, nil
}

// readSigned reads FILE.json once its signature is verified.
func readSigned(path string, verify func(inventory, sig []byte) error) (in Inventory, err error) {
	raw, err := readFile(inventoryPath(path), maxDocument)
	var sig []byte
	if err == nil {
		sig, err = readFile(signaturePath(path), maxSignature)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && !exists(path) && !exists(volumePath(path, 0)):
		return in, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	case errors.Is(err, fs.ErrNotExist):
		return in, &SignatureError{path, fmt.Errorf("it has no signature: there must be %s and %s beside it",
			filepath.Base(inventoryPath(path)), filepath.Base(signaturePath(path)))}
	case err == nil:
		err = verify(raw, sig)
	}
	if err != nil {
		return in, &SignatureError{path, err}
	}
	if in, err = decodeInventory(raw); err != nil {
		return in, inventoryError(inventoryPath(path), "", err)
	}
	for _, v := range in.Volumes {
		if v.Digest == "" {
			return in, &SignatureError{path, errors.New("the inventory that is signed does not have the digest of " + v.File)}
		}
	}
	return in, nil
}

// verifyRange hashes what must be one volume.
func (v *volumes) verifyRange(ctx context.Context, at int64, want Volume) error {
	h := blob.SHA256.New()
	n, err := copyContext(ctx, h, io.NewSectionReader(v, at, want.Size), make([]byte, copyBuffer))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if got := blob.FromHash(blob.SHA256, h); err == nil && (n != want.Size || got != want.Digest) {
		err = &blob.MismatchError{Want: want.Digest, Got: got, WantSize: want.Size, GotSize: n}
	}
	if err != nil {
		return fmt.Errorf("volume %s: %w", want.File, err)
	}
	return nil
}
