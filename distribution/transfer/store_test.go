package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// hub is a registry in maps: what each repository has, and what it was asked.
type hub struct {
	mu        sync.Mutex
	name      string
	blobs     map[string]map[blob.Digest][]byte
	manifests map[string]map[string]manifest.Manifest // by tag and by digest
	log       []string
	moving    int // uploads under way, and the most there were
	most      int
	named     int // the most repositories that a blob could be mounted from
	mountless bool
}

func newHub(name string) *hub {
	return &hub{name: name, blobs: map[string]map[blob.Digest][]byte{}, manifests: map[string]map[string]manifest.Manifest{}}
}

func (h *hub) repo(name string) *repo {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.blobs[name] == nil {
		h.blobs[name] = map[blob.Digest][]byte{}
		h.manifests[name] = map[string]manifest.Manifest{}
	}
	return &repo{hub: h, name: name}
}

func (h *hub) note(format string, args ...any) { h.log = append(h.log, fmt.Sprintf(format, args...)) }

func (h *hub) count(what string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, line := range h.log {
		if len(line) >= len(what) && line[:len(what)] == what {
			n++
		}
	}
	return n
}

// repo is a repository: a source, a target, placed and referring.
type repo struct {
	hub       *hub
	name      string
	headErr   error                           // in place of every answer to HeadManifest
	putErr    func(manifest.Descriptor) error // asked before a blob is put
	opening   func(manifest.Descriptor)       // called before a blob is opened
	slow      time.Duration                   // what a question for a manifest takes
	corrupt   blob.Digest                     // a blob whose bytes are handed out changed
	referrers map[blob.Digest][]manifest.Descriptor
	listErr   error // of Referrers
	tagsErr   error // of TagNames
}

func (r *repo) String() string          { return r.hub.name + "/" + r.name }
func (r *repo) Place() (string, string) { return r.hub.name, r.name }

func (r *repo) Manifest(_ context.Context, ref string) (manifest.Manifest, error) {
	time.Sleep(r.slow)
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.hub.note("get %s", ref)
	m, ok := r.hub.manifests[r.name][ref]
	if !ok {
		return m, fmt.Errorf("%s: manifest %s: %w", r, ref, fs.ErrNotExist)
	}
	return m, nil
}

func (r *repo) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	if r.headErr != nil {
		return manifest.Descriptor{}, r.headErr
	}
	time.Sleep(r.slow)
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.hub.note("head %s", ref)
	m, ok := r.hub.manifests[r.name][ref]
	if !ok {
		return m.Descriptor, fs.ErrNotExist
	}
	return m.Descriptor, nil
}

func (r *repo) Blob(_ context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	if r.opening != nil {
		r.opening(d)
	}
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.hub.note("read %s", d.Digest)
	b, ok := r.hub.blobs[r.name][d.Digest]
	if !ok {
		return nil, fmt.Errorf("%s: blob %s: %w", r, d.Digest, fs.ErrNotExist)
	}
	if d.Digest == r.corrupt {
		b = slices.Clone(b)
		b[0] ^= 1
	}
	return io.NopCloser(bytes.NewReader(b[offset:])), nil
}

func (r *repo) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string) (blob.Outcome, error) {
	r.hub.mu.Lock()
	r.hub.named = max(r.hub.named, len(from))
	r.hub.mu.Unlock()
	if r.putErr != nil {
		if err := r.putErr(d); err != nil {
			return 0, err
		}
	}
	if outcome := r.mount(d, from); outcome != 0 {
		return outcome, nil
	}
	defer r.enter()()
	b, err := io.ReadAll(blob.NewReader(ctx, d.Digest, d.Size, open))
	if err != nil {
		return 0, err
	}
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.hub.note("upload %s", d.Digest)
	r.hub.blobs[r.name][d.Digest] = b
	return blob.Uploaded, nil
}

func (r *repo) mount(d manifest.Descriptor, from []string) blob.Outcome {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	for _, other := range from {
		if b, ok := r.hub.blobs[other][d.Digest]; ok && !r.hub.mountless {
			r.hub.note("mount %s from %s", d.Digest, other)
			r.hub.blobs[r.name][d.Digest] = b
			return blob.Mounted
		}
	}
	if _, ok := r.hub.blobs[r.name][d.Digest]; ok {
		return blob.Exists
	}
	return 0
}

