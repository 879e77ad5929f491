package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/blob/delta"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

const (
	// minDeltaBlob is the size in bytes of the smallest blob that a delta is made of: what a delta saves
	// must outweigh its entry in the inventory and its header in the tar.
	minDeltaBlob = 16 << 10
	// maxDeltaPercent is how large a delta may be, of its blob. A larger blob goes whole.
	maxDeltaPercent = 80
)

// layerPair is a layer of the bundle and the one to compare it with.
type layerPair struct {
	layer, base  manifest.Descriptor
	source       transfer.Source // of base
	repositories []string        // of the base that have it
}

// deltaMaker makes the deltas of a bundle.
type deltaMaker struct {
	run    *run.Run
	engine *transfer.Engine
	base   deltaBase
	bundle *image.BundleSource
	out    string // the folder of the bundle
	dir    string // in out: of the files with the deltas, and with the layers that go whole

	pairs  map[blob.Digest]layerPair // by layer
	differ delta.Differ
	stats  deltaStats
}

// deltaStats counts the layers that were compared.
type deltaStats struct {
	made            int
	deltas, instead int64 // bytes of the deltas, and of the layers in whose place they are
	unsupported     int   // layers that no delta is made of, such as those compressed with zstd
}

// String says how large the deltas are, "" if there are none.
func (s deltaStats) String() string {
	if s.made == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s in place of %s)", cli.FormatBytes(s.deltas), cli.FormatBytes(s.instead))
}

// summary says how the bundle has its blobs, for a note.
func (m *deltaMaker) summary() string {
	inBase := 0
	for _, d := range m.bundle.Blobs {
		if _, is := m.bundle.Base.Find(d.Digest); is {
			inBase++
		}
	}
	all, s := len(m.bundle.Blobs), m.stats
	out := fmt.Sprintf("%d blob%s: %d there already, %d as deltas%s, %d whole", all, cli.Plural(all),
		inBase, s.made, s, all-inBase-s.made)
	if s.unsupported > 0 {
		out += fmt.Sprintf(", of these %d that deltas are not made of: compressed with zstd, or in another way than before",
			s.unsupported)
	}
	return out
}

// remove removes the files.
func (m *deltaMaker) remove() {
	if m.dir != "" {
		os.RemoveAll(m.dir)
	}
}

// addDeltas makes deltas of the layers that have changed since the base, and puts them in their place
// in the bundle.
func (m *deltaMaker) addDeltas(ctx context.Context) (err error) {
	if err := m.pairImages(ctx); err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	if len(m.pairs) == 0 {
		return nil
	}
	if m.dir, err = os.MkdirTemp(m.out, ".transship-*"); err != nil {
		return err
	}
	m.run.Note("comparing %d layer%s with those of the base", len(m.pairs), cli.Plural(len(m.pairs)))
	// One after the other, since each takes up to 64 MiB of memory. The largest come first: the others have
	// room in what they took.
	for _, p := range slices.SortedFunc(maps.Values(m.pairs), func(a, b layerPair) int {
		return cmp.Or(cmp.Compare(a.layer.MediaType, b.layer.MediaType), cmp.Compare(b.base.Size, a.base.Size),
			cmp.Compare(a.layer.Digest, b.layer.Digest))
	}) {
		if err := m.add(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// add makes the delta of a pair and adds it to the bundle, if it is worth it. Otherwise the bundle takes the
// layer from the file that it was read to, so that it is read once, or again from its source if that file was
// given up.
func (m *deltaMaker) add(ctx context.Context, p layerPair) (err error) {
	name := filepath.Join(m.dir, p.layer.Digest.Hex())
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	whole, err := os.Create(name + ".whole")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, whole.Close()) }()
	layer := blob.NewReader(ctx, p.layer.Digest, p.layer.Size, m.engine.Open(m.bundle, p.layer))
	defer layer.Close()
	w := &deltaWriter{out: f, limit: p.layer.Size * maxDeltaPercent / 100, hash: blob.SHA256.New()}
	kept := &spool{out: whole, delta: w, left: p.layer.Size}
	read := io.TeeReader(layer, kept)
	err = m.diff(ctx, w, p, read)
	if err == nil {
		m.addDelta(p, w, name)
		return os.Remove(whole.Name())
	}
	switch {
	case errors.Is(err, delta.ErrUnsupported):
		m.stats.unsupported++
	case !errors.Is(err, errDeltaTooLarge) && !isUnreadableBase(err):
		return err
	}
	if _, err := io.Copy(io.Discard, read); err != nil {
		return err
	}
	if !kept.given {
		m.bundle.SetFile(p.layer.Digest, whole.Name())
	}
	return os.Remove(name)
}

// addDelta adds the delta of a pair to the bundle, which is in a file.
func (m *deltaMaker) addDelta(p layerPair, w *deltaWriter, file string) {
	m.stats.made++
	m.stats.deltas += w.size
	m.stats.instead += p.layer.Size
	m.bundle.AddDelta(p.layer.Digest, layout.Delta{
		Digest: blob.FromHash(blob.SHA256, w.hash), Size: w.size, Version: delta.Version,
		Base: p.base.Digest, BaseSize: p.base.Size, Repositories: p.repositories,
	}, file)
}

// baseBlobError is the error of reading a layer of the base.
type baseBlobError struct{ error }

// Unwrap returns the reason.
func (e baseBlobError) Unwrap() error { return e.error }

// isUnreadableBase reports whether a layer of the base is not there or damaged: then there is no delta.
func isUnreadableBase(err error) bool {
	return cli.Has[baseBlobError](err) && (errors.Is(err, fs.ErrNotExist) || run.IsIntegrityError(err))
}

// diff writes the delta of a pair, whose layer is read from a verified reader. The base is verified too.
func (m *deltaMaker) diff(ctx context.Context, w io.Writer, p layerPair, layer io.Reader) error {
	base := blob.NewReader(ctx, p.base.Digest, p.base.Size, m.engine.Open(p.source, p.base))
	defer base.Close()
	from := &baseReader{base}
	err := m.differ.Diff(w, delta.Blob{Reader: from, Size: p.base.Size}, delta.Blob{Reader: layer, Size: p.layer.Size})
	if err == nil {
		_, err = io.Copy(io.Discard, from) // its digest counts at its end
	}
	return err
}

// baseReader marks the errors of a layer of the base.
type baseReader struct{ io.Reader }

// Read implements io.Reader.
func (r *baseReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = baseBlobError{err}
	}
	return n, err
}
