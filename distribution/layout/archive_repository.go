package layout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// ArchiveRepository is what an archive has under one name, for reading only. If something is not
// there, the error is fs.ErrNotExist. A malformed tag or digest is another error.
type ArchiveRepository struct {
	archive *Archive
	name    string
	tags    map[string]manifest.Descriptor // with an empty descriptor if a tag names two images
	roots   []manifest.Descriptor

	once      sync.Once // fills what follows
	content   map[blob.Digest]archiveContent
	referrers map[blob.Digest][]manifest.Descriptor // by subject
}

// archiveContent is a manifest or blob of a repository.
type archiveContent struct {
	manifest.Descriptor
	isManifest bool
}

// add adds an image. A tag that names two different images names none.
func (r *ArchiveRepository) add(tag string, d manifest.Descriptor) {
	r.roots = append(r.roots, d)
	if tag == "" {
		return
	}
	if other, taken := r.tags[tag]; taken && other.Digest != d.Digest {
		d = manifest.Descriptor{}
	}
	r.tags[tag] = d
}

// Name returns the name of the repository.
func (r *ArchiveRepository) Name() string { return r.name }

// String returns the path of the archive and the name of the repository.
func (r *ArchiveRepository) String() string { return r.archive.String() + ":" + r.name }

func (r *ArchiveRepository) notFound(what string, ref any) error {
	return fmt.Errorf("%s %v in repository %s of %s: %w", what, ref, r.name, r.archive, fs.ErrNotExist)
}

// Tags returns the tags, sorted. If the repository holds no manifest, the error is fs.ErrNotExist.
func (r *ArchiveRepository) Tags(context.Context) ([]string, error) {
	if len(r.roots) == 0 {
		return nil, fmt.Errorf("repository %s of %s: %w", r.name, r.archive, fs.ErrNotExist)
	}
	tags := slices.Sorted(maps.Keys(r.tags))
	return slices.DeleteFunc(tags, func(t string) bool { return r.tags[t].Digest == "" }), nil
}

// TagNames iterates over the tags of the repository, sorted.
func (r *ArchiveRepository) TagNames(ctx context.Context) iter.Seq2[string, error] {
	return tagNames(ctx, r.Tags)
}

// readManifests reads all manifests and fills content and referrers.
func (r *ArchiveRepository) readManifests() {
	r.content, r.referrers = map[blob.Digest]archiveContent{}, map[blob.Digest][]manifest.Descriptor{}
	for _, root := range r.roots {
		// A manifest that cannot be read is listed all the same: Manifest returns the reason.
		_ = walk(root, r.archive.manifest, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
			_, known := r.content[d.Digest]
			if _, there := r.archive.sizeOf(d.Digest); there && !known {
				r.content[d.Digest] = archiveContent{
					manifest.Descriptor{MediaType: cmp.Or(m.MediaType, d.MediaType), Digest: d.Digest, Size: d.Size},
					m.Raw != nil || err != nil,
				}
				r.addReferrer(m)
			}
			return nil
		})
	}
	for _, all := range r.referrers {
		slices.SortFunc(all, compareDigests)
	}
}

func compareDigests(a, b manifest.Descriptor) int { return cmp.Compare(a.Digest, b.Digest) }

// addReferrer adds a manifest that has a subject.
func (r *ArchiveRepository) addReferrer(m manifest.Manifest) {
	if m.Raw == nil {
		return
	}
	subject, err := subjectOf(m)
	if err != nil || subject == "" {
		return
	}
	if d, err := m.ReferrerDescriptor(); err == nil {
		r.referrers[subject] = append(r.referrers[subject], d)
	}
}

// lookup returns the descriptor of a manifest or blob. what is "manifest" or "blob".
func (r *ArchiveRepository) lookup(what string, d blob.Digest) (manifest.Descriptor, error) {
	if err := d.Validate(); err != nil {
		return manifest.Descriptor{}, err
	}
	r.once.Do(r.readManifests)
	found, known := r.content[d]
	if !known || found.isManifest != (what == "manifest") {
		return manifest.Descriptor{}, r.notFound(what, d)
	}
	return found.Descriptor, nil
}

// lookupManifest returns the descriptor of a manifest. The root of an image is one whatever its
// media type, and reading it says what is wrong with it.
func (r *ArchiveRepository) lookupManifest(d blob.Digest) (manifest.Descriptor, error) {
	i := slices.IndexFunc(r.roots, func(root manifest.Descriptor) bool { return root.Digest == d })
	if i < 0 {
		return r.lookup("manifest", d)
	}
	return manifest.Descriptor{MediaType: r.roots[i].MediaType, Digest: d, Size: r.roots[i].Size}, nil
}

// HeadManifest returns the media type, digest and size in bytes of the manifest with that tag or
// digest.
func (r *ArchiveRepository) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	if !reference.ValidTag(ref) {
		return r.lookupManifest(blob.Digest(ref))
	}
	d := r.tags[ref]
	if d.Digest == "" {
		return d, r.notFound("tag", ref)
	}
	return manifest.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}, nil
}

// Manifest returns the manifest with that tag or digest. If its bytes do not match the digest, the
// error is a *[blob.MismatchError].
func (r *ArchiveRepository) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	d, err := r.HeadManifest(ctx, ref)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return r.archive.manifest(d)
}

// Referrers returns descriptors of the repository's manifests that have that subject, sorted by
// digest, as [manifest.Manifest.ReferrerDescriptor] makes them (distribution-spec, "Listing
// Referrers", end-12a). If artifactType is not "", only manifests of that type are returned. The
// subject need not exist.
func (r *ArchiveRepository) Referrers(
	_ context.Context, subject blob.Digest, artifactType string,
) ([]manifest.Descriptor, error) {
	if err := subject.Validate(); err != nil {
		return nil, err
	}
	r.once.Do(r.readManifests)
	var out []manifest.Descriptor
	for _, d := range r.referrers[subject] {
		if artifactType == "" || d.ArtifactType == artifactType {
			out = append(out, d)
		}
	}
	return out, nil
}

// HeadBlob returns the size in bytes of a blob of the repository.
func (r *ArchiveRepository) HeadBlob(_ context.Context, d blob.Digest) (int64, error) {
	if _, err := r.lookup("blob", d); err != nil {
		return 0, err
	}
	size, _ := r.archive.sizeOf(d)
	return size, nil
}

// HasBlob reports whether the repository has a blob with that digest and size, or the bundle leaves
// it to its base.
func (r *ArchiveRepository) HasBlob(ctx context.Context, d manifest.Descriptor) (bool, error) {
	size, err := r.HeadBlob(ctx, d.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return r.archive.inBase(d.Digest), nil
	}
	return err == nil && size == d.Size, err
}

// HasContent reports whether the archive has a manifest or blob, in whichever repository, or leaves
// it to its base.
func (r *ArchiveRepository) HasContent(d blob.Digest) bool {
	_, there := r.archive.sizeOf(d)
	return there || r.archive.inBase(d)
}

// Blob opens a blob of the repository at an offset in bytes. Of the descriptor only the digest is
// used. The bytes are not verified; the reader has to do that.
func (r *ArchiveRepository) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	if _, err := r.lookup("blob", d.Digest); err != nil {
		return nil, err
	}
	return r.archive.Blob(ctx, d, offset)
}
