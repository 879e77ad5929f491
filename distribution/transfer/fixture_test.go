package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// registry is a registry in maps.
type registry struct {
	mu            sync.Mutex
	host          string
	repoBlobs     map[string]map[blob.Digest][]byte       // by repository
	repoManifests map[string]map[string]manifest.Manifest // by repository, then by tag and by digest
	log           []string                                // all calls
	uploads       int                                     // in progress
	maxUploads    int                                     // the most in progress at once
	maxMountFrom  int                                     // the most repositories that a blob could be mounted from
	refuseMounts  bool
}

func newRegistry(host string) *registry {
	return &registry{
		host:      host,
		repoBlobs: map[string]map[blob.Digest][]byte{}, repoManifests: map[string]map[string]manifest.Manifest{},
	}
}

// repo returns a repository, which is created if necessary.
func (g *registry) repo(name string) *repo {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.repoBlobs[name] == nil {
		g.repoBlobs[name] = map[blob.Digest][]byte{}
		g.repoManifests[name] = map[string]manifest.Manifest{}
	}
	return &repo{registry: g, name: name, blobs: g.repoBlobs[name], manifests: g.repoManifests[name]}
}

// newRepo returns the repository host/repo of a new registry.
func newRepo(host string) *repo { return newRegistry(host).repo("repo") }

func (g *registry) note(format string, args ...any) {
	g.log = append(g.log, fmt.Sprintf(format, args...))
}

// count returns how many calls begin with prefix.
func (g *registry) count(prefix string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, line := range g.log {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// repo is a repository of a registry, as a source and as a target.
type repo struct {
	*registry
	name      string
	blobs     map[blob.Digest][]byte
	manifests map[string]manifest.Manifest // by tag and by digest

	headErr   error                           // returned by HeadManifest
	putErr    func(manifest.Descriptor) error // called by PutBlob first
	onOpen    func(manifest.Descriptor)       // called by Blob first
	delay     time.Duration                   // of Manifest and HeadManifest
	corrupt   blob.Digest                     // a blob that Blob returns with a changed byte
	referrers map[blob.Digest][]manifest.Descriptor
	listErr   error // returned by Referrers
	tagsErr   error // returned by TagNames at its end
}

func (r *repo) String() string          { return r.host + "/" + r.name }
func (r *repo) Place() (string, string) { return r.host, r.name }

func (r *repo) Manifest(_ context.Context, ref string) (manifest.Manifest, error) {
	time.Sleep(r.delay)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note("get %s", ref)
	m, ok := r.manifests[ref]
	if !ok {
		return m, fmt.Errorf("%s: manifest %s: %w", r, ref, fs.ErrNotExist)
	}
	return m, nil
}

func (r *repo) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	if r.headErr != nil {
		return manifest.Descriptor{}, r.headErr
	}
	time.Sleep(r.delay)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note("head %s", ref)
	m, ok := r.manifests[ref]
	if !ok {
		return m.Descriptor, fs.ErrNotExist
	}
	return m.Descriptor, nil
}

func (r *repo) Blob(_ context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	if r.onOpen != nil {
		r.onOpen(d)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note("read %s", d.Digest)
	b, ok := r.blobs[d.Digest]
	if !ok {
		return nil, fmt.Errorf("%s: blob %s: %w", r, d.Digest, fs.ErrNotExist)
	}
	if d.Digest == r.corrupt {
		b = slices.Clone(b)
		b[0] ^= 1
	}
	return io.NopCloser(bytes.NewReader(b[offset:])), nil
}

func (r *repo) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string,
) (blob.Outcome, error) {
	r.mu.Lock()
	r.maxMountFrom = max(r.maxMountFrom, len(from))
	r.mu.Unlock()
	if r.putErr != nil {
		if err := r.putErr(d); err != nil {
			return 0, err
		}
	}
	if outcome := r.mount(d, from); outcome != 0 {
		return outcome, nil
	}
	defer r.startUpload()()
	b, err := io.ReadAll(blob.NewReader(ctx, d.Digest, d.Size, open))
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note("upload %s", d.Digest)
	r.blobs[d.Digest] = b
	return blob.Uploaded, nil
}

func (r *repo) mount(d manifest.Descriptor, from []string) blob.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range from {
		if b, ok := r.repoBlobs[other][d.Digest]; ok && !r.refuseMounts {
			r.note("mount %s from %s", d.Digest, other)
			r.blobs[d.Digest] = b
			return blob.Mounted
		}
	}
	if _, ok := r.blobs[d.Digest]; ok {
		return blob.Exists
	}
	return 0
}

func (g *registry) startUpload() (end func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.uploads++
	g.maxUploads = max(g.maxUploads, g.uploads)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.uploads--
	}
}

// PutManifest refuses a manifest if the repository lacks what it refers to, as registries do.
func (r *repo) PutManifest(_ context.Context, ref string, m manifest.Manifest) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	refs, err := m.References()
	if err != nil {
		return err
	}
	for _, d := range refs {
		_, isManifest := r.manifests[string(d.Digest)]
		_, isBlob := r.blobs[d.Digest]
		if !isManifest && !isBlob && d.Distributable() {
			return fmt.Errorf("%s: MANIFEST_BLOB_UNKNOWN %s", r, d.Digest)
		}
	}
	r.note("put %s", ref)
	r.manifests[ref] = m
	r.manifests[string(m.Digest)] = m
	return nil
}

