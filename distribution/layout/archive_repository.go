package layout

import (
	"cmp"
	"context"
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
	isManifest, isBlob bool // the digest of a manifest may be that of a blob of another image
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

// MakesBlob returns a function that reports whether a blob is made when it is read, of a delta; nil if none is.
func (r *ArchiveRepository) MakesBlob() func(blob.Digest) bool {
	if len(r.archive.baseBlobs) == 0 && !r.archive.HasDeltas() {
		return nil
	}
	return r.archive.makesBlob
}

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
		r.addContent(root)
	}
	if r.name != fallbackName(r.archive.volumes.path) {
		adoptReferrers(r.archive.namelessReferrers(), func(d blob.Digest) bool { return r.content[d].isManifest }, r.addContent)
	}
	for _, all := range r.referrers {
		slices.SortFunc(all, compareDigests)
	}
}

// addContent adds a manifest and all that it refers to, directly or not. A manifest that cannot be
// read is listed all the same: Manifest returns the reason.
func (r *ArchiveRepository) addContent(root manifest.Descriptor) {
	_ = walk(root, r.archive.manifest, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
		if _, there := r.archive.sizeOf(d.Digest); there && (m.Raw != nil || err != nil) {
			r.addManifest(d, m)
		} else if there {
			r.addBlob(d)
		}
		return nil
	})
}

// addManifest adds a manifest. m is empty for one that cannot be read.
func (r *ArchiveRepository) addManifest(d manifest.Descriptor, m manifest.Manifest) {
	c := r.content[d.Digest]
	if c.isManifest {
		return
	}
	c.Descriptor = manifest.Descriptor{MediaType: cmp.Or(m.MediaType, d.MediaType), Digest: d.Digest, Size: d.Size}
	c.isManifest = true
	r.content[d.Digest] = c
	r.addReferrer(m)
}

func (r *ArchiveRepository) addBlob(d manifest.Descriptor) {
	c := r.content[d.Digest]
	if !c.isManifest {
		c.Descriptor = manifest.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	}
	c.isBlob = true
	r.content[d.Digest] = c
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

// lookup returns what the repository has under a digest.
func (r *ArchiveRepository) lookup(d blob.Digest) (archiveContent, error) {
	if err := d.Validate(); err != nil {
		return archiveContent{}, err
	}
	r.once.Do(r.readManifests)
	return r.content[d], nil
}

// HeadManifest returns the media type, digest and size in bytes of the manifest with that tag or
// digest.
func (r *ArchiveRepository) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	if !reference.ValidTag(ref) {
		found, err := r.lookup(blob.Digest(ref))
		if err == nil && !found.isManifest {
			err = r.notFound("manifest", ref)
		}
		return found.Descriptor, err
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

// checkBlob returns an error if the repository has no such blob.
func (r *ArchiveRepository) checkBlob(d blob.Digest) error {
	found, err := r.lookup(d)
	if err == nil && !found.isBlob {
		err = r.notFound("blob", d)
	}
	return err
}

// HeadBlob returns the size in bytes of a blob of the repository.
func (r *ArchiveRepository) HeadBlob(_ context.Context, d blob.Digest) (int64, error) {
	if err := r.checkBlob(d); err != nil {
		return 0, err
	}
	size, _ := r.archive.sizeOf(d)
	return size, nil
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
	err := r.checkBlob(d.Digest)
	if err != nil && r.archive.inBase(d.Digest) {
		return nil, r.archive.notFound("blob", d.Digest)
	}
	if err != nil {
		return nil, err
	}
	return r.archive.Blob(ctx, d, offset)
}
