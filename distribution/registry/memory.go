package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Memory is a Store in memory. The zero value is empty and ready for use.
type Memory struct {
	// OpenBlob, if not nil, opens a blob at an offset in bytes. Memory then keeps only the digests
	// and sizes of blobs. It hashes and drops the bytes of uploads, so that blobs of any size need
	// no memory. Do not change it once the store is in use.
	OpenBlob func(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error)

	mu           sync.RWMutex
	blobs        map[blob.Digest]memoryBlob // of all repositories
	repositories map[string]*memoryContent
}

type memoryBlob struct {
	parts [][]byte // nil if OpenBlob is set
	size  int64
}

// reader reads the bytes from offset on, which is at most the size.
func (b memoryBlob) reader(offset int64) io.Reader {
	readers := make([]io.Reader, len(b.parts))
	for i, part := range b.parts {
		skip := min(offset, int64(len(part)))
		readers[i], offset = bytes.NewReader(part[skip:]), offset-skip
	}
	return io.MultiReader(readers...)
}

type memoryContent struct {
	tags        map[string]blob.Digest
	manifests   map[blob.Digest]memoryManifest
	blobs       map[blob.Digest]bool
	hadManifest bool // stays true when the last one is deleted
}

type memoryManifest struct {
	manifest.Manifest
	subject blob.Digest // empty without a subject
}

// Repositories implements Store.
func (m *Memory) Repositories(context.Context) ([]string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var names []string
	for name, content := range m.repositories {
		if len(content.manifests) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Repository implements Store.
func (m *Memory) Repository(name string) Repository { return memoryRepository{m, name} }

type memoryRepository struct {
	store *Memory
	name  string
}

// view calls fn with the repository's content. fn must not change it or keep a reference to it.
func (r memoryRepository) view(fn func(*memoryContent) error) error {
	r.store.mu.RLock()
	defer r.store.mu.RUnlock()
	content := r.store.repositories[r.name]
	if content == nil {
		content = &memoryContent{}
	}
	return fn(content)
}

// update calls fn with the repository's content, which fn may change.
func (r memoryRepository) update(fn func(*memoryContent) error) error {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	if r.store.repositories == nil {
		r.store.blobs = map[blob.Digest]memoryBlob{}
		r.store.repositories = map[string]*memoryContent{}
	}
	content := r.store.repositories[r.name]
	if content == nil {
		content = &memoryContent{
			tags:      map[string]blob.Digest{},
			manifests: map[blob.Digest]memoryManifest{},
			blobs:     map[blob.Digest]bool{},
		}
		r.store.repositories[r.name] = content
	}
	return fn(content)
}

func (r memoryRepository) notExist(what string, ref any) error {
	return fmt.Errorf("%s %v in repository %s: %w", what, ref, r.name, fs.ErrNotExist)
}

// Tags implements Repository.
func (r memoryRepository) Tags(context.Context) (tags []string, err error) {
	err = r.view(func(c *memoryContent) error {
		if !c.hadManifest {
			return fmt.Errorf("repository %s: %w", r.name, fs.ErrNotExist)
		}
		tags = slices.Sorted(maps.Keys(c.tags))
		return nil
	})
	return tags, err
}

// HeadManifest implements Repository.
func (r memoryRepository) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	m, err := r.Manifest(ctx, ref)
	return m.Descriptor, err
}

// Manifest implements Repository.
func (r memoryRepository) Manifest(_ context.Context, ref string) (m manifest.Manifest, err error) {
	err = r.view(func(c *memoryContent) error {
		d, tagged := c.tags[ref]
		if !tagged {
			d = blob.Digest(ref)
		}
		kept, found := c.manifests[d]
		if !found {
			return r.notExist("manifest", ref)
		}
		m = kept.Manifest
		return nil
	})
	return m, err
}

// PutManifest implements Repository.
func (r memoryRepository) PutManifest(_ context.Context, ref string, m manifest.Manifest) error {
	isTag := ref != string(m.Digest)
	if isTag && !reference.ValidTag(ref) {
		return fmt.Errorf("%q is neither a tag nor the manifest's digest %s", ref, m.Digest)
	}
	if err := blob.Verify(m.Raw, m.Digest, m.Size); err != nil {
		return err
	}
	kept := memoryManifest{Manifest: m}
	if subject, err := m.Subject(); err != nil {
		return err
	} else if subject != nil {
		kept.subject = subject.Digest
	}
	return r.update(func(c *memoryContent) error {
		c.manifests[m.Digest], c.hadManifest = kept, true
		if isTag {
			c.tags[ref] = m.Digest
		}
		return nil
	})
}

// Tag implements Repository.
func (r memoryRepository) Tag(_ context.Context, d blob.Digest, tags ...string) error {
	return r.update(func(c *memoryContent) error {
		if _, found := c.manifests[d]; !found {
			return r.notExist("manifest", d)
		}
		for _, tag := range tags {
			c.tags[tag] = d
		}
		return nil
	})
}

// DeleteTag implements Repository.
func (r memoryRepository) DeleteTag(_ context.Context, tag string) error {
	return r.update(func(c *memoryContent) error {
		if _, found := c.tags[tag]; !found {
			return r.notExist("tag", tag)
		}
		delete(c.tags, tag)
		return nil
	})
}

// DeleteManifest implements Repository.
func (r memoryRepository) DeleteManifest(_ context.Context, d blob.Digest) error {
	return r.update(func(c *memoryContent) error {
		if _, found := c.manifests[d]; !found {
			return r.notExist("manifest", d)
		}
		delete(c.manifests, d)
		maps.DeleteFunc(c.tags, func(_ string, tagged blob.Digest) bool { return tagged == d })
		return nil
	})
}

// Referrers implements Repository.
func (r memoryRepository) Referrers(
	_ context.Context, subject blob.Digest, artifactType string,
) (out []manifest.Descriptor, err error) {
	err = r.view(func(c *memoryContent) error {
		for _, m := range c.manifests {
			if m.subject != subject {
				continue
			}
			d, err := m.Manifest.ReferrerDescriptor()
			if err != nil {
				return err
			}
			if artifactType == "" || d.ArtifactType == artifactType {
				out = append(out, d)
			}
		}
		return nil
	})
	slices.SortFunc(out, compareDigests)
	return out, err
}

// blob returns a blob, whose bytes must not be changed.
func (r memoryRepository) blob(d blob.Digest) (b memoryBlob, err error) {
	err = r.view(func(c *memoryContent) error {
		if !c.blobs[d] {
			return r.notExist("blob", d)
		}
		b = r.store.blobs[d]
		return nil
	})
	return b, err
}

// HeadBlob implements Repository.
func (r memoryRepository) HeadBlob(_ context.Context, d blob.Digest) (int64, error) {
	b, err := r.blob(d)
	return b.size, err
}

// Blob implements Repository.
func (r memoryRepository) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	b, err := r.blob(d.Digest)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > b.size {
		return nil, fmt.Errorf("blob %s has %d bytes, none at %d", d.Digest, b.size, offset)
	}
	if r.store.OpenBlob != nil {
		return r.store.OpenBlob(ctx, d, offset)
	}
	return io.NopCloser(b.reader(offset)), nil
}

