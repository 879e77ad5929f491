package layout

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Check is one check of Verify and its result.
type Check struct {
	// What was checked, for people: a blob and, in a split bundle, the volumes that it lies in; a
	// document; a volume; or an image.
	What   string
	Digest blob.Digest // the expected one; "" if there is none
	Size   int64       // bytes that were read for this check; 0 for a reference
	// Err is nil if there is no problem. It is a *[blob.MismatchError] if the bytes do not match
	// the digest, fs.ErrNotExist if something is missing, or the error of reading or parsing.
	Err error
	// LeftOut is a foreign layer that is not there, which is no problem: clients fetch it from its
	// URLs. It is nil otherwise.
	LeftOut *manifest.Descriptor
}

// errLeftOut says that a foreign layer is not there.
var errLeftOut = errors.New("foreign layer is left out")

// checkImage checks everything that root refers to, and reports each problem, or one Check without
// an error. checkBlob returns what is wrong with a blob, errLeftOut for a foreign layer that is not
// there.
func checkImage(ctx context.Context, what string, root manifest.Descriptor, load manifestLoader,
	checkBlob func(manifest.Descriptor) error, report func(Check)) error {
	problems := 0
	err := walk(root, load, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && m.Raw != nil:
			err = checkSize(d, m.Size)
		case err == nil:
			err = checkBlob(d)
		}
		if errors.Is(err, errLeftOut) {
			report(Check{What: what, Digest: d.Digest, LeftOut: &d})
			return nil
		}
		if err != nil {
			problems++
			report(Check{What: what, Digest: d.Digest, Err: err})
		}
		return nil
	})
	if err == nil && problems == 0 {
		report(Check{What: what, Digest: root.Digest})
	}
	return err
}

// checkSize returns an error if content of size bytes is not as large as its descriptor says.
func checkSize(d manifest.Descriptor, size int64) error {
	if d.Size != size {
		return fmt.Errorf("%s has %d bytes, but a descriptor says %d", d.Digest, size, d.Size)
	}
	return nil
}

// copyContext copies until the end, or until the context is cancelled.
func copyContext(ctx context.Context, w io.Writer, r io.Reader, buf []byte) (n int64, err error) {
	for ctx.Err() == nil {
		m, err := r.Read(buf)
		w.Write(buf[:m])
		n += int64(m)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, context.Cause(ctx)
}
