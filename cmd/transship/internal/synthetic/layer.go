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

// layer is a tar with one file of generated content. A layer too small for a tar has only content.
type layer struct {
	size     int64 // bytes
	noise    noise
	header   []byte
	fileSize int64 // bytes of the file; the rest of the layer is zeros
	digest   blob.Digest
}

// layers returns the layers of all platforms in order. It hashes them concurrently.
func (s Spec) layers(ctx context.Context) ([]layer, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	layers := make([]layer, len(s.platforms())*len(s.Layers))
	for i := range layers {
		group.Go(func() (err error) {
			layers[i], err = newLayer(s.Layers[i%len(s.Layers)], newNoise(s.Seed, i, s.Compressible))
			if err == nil {
				err = layers[i].hash(ctx)
			}
			return err
		})
	}
	return layers, group.Wait()
}

func newLayer(size int64, n noise) (layer, error) {
	l := layer{size: size, noise: n, fileSize: size}
	available := size - tarBlock - tarEnd
	if available < tarBlock {
		return l, nil
	}
	l.fileSize = available - available%tarBlock
	var b bytes.Buffer
	h := tar.Header{Typeflag: tar.TypeReg, Name: "synthetic", Size: l.fileSize, Mode: 0o644, ModTime: time.Unix(0, 0)}
	if l.fileSize >= 8<<30 {
		h.Format = tar.FormatGNU // has larger sizes in one header; that of USTAR ends at 8 GiB
	}
	err := tar.NewWriter(&b).WriteHeader(&h)
	l.header = b.Bytes()
	return l, err
}

// hash generates the layer once and sets its digest.
func (l *layer) hash(ctx context.Context) error {
	h, buf := blob.SHA256.New(), make([]byte, 256<<10)
	for offset := int64(0); offset < l.size; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(int64(len(buf)), l.size-offset)
		l.fill(buf[:n], offset)
		h.Write(buf[:n])
		offset += n
	}
	l.digest = blob.FromHash(blob.SHA256, h)
	return nil
}

// fill generates the bytes from an offset, which must be in the layer.
func (l *layer) fill(p []byte, offset int64) {
	headerSize := int64(len(l.header))
	if offset < headerSize {
		n := copy(p, l.header[offset:])
		p, offset = p[n:], offset+int64(n)
	}
	if left := headerSize + l.fileSize - offset; left > 0 && len(p) > 0 {
		n := min(left, int64(len(p)))
		l.noise.fill(p[:n], offset-headerSize)
		p = p[n:]
	}
	clear(p)
}

// open implements blob.Open.
func (l *layer) open(_ context.Context, offset int64) (io.ReadCloser, error) {
	if offset < 0 || offset > l.size {
		return nil, fmt.Errorf("the layer has %d bytes, none at %d", l.size, offset)
	}
	return &layerReader{l, offset}, nil
}

type layerReader struct {
	layer  *layer
	offset int64
}

// Read implements io.Reader.
func (r *layerReader) Read(p []byte) (int, error) {
	left := r.layer.size - r.offset
	if left == 0 {
		return 0, io.EOF
	}
	n := min(left, int64(len(p)))
	r.layer.fill(p[:n], r.offset)
	r.offset += n
	return int(n), nil
}

// Close implements io.Closer.
func (r *layerReader) Close() error { return nil }

// openBytes returns a blob.Open for bytes in memory.
func openBytes(raw []byte) blob.Open {
	return func(_ context.Context, offset int64) (io.ReadCloser, error) {
		if offset < 0 || offset > int64(len(raw)) {
			return nil, fmt.Errorf("the blob has %d bytes, none at %d", len(raw), offset)
		}
		return io.NopCloser(bytes.NewReader(raw[offset:])), nil
	}
}