// enter counts an upload under way.
func (r *repo) enter() (leave func()) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.hub.moving++
	r.hub.most = max(r.hub.most, r.hub.moving)
	return func() {
		r.hub.mu.Lock()
		defer r.hub.mu.Unlock()
		r.hub.moving--
	}
}

// PutManifest refuses a manifest before what it needs, as registries do.
func (r *repo) PutManifest(_ context.Context, ref string, m manifest.Manifest) error {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	refs, err := m.References()
	if err != nil {
		return err
	}
	for _, d := range refs {
		_, isManifest := r.hub.manifests[r.name][string(d.Digest)]
		_, isBlob := r.hub.blobs[r.name][d.Digest]
		if !isManifest && !isBlob && d.Distributable() {
			return fmt.Errorf("%s: MANIFEST_BLOB_UNKNOWN %s", r, d.Digest)
		}
	}
	r.hub.note("put %s", ref)
	r.hub.manifests[r.name][ref] = m
	r.hub.manifests[r.name][string(m.Digest)] = m
	return nil
}

func (r *repo) Referrers(_ context.Context, d blob.Digest, _ string) ([]manifest.Descriptor, error) {
	return r.referrers[d], r.listErr
}

func (r *repo) TagNames(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		r.hub.mu.Lock()
		var tags []string
		for ref := range r.hub.manifests[r.name] {
			if blob.Digest(ref).Validate() != nil {
				tags = append(tags, ref)
			}
		}
		r.hub.mu.Unlock()
		for _, tag := range tags {
			if !yield(tag, nil) {
				return
			}
		}
		if r.tagsErr != nil {
			yield("", r.tagsErr)
		}
	}
}

var _ interface {
	transfer.Source
	transfer.Target
	transfer.Referring
} = (*repo)(nil)

// addBlob gives the repository a blob and returns its descriptor.
func (r *repo) addBlob(mediaType, content string) manifest.Descriptor {
	b := []byte(content)
	d := manifest.Descriptor{MediaType: mediaType, Digest: blob.FromBytes(b), Size: int64(len(b))}
	r.hub.blobs[r.name][d.Digest] = b
	return d
}

// addImage gives the repository an image for a platform with these layers.
func (r *repo) addImage(t testing.TB, platform string, layers ...string) manifest.Descriptor {
	t.Helper()
	p, err := manifest.ParsePlatform(platform)
	if err != nil {
		t.Fatal(err)
	}
	config := r.addBlob(manifest.MediaTypeOCIConfig, fmt.Sprintf(`{"architecture":%q,"os":%q,"variant":%q,"rootfs":{"type":"layers","diff_ids":[]}}`, p.Architecture, p.OS, p.Variant))
	im := manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &config}
	for _, content := range layers {
		im.Layers = append(im.Layers, r.addBlob(manifest.MediaTypeOCILayer, content))
	}
	d := r.addDocument(t, im)
	d.Platform = &p
	return d
}

func (r *repo) addDocument(t testing.TB, im manifest.Image) manifest.Descriptor {
	t.Helper()
	raw, err := manifest.OCIStyle().EncodeImage(im)
	if err != nil {
		t.Fatal(err)
	}
	return r.addRaw(t, raw, "")
}

// addIndex gives the repository an index under a tag.
func (r *repo) addIndex(t testing.TB, tag string, entries ...manifest.Descriptor) manifest.Descriptor {
	t.Helper()
	raw, err := manifest.OCIStyle().Encode(manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex, Manifests: entries})
	if err != nil {
		t.Fatal(err)
	}
	return r.addRaw(t, raw, tag)
}

func (r *repo) addRaw(t testing.TB, raw []byte, tag string) manifest.Descriptor {
	t.Helper()
	m, err := manifest.Parse("", raw)
	if err != nil {
		t.Fatal(err)
	}
	r.hub.manifests[r.name][string(m.Digest)] = m
	if tag != "" {
		r.hub.manifests[r.name][tag] = m
	}
	return m.Descriptor
}
