package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/blob/delta"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
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

// deltaBase is where the earlier images of --since are, to compare layers with.
type deltaBase interface {
	// find returns an image of the repository of a name: that with its tag if there is one. It is
	// fs.ErrNotExist if there is none.
	find(ctx context.Context, name reference.Reference) (src transfer.Source, ref string, err error)
	// repositories returns the repositories in which load looks for a blob, as the bundle names them.
	repositories(d blob.Digest, name reference.Reference) []string
	close()
}

// fileBase is a bundle or a folder.
type fileBase struct {
	images    *image.LocalImages
	inventory layout.Inventory
}

func (b *fileBase) close() { b.images.Close() }

// find implements deltaBase. Without the tag it is the last image of the repository.
func (b *fileBase) find(_ context.Context, name reference.Reference) (transfer.Source, string, error) {
	var found image.LocalImage
	for _, im := range b.images.Images {
		ref, err := reference.Parse(im.Name)
		if err != nil || ref.Name() != name.Name() {
			continue
		}
		found = im
		if ref.Tag == name.Tag {
			break
		}
	}
	if found.Source == nil {
		return nil, "", fs.ErrNotExist
	}
	return found.Source, string(found.Digest), nil
}

// repositories implements deltaBase.
func (b *fileBase) repositories(d blob.Digest, _ reference.Reference) []string {
	c, _ := b.inventory.Find(d)
	return c.Repositories
}

// registryBase is a registry that load has pushed images to.
type registryBase struct {
	from *run.Remote
	far  image.RegistryPrefix
}

func (*registryBase) close() {}

// find implements deltaBase. Without the tag it is the last one of the repository.
func (b *registryBase) find(ctx context.Context, name reference.Reference) (transfer.Source, string, error) {
	target, err := b.far.Target(name)
	if err != nil {
		return nil, "", err
	}
	repo, err := b.from.BindHost(target.Host()).Repository(ctx, target, auth.Pull)
	if err != nil {
		return nil, "", err
	}
	repo.Mirrors = nil // what a mirror has, the far registry may lack
	if name.Tag != "" {
		_, err := repo.HeadManifest(ctx, name.Tag)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return repo, name.Tag, err
		}
	}
	last := ""
	for tag, err := range repo.TagNames(ctx) {
		if err != nil {
			return nil, "", err
		}
		last = tag
	}
	if last == "" {
		return nil, "", fs.ErrNotExist
	}
	return repo, last, nil
}

// repositories implements deltaBase.
func (*registryBase) repositories(_ blob.Digest, name reference.Reference) []string {
	return []string{name.Name()}
}

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
	dir    string // of the files with the deltas

	pairs map[blob.Digest]layerPair // by layer
	stats deltaStats
}

// deltaStats counts the layers that were compared.
type deltaStats struct {
	made            int
	deltas, instead int64 // bytes of the deltas, and of the layers in whose place they are
	unsupported     int   // layers that no delta is made of, such as those compressed with zstd
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
	out := fmt.Sprintf("%d blob%s: %d there already, %d as deltas (%s in place of %s), %d whole", all, cli.Plural(all),
		inBase, s.made, cli.FormatBytes(s.deltas), cli.FormatBytes(s.instead), all-inBase-s.made)
	if s.unsupported > 0 {
		out += fmt.Sprintf(", of these %d that deltas are not made of: compressed with zstd, or in another way than before",
			s.unsupported)
	}
	return out
}

// remove removes the files with the deltas.
func (m *deltaMaker) remove() {
	if m.dir != "" {
		os.RemoveAll(m.dir)
	}
}

// addDeltas makes deltas of the layers that have changed since the base, and puts them in their place
// in the bundle.
func (m *deltaMaker) addDeltas(ctx context.Context) (err error) {
	m.pairs = map[blob.Digest]layerPair{}
	for _, im := range m.bundle.Images {
		if err := m.pairLayers(ctx, im); err != nil {
			return fmt.Errorf("--since: %w", err)
		}
	}
	if len(m.pairs) == 0 {
		return nil
	}
	if m.dir, err = os.MkdirTemp("", "transship-*"); err != nil {
		return err
	}
	m.run.Note("comparing %d layer%s with those of the base", len(m.pairs), cli.Plural(len(m.pairs)))
	// One after the other: each takes up to 64 MiB of memory, which is given back before the next takes it.
	for _, p := range slices.SortedFunc(maps.Values(m.pairs), func(a, b layerPair) int {
		return cmp.Compare(a.layer.Digest, b.layer.Digest)
	}) {
		if err := m.add(ctx, p); err != nil {
			return err
		}
		runtime.GC()
	}
	return nil
}

