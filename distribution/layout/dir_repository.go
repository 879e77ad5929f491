package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Repository is one repository of a [Dir]: tags, manifests and blobs under one name. If something
// is not there, the error is fs.ErrNotExist. A malformed name, tag or digest is another error.
type Repository struct {
	dir  *Dir
	name string
}

// Name returns the name of the repository.
func (r *Repository) Name() string { return r.name }

// validate returns an error for names and digests that must not become paths.
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

// HeadManifest returns the media type, digest and size in bytes of the manifest with that tag or
// digest.
func (r *Repository) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	d, err := r.resolve(ref)
	if err != nil {
		return d, err
	}
	info, err := r.dir.files.stat(blobName(d.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return d, r.notFound("manifest", ref)
	}
	if err != nil {
		return d, err
	}
	d.Size = info.Size()
	return d, nil
}

// resolve returns the digest and media type of the manifest with that tag or digest.
func (r *Repository) resolve(ref string) (manifest.Descriptor, error) {
	if reference.ValidTag(ref) {
		return r.resolveTag(ref)
	}
	d := manifest.Descriptor{Digest: blob.Digest(ref)}
	if err := r.validate(d.Digest); err != nil {
		return d, err
	}
	mediaType, err := r.readLink(r.linkName(manifestLinks, d.Digest))
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

// Manifest returns the manifest with that tag or digest. If its bytes do not match the digest, the
// error is a *[blob.MismatchError]; if they are no manifest, such as what other tools have left in
// the folder, it is a *[manifest.DocumentError] and [ErrDamaged]. The bytes are returned in any case.
func (r *Repository) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	d, err := r.HeadManifest(ctx, ref)
	if err != nil {
		return manifest.Manifest{}, err
	}
	raw, err := r.dir.files.readFile(blobName(d.Digest), manifest.MaxSize)
	if errors.Is(err, errTooLarge) {
		err = fmt.Errorf("%s: %w", r, &manifest.DocumentError{Digest: d.Digest, Err: manifest.ErrTooLarge})
	}
	if err != nil {
		return manifest.Manifest{}, err
	}
	m := manifest.Manifest{Descriptor: d, Raw: raw}
	if err := blob.Verify(raw, d.Digest, d.Size); err != nil {
		return m, err
	}
	parsed, err := parseManifest(d, raw)
	if err != nil {
		return m, fmt.Errorf("%s: %w", r, err)
	}
	return parsed, nil
}

// parseManifest parses a manifest whose bytes match their digest. Of the descriptor only the digest
// and the media type are used. The error is a *[manifest.DocumentError] and [ErrDamaged]: an image
// layout, unlike a registry, has no documents but those of the specification.
func parseManifest(d manifest.Descriptor, raw []byte) (manifest.Manifest, error) {
	m, err := manifest.Parse(d.MediaType, raw)
	m.Digest = d.Digest // Parse computes sha256
	return m, asDamaged(err)
}

// PutManifest stores a manifest. ref is its digest, or a tag that will point to it. What the
// manifest refers to need not be there.
func (r *Repository) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	var tags []string
	if ref != string(m.Digest) {
		if !reference.ValidTag(ref) {
			return fmt.Errorf("%q is neither a tag nor the manifest's digest %s", ref, m.Digest)
		}
		tags = []string{ref}
	}
	children, err := childDigests(m)
	if err != nil {
		return err
	}
	release, err := r.dir.Hold()
	if err != nil {
		return err
	}
	defer release()
	if err := r.PutUnlisted(ctx, m); err != nil {
		return err
	}
	put := putEntries(r.name, m.Descriptor, tags, children)
	return r.dir.update(func(in []*entry) ([]*entry, error) {
		err := r.hasLink(r.linkName(manifestLinks, m.Digest))
		if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
			err = r.storeManifest(m)
		}
		if err != nil {
			return nil, err
		}
		return put(in)
	})
}