func (r *repo) Referrers(_ context.Context, d blob.Digest, _ string) ([]manifest.Descriptor, error) {
	return r.referrers[d], r.listErr
}

func (r *repo) TagNames(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		r.mu.Lock()
		var tags []string
		for ref := range r.manifests {
			if blob.Digest(ref).Validate() != nil {
				tags = append(tags, ref)
			}
		}
		r.mu.Unlock()
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
	transfer.ReferrerLister
} = (*repo)(nil)

func (r *repo) addBlob(mediaType, content string) manifest.Descriptor {
	b := []byte(content)
	d := manifest.Descriptor{MediaType: mediaType, Digest: blob.FromBytes(b), Size: int64(len(b))}
	r.blobs[d.Digest] = b
	return d
}

// addImage adds an image for a platform, with layers of the given contents.
func (r *repo) addImage(t testing.TB, platform string, layers ...string) manifest.Descriptor {
	t.Helper()
	p := parsePlatform(t, platform)
	config := r.addBlob(manifest.MediaTypeOCIConfig, fmt.Sprintf(
		`{"architecture":%q,"os":%q,"variant":%q,"rootfs":{"type":"layers","diff_ids":[]}}`,
		p.Architecture, p.OS, p.Variant))
	im := manifest.Image{Config: &config}
	for _, content := range layers {
		im.Layers = append(im.Layers, r.addBlob(manifest.MediaTypeOCILayer, content))
	}
	d := r.addManifest(t, im)
	d.Platform = &p
	return d
}

// addManifest adds an OCI image manifest.
func (r *repo) addManifest(t testing.TB, im manifest.Image) manifest.Descriptor {
	t.Helper()
	if im.MediaType == "" {
		im.SchemaVersion, im.MediaType = 2, manifest.MediaTypeOCIManifest
	}
	raw, err := manifest.OCIStyle().EncodeImage(im)
	if err != nil {
		t.Fatal(err)
	}
	return r.addRaw(t, raw, "")
}

// addIndex adds an index, under a tag if that is not empty.
func (r *repo) addIndex(t testing.TB, tag string, entries ...manifest.Descriptor) manifest.Descriptor {
	t.Helper()
	ix := manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex, Manifests: entries}
	raw, err := manifest.OCIStyle().EncodeIndex(ix)
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
	r.manifests[string(m.Digest)] = m
	if tag != "" {
		r.manifests[tag] = m
	}
	return m.Descriptor
}

// addReferrer adds a manifest with a subject, and lists it as a referrer.
func (r *repo) addReferrer(t testing.TB, subject manifest.Descriptor, layer string) manifest.Descriptor {
	t.Helper()
	config := r.addBlob(manifest.MediaTypeOCIEmpty, "{}")
	d := r.addManifest(t, manifest.Image{
		Config:  &config,
		Layers:  []manifest.Descriptor{r.addBlob("text/plain", layer)},
		Subject: &manifest.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
	})
	if r.referrers == nil {
		r.referrers = map[blob.Digest][]manifest.Descriptor{}
	}
	r.referrers[subject.Digest] = append(r.referrers[subject.Digest], d)
	return d
}

// entries returns the entries of the index under a tag.
func (r *repo) entries(t testing.TB, tag string) []manifest.Descriptor {
	t.Helper()
	ix, err := r.manifests[tag].Index()
	if err != nil {
		t.Fatal(err)
	}
	return ix.Manifests
}

// threePlatforms returns src/repo with an index of three images, which share a layer, under tag t.
// They have 10 blobs.
func threePlatforms(t testing.TB) (*repo, manifest.Descriptor) {
	src := newRepo("src")
	return src, src.addIndex(t, "t",
		src.addImage(t, "linux/amd64", "shared", "a1", "a2"),
		src.addImage(t, "linux/arm/v7", "shared", "b1", "b2"),
		src.addImage(t, "linux/arm64", "shared", "c1", "c2"))
}

func parsePlatform(t testing.TB, s string) manifest.Platform {
	t.Helper()
	p, err := manifest.ParsePlatform(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// platforms returns an engine that keeps the given platforms.
func platforms(t testing.TB, list ...string) *transfer.Engine {
	t.Helper()
	e := &transfer.Engine{}
	for _, s := range list {
		e.Platforms = append(e.Platforms, parsePlatform(t, s))
	}
	return e
}

// copyImage copies tag t of src with a new engine.
func copyImage(t testing.TB, src transfer.Source, dst transfer.Target, as string) error {
	t.Helper()
	_, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, as)
	return err
}

// to returns each target as a destination under tag t.
func to(targets ...transfer.Target) []transfer.Destination {
	var out []transfer.Destination
	for _, target := range targets {
		out = append(out, transfer.Destination{Target: target, As: "t"})
	}
	return out
}

// copyAll copies tag t of src with a new engine.
func copyAll(t testing.TB, src transfer.Source, dst ...transfer.Destination) []error {
	t.Helper()
	_, errs, _ := new(transfer.Engine).CopyAll(t.Context(), src, "t", dst...)
	return errs
}
