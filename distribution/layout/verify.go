package layout

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Check is one thing that Verify has looked at.
type Check struct {
	// What it is, for people: a member of the tar or a file of the folder, and of a split bundle the volumes that it lies
	// in; a volume; or an image.
	What   string
	Digest blob.Digest // what it should be; "" of an image that could not be found
	Size   int64       // bytes that were read for this check; 0 where it was about a reference
	// Err is what is wrong, nil where nothing is: a *[blob.MismatchError] where the bytes are others, fs.ErrNotExist where
	// something that is referred to is not there, or the error of reading or parsing.
	Err error
}

// checkImage walks everything that root refers to and reports each problem, or one Check without an
// error. checkBlob returns what is wrong with a blob.
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

// checkSize returns an error where content of size bytes is not as large as its descriptor says.
func checkSize(d manifest.Descriptor, size int64) error {
	if d.Size != size {
		return fmt.Errorf("%s has %d bytes, but a descriptor says %d", d.Digest, size, d.Size)
	}
	return nil
}

// copyUntil copies until the end, or until the context is cancelled.
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