// PutUnlisted stores a manifest as [Repository.PutManifest] does, but adds no entry to index.json.
// It is for manifests of an index that comes later, and for those that [Repository.Tag] adds later.
// Until then nothing leads to the manifest, and [Dir.Prune] removes it.
func (r *Repository) PutUnlisted(_ context.Context, m manifest.Manifest) error {
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

// storeManifest writes the bytes before the links, so that a manifest that can be seen is complete.
func (r *Repository) storeManifest(m manifest.Manifest) error {
	subject, err := subjectOf(m)
	if err != nil {
		return err
	}
	if err := r.dir.writeFile(blobName(m.Digest), m.Raw); err != nil {
		return err
	}
	if subject != "" {
		if err := r.dir.writeEmptyLink(r.referrerName(subject, m.Digest)); err != nil {
			return err
		}
	}
	if err := r.dir.writeLink(r.linkName(manifestLinks, m.Digest), m.MediaType); err != nil {
		return err
	}
	r.settle(m)
	return nil
}

// childDigests returns the digests in an index. It is nil for any other manifest.
func childDigests(m manifest.Manifest) (map[blob.Digest]bool, error) {
	if !manifest.IsIndex(m.MediaType) {
		return nil, nil
	}
	refs, err := m.References()
	digests := make(map[blob.Digest]bool, len(refs))
	for _, d := range refs {
		digests[d.Digest] = true
	}
	return digests, err
}

// DeleteManifest removes a manifest and all its tags from the repository, even if its bytes do not
// match its digest any more, or are no manifest.
func (r *Repository) DeleteManifest(ctx context.Context, d blob.Digest) error {
	m, err := r.Manifest(ctx, string(d))
	if err != nil && m.Raw == nil {
		return err
	}
	if err := r.dir.update(removeManifest(r.name, d)); err != nil {
		return err
	}
	return r.dir.update(func(in []*entry) ([]*entry, error) { return in, r.removeManifestLinks(m, d, in) })
}

// removeManifestLinks removes the links of a manifest, unless it has an entry: then it was put anew since it was
// deleted. Both are decided under the lock of index.json, so that no entry is without its links.
func (r *Repository) removeManifestLinks(m manifest.Manifest, d blob.Digest, entries []*entry) error {
	if slices.ContainsFunc(entries, func(e *entry) bool { return e.repository == r.name && e.Digest == d }) {
		return nil
	}
	if subject, err := subjectOf(m); err == nil && subject != "" {
		_ = r.dir.files.remove(r.referrerName(subject, d)) // left over it is skipped
	}
	return r.dir.removeLink(r.linkName(manifestLinks, d))
}

// HasContent reports whether the folder has a manifest or blob, in whichever repository.
func (r *Repository) HasContent(d blob.Digest) bool {
	_, err := r.dir.BlobSize(d)
	return err == nil
}

// Tags returns the tags, sorted. If the repository has never held a manifest, the error is
// fs.ErrNotExist.
func (r *Repository) Tags(context.Context) ([]string, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	ix, err := r.dir.index()
	if err != nil {
		return nil, err
	}
	tags, hasEntries := ix.tags[r.name]
	if !hasEntries && !r.dir.files.hasEntries(r.linkDir(manifestLinks)) {
		return nil, fmt.Errorf("repository %s: %w", r.name, fs.ErrNotExist)
	}
	return slices.Sorted(maps.Keys(tags)), nil
}

// Tag adds tags to a manifest of the repository, and takes them from the manifests that had them.
// Without tags it adds an untagged entry to index.json if the manifest has no entry there.
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
	put := putEntries(r.name, m, tags, nil)
	return r.dir.update(func(in []*entry) ([]*entry, error) {
		if err := r.hasLink(r.linkName(manifestLinks, d)); err != nil {
			return nil, err // deleted meanwhile
		}
		return put(in)
	})
}

// DeleteTag removes a tag. The manifest stays.
func (r *Repository) DeleteTag(_ context.Context, tag string) error {
	if !reference.ValidTag(tag) {
		return fmt.Errorf("%q is no tag", tag)
	}
	return r.dir.update(removeTag(r.name, tag))
}

// String returns the path of the folder and the name of the repository.
func (r *Repository) String() string { return r.dir.path + ":" + r.name }

// Place returns the [Place] of the folder and the name of the repository. Repositories with the same
// place share blobs.
func (r *Repository) Place() (registry, name string) { return r.dir.place(), r.name }

// TagNames iterates over the tags of the repository, sorted.
func (r *Repository) TagNames(ctx context.Context) iter.Seq2[string, error] {
	return tagNames(ctx, r.Tags)
}

// tagNames makes an iterator of a method Tags.
func tagNames(ctx context.Context, list func(context.Context) ([]string, error)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		tags, err := list(ctx)
		if err != nil {
			yield("", err)
			return
		}
		for _, tag := range tags {
			if !yield(tag, nil) {
				return
			}
		}
	}
}
