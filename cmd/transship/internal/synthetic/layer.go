package synthetic

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
)

const (
	tarBlock = 512          // bytes
	tarEnd   = 2 * tarBlock // zeros
)

// layer is a tar with one file of generated content. One too small for that is nothing but such content.
type layer struct {
	size   int64 // bytes
	noise  noise
	header []byte
	file   int64 // bytes of the file; the rest of the layer is zeros
	digest blob.Digest
}

// layers makes the layers of all platforms, one after the other, and hashes them side by side.
func (s Spec) layers(ctx context.Context) ([]layer, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	out := make([]layer, len(s.platforms())*len(s.Layers))
	for i := range out {
		group.Go(func() (err error) {
			out[i], err = newLayer(s.Layers[i%len(s.Layers)], newNoise(s.Seed, i, s.Compressible))
			if err == nil {
				err = out[i].hash(ctx)
			}
			return err
		})
	}
	return out, group.Wait()
}

func newLayer(size int64, n noise) (layer, error) {
	l := layer{size: size, noise: n, file: size}
	room := size - tarBlock - tarEnd
	if room < tarBlock {
		return l, nil
	}
	l.file = room - room%tarBlock
	var b bytes.Buffer
	h := tar.Header{Typeflag: tar.TypeReg, Name: "synthetic", Size: l.file, Mode: 0o644, ModTime: time.Unix(0, 0)}
	if l.file >= 8<<30 {
		h.Format = tar.FormatGNU // the size in one header, as a USTAR header holds it up to 8 GiB
	}
	err := tar.NewWriter(&b).WriteHeader(&h)
	l.header = b.Bytes()
	return l, err
}

// hash reads the layer once.
func (l *layer) hash(ctx context.Context) error {
	h, buf := blob.SHA256.New(), make([]byte, 256<<10)
	for at := int64(0); at < l.size; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(int64(len(buf)), l.size-at)
		l.fill(buf[:n], at)
		h.Write(buf[:n])
		at += n
	}
	l.digest = blob.FromHash(blob.SHA256, h)
	return nil
}

// fill generates the bytes from an offset on, which must be in the layer.
func (l *layer) fill(p []byte, at int64) {
	head := int64(len(l.header))
	if at < head {
		n := copy(p, l.header[at:])
		p, at = p[n:], at+int64(n)
	}
	if left := head + l.file - at; left > 0 && len(p) > 0 {
		n := min(left, int64(len(p)))
		l.noise.fill(p[:n], at-head)
		p = p[n:]
	}
	clear(p)
}

// open is a blob.Open.
func (l *layer) open(_ context.Context, offset int64) (io.ReadCloser, error) {
	if offset < 0 || offset > l.size {
		return nil, fmt.Errorf("the layer has %d bytes, none at %d", l.size, offset)
	}
	return &layerReader{l, offset}, nil
}

type layerReader struct {
	layer *layer
	at    int64
}

// Read implements io.Reader.
func (r *layerReader) Read(p []byte) (int, error) {
	left := r.layer.size - r.at
	if left == 0 {
		return 0, io.EOF
	}
	n := min(left, int64(len(p)))
	r.layer.fill(p[:n], r.at)
	r.at += n
	return int(n), nil
}

// Close implements io.Closer.
func (r *layerReader) Close() error { return nil }

// opener opens bytes that are at hand.
func opener(raw []byte) blob.Open {
	return func(_ context.Context, offset int64) (io.ReadCloser, error) {
		if offset < 0 || offset > int64(len(raw)) {
			return nil, fmt.Errorf("the blob has %d bytes, none at %d", len(raw), offset)
		}
		return io.NopCloser(bytes.NewReader(raw[offset:])), nil
	}
}
