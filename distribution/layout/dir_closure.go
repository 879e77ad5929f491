package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// contentKey identifies a manifest or blob of a repository.
type contentKey struct {
	repository string
	digest     blob.Digest
}

// closure is everything that manifests lead to: what they refer to, directly or not, and the
// manifests that refer to them, such as signatures.
type closure struct {
	dir       *Dir
	lenient   bool // a damaged manifest leads to nothing; it is no error
	content   map[blob.Digest]bool
	manifests map[contentKey]bool
	blobs     map[contentKey]bool
	postorder []contentKey // the manifests, each after those it leads to
}

func newClosure(d *Dir, lenient bool) *closure {
	return &closure{d, lenient, map[blob.Digest]bool{}, map[contentKey]bool{}, map[contentKey]bool{}, nil}
}

// addRoots adds entries of index.json and everything that they lead to.
func (c *closure) addRoots(ctx context.Context, roots []Root) error {
	for _, r := range roots {
		if err := c.add(ctx, r.Repository, r.Descriptor); err != nil {
			return err
		}
	}
	return nil
}

// add adds a manifest of a repository and everything that it leads to. What is not there is
// skipped.
func (c *closure) add(ctx context.Context, repository string, d manifest.Descriptor) error {
	key := contentKey{repository, d.Digest}
	if c.manifests[key] || c.dir.Repository(repository).validate(d.Digest) != nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.manifests[key], c.content[d.Digest] = true, true
	refs, inIndex, err := c.references(d)
	if err != nil && !c.lenient {
		return fmt.Errorf("manifest %s of repository %s: %w", d.Digest, repository, err)
	}
	for _, ref := range refs {
		c.content[ref.Digest], c.blobs[contentKey{repository, ref.Digest}] = true, true
		if !inIndex || manifest.IsBlob(ref.MediaType) {
			continue
		}
		if err := c.add(ctx, repository, ref); err != nil {
			return err
		}
	}
	err = c.referrers(ctx, key)
	c.postorder = append(c.postorder, key)
	return err
}

// references returns what a manifest refers to, and whether as the entries of an index. A document
// of an unknown kind refers to nothing.
func (c *closure) references(d manifest.Descriptor) (refs []manifest.Descriptor, inIndex bool, err error) {
	raw, err := c.dir.files.readFile(blobName(d.Digest), manifest.MaxSize)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errTooLarge) && !manifest.IsManifest(d.MediaType) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if err := blob.Verify(raw, d.Digest, int64(len(raw))); err != nil {
		return nil, false, err
	}
	m, err := manifest.Parse(d.MediaType, raw)
	if err != nil && !manifest.IsManifest(d.MediaType) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	refs, err = m.References()
	return refs, manifest.IsIndex(m.MediaType), err
}

// referrers adds the manifests that have subject as their subject.
func (c *closure) referrers(ctx context.Context, subject contentKey) error {
	r := c.dir.Repository(subject.repository)
	referrers, err := r.referrersOf(subject.digest)
	if err != nil {
		return err
	}
	for _, referrer := range referrers {
		d, err := r.resolve(string(referrer))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := c.add(ctx, subject.repository, d); err != nil {
			return err
		}
	}
	return nil
}
