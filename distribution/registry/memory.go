package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Memory is a Store that forgets everything when the process ends. The zero value is empty and ready for use.
type Memory struct {
	// Elsewhere opens a blob that can be had from elsewhere, at an offset in bytes. Where it is set Memory keeps of blobs only
	// their digests and sizes: what is put is hashed and dropped, so that blobs of any size need no room. It must not be
	// changed once the store is used.
	Elsewhere func(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error)

	mu           sync.RWMutex
	blobs        map[blob.Digest]memoryBlob // of all repositories
	repositories map[string]*memoryContent
}

type memoryBlob struct {
	bytes []byte // nil where they are elsewhere
	size  int64
}

type memoryContent struct {
	tags      map[string]blob.Digest
	manifests map[blob.Digest]memoryManifest
	blobs     map[blob.Digest]bool
}

type memoryManifest struct {
	manifest.Manifest
	subject blob.Digest // "" where it has none
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

// read gives use the repository's content, of which nothing may be changed or kept.
func (r memoryRepository) read(use func(*memoryContent) error) error {
	r.store.mu.RLock()
	defer r.store.mu.RUnlock()
	content := r.store.repositories[r.name]
	if content == nil {
		content = &memoryContent{}
	}
	return use(content)
}

// write gives use the repository's content to be changed.
func (r memoryRepository) write(use func(*memoryContent) error) error {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	if r.store.repositories == nil {
		r.store.blobs = map[blob.Digest]memoryBlob{}
		r.store.repositories = map[string]*memoryContent{}
	}
	content := r.store.repositories[r.name]
	if content == nil {
		content = &memoryContent{map[string]blob.Digest{}, map[blob.Digest]memoryManifest{}, map[blob.Digest]bool{}}
		r.store.repositories[r.name] = content
	}
	return use(content)
}

func (r memoryRepository) missing(what string, ref any) error {
	return fmt.Errorf("%s %v in repository %s: %w", what, ref, r.name, fs.ErrNotExist)
}

// Tags implements Repository.
func (r memoryRepository) Tags(context.Context) (tags []string, err error) {
	err = r.read(func(c *memoryContent) error {
		if len(c.manifests) == 0 {
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
	err = r.read(func(c *memoryContent) error {
		d, tagged := c.tags[ref]
		if !tagged {
			d = blob.Digest(ref)
		}
		kept, found := c.manifests[d]
		if !found {
			return r.missing("manifest", ref)
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
	return r.write(func(c *memoryContent) error {
		c.manifests[m.Digest] = kept
		if isTag {
			c.tags[ref] = m.Digest
		}
		return nil
	})
}

// Tag implements Repository.
func (r memoryRepository) Tag(_ context.Context, d blob.Digest, tags ...string) error {
	return r.write(func(c *memoryContent) error {
		if _, found := c.manifests[d]; !found {
			return r.missing("manifest", d)
		}
		for _, tag := range tags {
			c.tags[tag] = d
		}
		return nil
	})
}

// Untag implements Repository.
func (r memoryRepository) Untag(_ context.Context, tag string) error {
	return r.write(func(c *memoryContent) error {
		if _, found := c.tags[tag]; !found {
			return r.missing("tag", tag)
		}
		delete(c.tags, tag)
		return nil
	})
}

// DeleteManifest implements Repository.
func (r memoryRepository) DeleteManifest(_ context.Context, d blob.Digest) error {
	return r.write(func(c *memoryContent) error {
		if _, found := c.manifests[d]; !found {
			return r.missing("manifest", d)
		}
		delete(c.manifests, d)
		maps.DeleteFunc(c.tags, func(_ string, tagged blob.Digest) bool { return tagged == d })
		return nil
	})
}

// Referrers implements Repository.
func (r memoryRepository) Referrers(_ context.Context, subject blob.Digest, artifactType string) (out []manifest.Descriptor, err error) {
	err = r.read(func(c *memoryContent) error {
		for _, m := range c.manifests {
			if m.subject != subject {
				continue
			}
			d, err := m.Manifest.Referrer()
			if err != nil {
				return err
			}
			if artifactType == "" || d.ArtifactType == artifactType {
				out = append(out, d)
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b manifest.Descriptor) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	return out, err
}

// content returns a blob, whose bytes never change.
func (r memoryRepository) content(d blob.Digest) (b memoryBlob, err error) {
	err = r.read(func(c *memoryContent) error {
		if !c.blobs[d] {
			return r.missing("blob", d)
		}
		b = r.store.blobs[d]
		return nil
	})
	return b, err
}

// HeadBlob implements Repository.
func (r memoryRepository) HeadBlob(_ context.Context, d blob.Digest) (int64, error) {
	b, err := r.content(d)
	return b.size, err
}

// Blob implements Repository.
func (r memoryRepository) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	b, err := r.content(d.Digest)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > b.size {
		return nil, fmt.Errorf("blob %s has %d bytes, none at %d", d.Digest, b.size, offset)
	}
	if r.store.Elsewhere != nil {
		return r.store.Elsewhere(ctx, d, offset)
	}
	return io.NopCloser(bytes.NewReader(b.bytes[offset:])), nil
}

// Mount implements Repository.
func (r memoryRepository) Mount(_ context.Context, d blob.Digest, from string) error {
	return r.write(func(c *memoryContent) error {
		_, found := r.store.blobs[d]
		if source := r.store.repositories[from]; from != "" && (source == nil || !source.blobs[d]) {
			found = false
		}
		if !found {
			return r.missing("blob", d)
		}
		c.blobs[d] = true
		return nil
	})
}

// DeleteBlob implements Repository.
func (r memoryRepository) DeleteBlob(_ context.Context, d blob.Digest) error {
	return r.write(func(c *memoryContent) error {
		if !c.blobs[d] {
			return r.missing("blob", d)
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
