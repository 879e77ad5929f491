package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Repository is one repository of a layout: tags, manifests and blobs under one name. What is not there gives an error
// that is fs.ErrNotExist; a name, tag or digest that is malformed gives one that is not.
type Repository struct {
	dir  *Dir
	name string
}

// Name returns the repository's name.
func (r *Repository) Name() string { return r.name }

// link returns the path of a link that says that the repository has something.
func (r *Repository) linkPath(kind string, d blob.Digest) string {
	return r.dir.privatePath("repositories", repositoryPath(r.name), kind, string(d.Algorithm()), d.Hex())
}

// check refuses names and digests that must not become paths.
func (r *Repository) validate(digests ...blob.Digest) error {
	for _, d := range digests {
		if err := d.Validate(); err != nil {
			return err
		}
	}
	return checkRepositoryName(r.name)
}

func (r *Repository) notFound(what string, ref any) error {
	return fmt.Errorf("%s %v in repository %s: %w", what, ref, r.name, fs.ErrNotExist)
}

// HeadManifest returns media type, digest and size of the manifest with that tag or digest.
func (r *Repository) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	d, err := r.resolve(ref)
	if err != nil {
		return d, err
	}
	info, err := os.Stat(r.dir.blobPath(d.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return d, r.notFound("manifest", ref)
	}
	if err != nil {
		return d, err
	}
	d.Size = info.Size()
	return d, nil
}

// resolve finds the digest and media type of a tag or digest.
func (r *Repository) resolve(ref string) (manifest.Descriptor, error) {
	if reference.ValidTag(ref) {
		return r.resolveTag(ref)
	}
	d := manifest.Descriptor{Digest: blob.Digest(ref)}
	if err := r.validate(d.Digest); err != nil {
		return d, err
	}
	mediaType, err := r.readLink(r.linkPath(manifestLinks, d.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return d, r.notFound("manifest", ref)
	}
	d.MediaType = mediaType
	return d, err
}

func (r *Repository) resolveTag(tag string) (manifest.Descriptor, error) {
	ix, err := r.dir.index()
	if err != nil {
		return manifest.Descriptor{}, err
	}
	e := ix.tags[r.name][tag]
	if e == nil {
		return manifest.Descriptor{}, r.notFound("tag", tag)
	}
	return manifest.Descriptor{MediaType: e.MediaType, Digest: e.Digest}, nil
}

// Manifest returns the manifest with that tag or digest. Bytes that do not match the digest any more are a
// *[blob.MismatchError].
func (r *Repository) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	d, err := r.HeadManifest(ctx, ref)
	if err != nil {
		return manifest.Manifest{}, err
	}
	raw, err := readFile(r.dir.blobPath(d.Digest), manifest.MaxSize)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return manifest.Manifest{Descriptor: d, Raw: raw}, blob.Verify(raw, d.Digest, d.Size)
}

// PutManifest stores a manifest and, where ref is a tag, puts the tag on it. Otherwise ref must be the manifest's
// digest. What the manifest refers to need not be there.
func (r *Repository) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	var tags []string
	if ref != string(m.Digest) {
		if !reference.ValidTag(ref) {
			return fmt.Errorf("%q is neither a tag nor the manifest's digest %s", ref, m.Digest)
		}
		tags = []string{ref}
	}
	below, err := childDigests(m)
	if err != nil {
		return err
	}
	release, err := r.dir.Hold()
	if err != nil {
		return err
	}
	defer release()
	if err := r.PutPart(ctx, m); err != nil {
		return err
	}
	return r.dir.update(putEntries(r.name, m.Descriptor, tags, below))
}

// PutPart stores a manifest as PutManifest does, but without an entry in index.json: as part of an index that is still to
// come, or of what [Repository.Tag] makes an image. Until then nothing leads to it, and [Dir.Prune] removes it.
func (r *Repository) PutPart(_ context.Context, m manifest.Manifest) error {
	if err := r.validate(m.Digest); err != nil {
		return err
	}
	if err := blob.Verify(m.Raw, m.Digest, m.Size); err != nil {
		return err
	}
	release, err := r.dir.Hold()
	if err != nil {
		return err
	}
	defer release()
	return r.storeManifest(m)
}

// storeManifest writes the bytes, then the links: whoever sees the manifest finds it whole.
func (r *Repository) storeManifest(m manifest.Manifest) error {
	subject, err := subjectOf(m)
	if err != nil {
		return err
	}
	if err := r.dir.writeFile(r.dir.blobPath(m.Digest), m.Raw); err != nil {
		return err
	}
	if subject != "" {
		if err := r.dir.writeFile(r.referrerPath(subject, m.Digest), nil); err != nil {
			return err
		}
	}
	return r.dir.writeFile(r.linkPath(manifestLinks, m.Digest), []byte(m.MediaType))
}

// manifestsBelow returns the digests of an index's entries.
func childDigests(m manifest.Manifest) (map[blob.Digest]bool, error) {
	if !manifest.IsIndex(m.MediaType) {
		return nil, nil
	}
	refs, err := m.References()
	below := make(map[blob.Digest]bool, len(refs))
	for _, d := range refs {
		below[d.Digest] = true
	}
	return below, err
}

// DeleteManifest takes a manifest and all its tags out of the repository.
func (r *Repository) DeleteManifest(ctx context.Context, d blob.Digest) error {
	m, err := r.Manifest(ctx, string(d))
	if err != nil {
		var mismatch *blob.MismatchError
		if !errors.As(err, &mismatch) {
			return err
		}
	}
	if err := r.dir.update(removeManifest(r.name, d)); err != nil {
		return err
	}
	if subject, err := subjectOf(m); err == nil && subject != "" {
		os.Remove(r.referrerPath(subject, d))
	}
	return removeLink(r.linkPath(manifestLinks, d))
}

// Tags returns the tags, sorted. A repository that holds no manifest is fs.ErrNotExist.
func (r *Repository) Tags(context.Context) ([]string, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	ix, err := r.dir.index()
	if err != nil {
		return nil, err
	}
	tags, hasEntries := ix.tags[r.name]
	if !hasEntries && !hasLinks(r.dir.privatePath("repositories", repositoryPath(r.name), manifestLinks)) {
		return nil, fmt.Errorf("repository %s: %w", r.name, fs.ErrNotExist)
	}
	return slices.Sorted(maps.Keys(tags)), nil
}

// Tag puts tags on a manifest that the repository has, taking them from those they were on. With no tag it makes the
// manifest an image of its own, one that index.json has an entry for, if it was only a part of an index before.
func (r *Repository) Tag(ctx context.Context, d blob.Digest, tags ...string) error {
	for _, t := range tags {
		if !reference.ValidTag(t) {
			return fmt.Errorf("%q is no tag", t)
		}
	}
	release, err := r.dir.Hold()
	if err != nil {
		return err
	}
	defer release()
	m, err := r.HeadManifest(ctx, string(d))
	if err != nil {
		return err
	}
	return r.dir.update(putEntries(r.name, m, tags, nil))
}

// Untag removes a tag; the manifest stays.
func (r *Repository) Untag(_ context.Context, tag string) error {
	if !reference.ValidTag(tag) {
		return fmt.Errorf("%q is no tag", tag)
	}
	return r.dir.update(removeTag(r.name, tag))
}