// Mount implements Repository.
func (r memoryRepository) Mount(_ context.Context, d blob.Digest, from string) error {
	return r.update(func(c *memoryContent) error {
		_, found := r.store.blobs[d]
		if source := r.store.repositories[from]; from != "" && (source == nil || !source.blobs[d]) {
			found = false
		}
		if !found {
			return r.notExist("blob", d)
		}
		c.blobs[d] = true
		return nil
	})
}

// DeleteBlob implements Repository.
func (r memoryRepository) DeleteBlob(_ context.Context, d blob.Digest) error {
	return r.update(func(c *memoryContent) error {
		if !c.blobs[d] {
			return r.notExist("blob", d)
		}
		if err := c.checkUnneeded(d); err != nil {
			return err
		}
		delete(c.blobs, d)
		for _, other := range r.store.repositories {
			if other.blobs[d] {
				return nil
			}
		}
		delete(r.store.blobs, d)
		return nil
	})
}

// checkUnneeded returns a *layout.NeededError if a manifest refers to a blob.
func (c *memoryContent) checkUnneeded(d blob.Digest) error {
	for _, m := range c.manifests {
		refs, err := m.References()
		if err != nil {
			return err
		}
		if slices.ContainsFunc(refs, func(ref manifest.Descriptor) bool { return ref.Digest == d }) {
			return &layout.NeededError{Blob: d, Manifest: m.Digest}
		}
	}
	return nil
}