// pairLayers pairs the layers of an image with those at the same place of the same platform in the base.
func (m *deltaMaker) pairLayers(ctx context.Context, im layout.Image) error {
	name, err := reference.Parse(im.Name)
	if err != nil {
		return nil // without a name it has no repository
	}
	src, ref, err := m.base.find(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	olds, err := platformManifests(ctx, src, ref)
	if err != nil {
		return err
	}
	news, err := platformManifests(ctx, m.bundle, string(im.Digest))
	if err != nil {
		return err
	}
	for platform, now := range news {
		old, known := olds[platform]
		if !known {
			continue
		}
		if err := m.pairManifests(ctx, name, now, old, src); err != nil {
			return err
		}
	}
	return nil
}

// platformManifests returns the image manifests that ref names, by platform. A single image has none.
func platformManifests(ctx context.Context, src transfer.Source, ref string) (map[string]manifest.Manifest, error) {
	root, err := src.Manifest(ctx, ref)
	if err != nil || !manifest.IsIndex(root.MediaType) {
		return map[string]manifest.Manifest{"": root}, err
	}
	refs, err := root.References()
	out := map[string]manifest.Manifest{}
	for _, d := range refs {
		if d.Platform == nil || manifest.IsIndex(d.MediaType) || manifest.IsBlob(d.MediaType) {
			continue
		}
		m, err := src.Manifest(ctx, string(d.Digest))
		if errors.Is(err, fs.ErrNotExist) {
			continue // an image of some of its platforms
		}
		if err != nil {
			return nil, err
		}
		out[d.Platform.String()] = m
	}
	return out, err
}

// pairManifests pairs the layers of an image with those of an earlier one.
func (m *deltaMaker) pairManifests(ctx context.Context, name reference.Reference, now, old manifest.Manifest,
	src transfer.Source) error {
	layers, err := now.References()
	if err != nil {
		return err
	}
	bases, err := old.References()
	if err != nil {
		return err
	}
	for i, d := range layers[:min(len(layers), len(bases))] {
		base := bases[i]
		_, inBase := m.bundle.Base.Find(d.Digest)
		_, paired := m.pairs[d.Digest]
		if inBase || paired || !manifest.IsLayer(d.MediaType) || d.Size < minDeltaBlob || base.Digest == d.Digest ||
			!m.bundle.Has(d.Digest) {
			continue
		}
		there, err := transfer.HasBlob(ctx, src, base)
		if err != nil {
			return err
		}
		if there {
			m.pairs[d.Digest] = layerPair{d, base, src, m.base.repositories(base.Digest, name)}
		}
	}
	return nil
}

// add makes the delta of a pair and adds it to the bundle, if it is worth it.
func (m *deltaMaker) add(ctx context.Context, p layerPair) (err error) {
	f, err := os.Create(filepath.Join(m.dir, p.layer.Digest.Hex()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := &deltaWriter{out: f, limit: p.layer.Size * maxDeltaPercent / 100, hash: blob.SHA256.New()}
	switch err := m.diff(ctx, w, p); {
	case errors.Is(err, delta.ErrUnsupported):
		m.stats.unsupported++
		return os.Remove(f.Name())
	case errors.Is(err, errDeltaTooLarge), isUnreadableBase(err):
		return os.Remove(f.Name())
	case err != nil:
		return err
	}
	m.stats.made++
	m.stats.deltas += w.size
	m.stats.instead += p.layer.Size
	m.bundle.AddDelta(p.layer.Digest, layout.Delta{
		Digest: blob.FromHash(blob.SHA256, w.hash), Size: w.size, Version: delta.Version,
		Base: p.base.Digest, BaseSize: p.base.Size, Repositories: p.repositories,
	}, f.Name())
	return nil
}

// baseBlobError is the error of reading a layer of the base.
type baseBlobError struct{ error }

// Unwrap returns the reason.
func (e baseBlobError) Unwrap() error { return e.error }

// isUnreadableBase reports whether a layer of the base is not there or damaged: then there is no delta.
func isUnreadableBase(err error) bool {
	return cli.Has[baseBlobError](err) && (errors.Is(err, fs.ErrNotExist) || run.IsIntegrityError(err))
}

// diff writes the delta of a pair. Both layers are verified.
func (m *deltaMaker) diff(ctx context.Context, w io.Writer, p layerPair) error {
	base := blob.NewReader(ctx, p.base.Digest, p.base.Size, m.engine.Open(p.source, p.base))
	defer base.Close()
	layer := blob.NewReader(ctx, p.layer.Digest, p.layer.Size, m.engine.Open(m.bundle, p.layer))
	defer layer.Close()
	from := &baseReader{base}
	err := delta.Diff(w, delta.Blob{Reader: from, Size: p.base.Size}, delta.Blob{Reader: layer, Size: p.layer.Size})
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

// errDeltaTooLarge is the error of a delta that is not worth it.
var errDeltaTooLarge = errors.New("the delta is hardly smaller than the layer")

// deltaWriter writes a delta up to a limit, and hashes it.
type deltaWriter struct {
	out   io.Writer
	limit int64
	size  int64
	hash  hash.Hash
}

// Write implements io.Writer.
func (w *deltaWriter) Write(p []byte) (int, error) {
	w.size += int64(len(p))
	if w.size > w.limit {
		return 0, errDeltaTooLarge
	}
	w.hash.Write(p)
	return w.out.Write(p)
}
