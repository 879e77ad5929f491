package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// member is content of a repository.
type contentKey struct {
	repository string
	digest     blob.Digest
}

// reach is what manifests lead to: all below them, and what refers to them.
type closure struct {
	dir       *Dir
	lenient   bool // a manifest that is damaged leads to nothing, and is no error
	content   map[blob.Digest]bool
	manifests map[contentKey]bool
	blobs     map[contentKey]bool
	postorder []contentKey // the manifests, each after those it leads to
}

func newClosure(d *Dir, lenient bool) *closure {
	return &closure{d, lenient, map[blob.Digest]bool{}, map[contentKey]bool{}, map[contentKey]bool{}, nil}
}

// add adds a manifest of a repository and what it leads to. What is not there is passed over.
func (w *closure) add(ctx context.Context, repository string, d manifest.Descriptor) error {
	at := contentKey{repository, d.Digest}
	if w.manifests[at] || w.dir.Repository(repository).validate(d.Digest) != nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.manifests[at], w.content[d.Digest] = true, true
	refs, err := w.references(d)
	if err != nil && !w.lenient {
		return fmt.Errorf("manifest %s of repository %s: %w", d.Digest, repository, err)
	}
	for _, ref := range refs {
		w.content[ref.Digest], w.blobs[contentKey{repository, ref.Digest}] = true, true
		if !manifest.IsManifest(ref.MediaType) {
			continue
		}
		if err := w.add(ctx, repository, ref); err != nil {
			return err
		}
	}
	err = w.referrers(ctx, at)
	w.postorder = append(w.postorder, at)
	return err
}

// references reads what a manifest needs. A document of an unknown kind needs nothing.
func (w *closure) references(d manifest.Descriptor) ([]manifest.Descriptor, error) {
	raw, err := readFile(w.dir.blobPath(d.Digest), manifest.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := blob.Verify(raw, d.Digest, int64(len(raw))); err != nil {
		return nil, err
	}
	m, err := manifest.Parse(d.MediaType, raw)
	if err != nil && !manifest.IsManifest(d.MediaType) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.References()
}

// referrers adds what has a manifest for its subject.
func (w *closure) referrers(ctx context.Context, subject contentKey) error {
	r := w.dir.Repository(subject.repository)
	links, err := r.linksIn(r.linkPath(referrerLinks, subject.digest))
	if err != nil {
		return err
	}
	for _, link := range links {
		d, err := r.resolve(string(referrerDigest(link)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := w.add(ctx, subject.repository, d); err != nil {
			return err
		}
	}
	return nil
}
