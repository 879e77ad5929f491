package layout

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Archive is a tar of images that is read without unpacking it: a bundle, an OCI image layout in a
// tar, or the output of `docker save`. Its methods may be called concurrently.
type Archive struct {
	volumes     *volumes
	members     *tarIndex
	blobs       map[blob.Digest]section
	synthesized map[blob.Digest]manifest.Manifest // manifests made for the entries of docker's manifest.json
	images      []Image
	inventory   *Inventory               // transship.json, nil if there is none
	deltas      map[blob.Digest]section  // by their own digests
	baseBlobs   map[blob.Digest]baseBlob // set by SetBase
	missing     Base                     // of the bundles that this one builds on the first that SetBase was not given
	namesake    string                   // a bundle with the file name of the missing one that is another, "" if none is

	repositories      func() *repositorySet
	namelessReferrers func() []referrerOf
}

// OpenArchive opens an archive by its path. For a split one that is FILE, or its first volume
// FILE.001. It reads only the headers and the small documents. An archive with both index.json and
// docker's manifest.json has the images of both: docker 25 and later list an image that is saved by
// its ID only in the latter. An image without a manifest in the archive, as all of a docker-archive,
// gets docker's schema 2 manifest over the layers as they are stored, the same each time. For that
// each layer is read that is compressed and not named after its digest.
//
// Errors are an *[ArchiveError] that says what is wrong with the archive, or those of the file
// system.
func OpenArchive(path string) (*Archive, error) {
	v, err := openVolumes(path)
	if err != nil {
		return nil, err
	}
	return newArchive(v, nil)
}

// newArchive opens an archive in files that are open, unless err says that they are not right. It
// closes them if it fails.
func newArchive(v *volumes, err error) (*Archive, error) {
	if err != nil {
		v.Close()
		return nil, err
	}
	a := &Archive{volumes: v, blobs: map[blob.Digest]section{}, deltas: map[blob.Digest]section{},
		synthesized: map[blob.Digest]manifest.Manifest{}}
	a.repositories = sync.OnceValue(a.groupImages)
	a.namelessReferrers = sync.OnceValue(a.readNamelessReferrers)
	if err := a.open(); err != nil {
		v.Close()
		return nil, err
	}
	return a, nil
}

// open reads the documents. An archive that is both an image layout and a docker-archive has the
// images of both.
func (a *Archive) open() (err error) {
	if a.members, err = scanTar(a.volumes); err != nil {
		return err
	}
	switch {
	case a.members.has(layoutFile):
		return a.openLayout()
	case a.members.has(dockerFile):
		return a.openDocker()
	}
	if a.members.isRootFS() {
		return a.members.rootFSError()
	}
	err = a.errorf("", ErrNotArchive, "it holds no images: there is neither %s nor %s in it", layoutFile, dockerFile)
	return cmp.Or(a.volumes.checkInventory(), err)
}

func (a *Archive) errorf(member string, kind error, format string, args ...any) error {
	return a.members.errorf(member, kind, format, args...)
}

// Name returns the file name of the archive, without its folder and without the number of a volume.
func (a *Archive) Name() string { return filepath.Base(a.volumes.path) }

// String returns the path of the archive, without the number of a volume.
func (a *Archive) String() string { return a.volumes.path }

// Images returns the entries of the archive, in its order.
func (a *Archive) Images() []Image { return slices.Clone(a.images) }

// Find returns the image that ref means: by its name, full or short; by its digest; by its ref.name
// in index.json; by a tag that only one image has; and with "" the only image. The error is a
// *[FindError].
func (a *Archive) Find(ref string) (Image, error) {
	im, err := findImage(a.images, ref)
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", a, err)
	}
	return im, nil
}

// Has reports whether the archive itself, not its base, has a manifest or blob.
func (a *Archive) Has(d blob.Digest) bool {
	_, found := a.blobs[d]
	_, made := a.synthesized[d]
	return found || made
}

// HasHere reports whether the archive has a manifest or blob, or its base does where SetBase has found
// it.
func (a *Archive) HasHere(d blob.Digest) bool {
	_, there := a.sizeOf(d)
	return there
}

// Manifest returns the manifest of the image that [Archive.Find] finds, or any manifest by its
// digest. A missing one is fs.ErrNotExist; bytes that do not match their digest are a
// *[blob.MismatchError], and other documents a *[manifest.DocumentError] and [ErrDamaged].
func (a *Archive) Manifest(_ context.Context, ref string) (manifest.Manifest, error) {
	if d := blob.Digest(ref); d.Validate() == nil {
		return a.manifest(manifest.Descriptor{Digest: d})
	}
	im, err := a.Find(ref)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return a.manifest(im.Descriptor)
}

// manifest returns a manifest. Of the descriptor only the digest and the media type are used.
func (a *Archive) manifest(d manifest.Descriptor) (manifest.Manifest, error) {
	if m, found := a.synthesized[d.Digest]; found {
		return m, nil
	}
	at, found := a.blobs[d.Digest]
	if !found {
		return manifest.Manifest{}, a.notFound("manifest", d.Digest)
	}
	if at.size > manifest.MaxSize {
		err := &manifest.DocumentError{Digest: d.Digest, Err: manifest.ErrTooLarge}
		return manifest.Manifest{}, fmt.Errorf("%s: %w", a, err)
	}
	raw := make([]byte, at.size)
	if _, err := a.volumes.ReadAt(raw, at.offset); err != nil {
		return manifest.Manifest{}, fmt.Errorf("%s: manifest %s: %w", a, d.Digest, err)
	}
	if err := blob.Verify(raw, d.Digest, at.size); err != nil {
		return manifest.Manifest{}, fmt.Errorf("%s: manifest %s: %w", a, d.Digest, err)
	}
	m, err := parseManifest(d, raw)
	if err != nil {
		return manifest.Manifest{}, fmt.Errorf("%s: %w", a, err)
	}
	return m, nil
}

// Blob opens a blob at an offset in bytes. Of the descriptor only the digest is used. The bytes are
// not verified; the reader has to do that. A missing blob is fs.ErrNotExist. If it is left to a base
// that [Archive.SetBase] was not given, the error is a *[MissingBaseError].
func (a *Archive) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	if m, made := a.synthesized[d.Digest]; made {
		return openSection(bytes.NewReader(m.Raw), d.Digest, m.Size, offset)
	}
	at, found := a.blobs[d.Digest]
	if l, elsewhere := a.baseBlobs[d.Digest]; !found && elsewhere {
		return a.openInBase(ctx, d, l, offset)
	}
	if !found {
		return nil, a.notFound("blob", d.Digest)
	}
	if _, hashed := a.volumes.hashed[at.offset]; hashed {
		return nil, a.errorf(blobName(d.Digest), errOnlyHashed, "%v", errOnlyHashed)
	}
	return openSection(io.NewSectionReader(a.volumes, at.offset, at.size), d.Digest, at.size, offset)
}

func openSection(r io.ReadSeeker, d blob.Digest, size, offset int64) (io.ReadCloser, error) {
	if offset < 0 || offset > size {
		return nil, fmt.Errorf("blob %s has %d bytes: offset %d is out of range", d, size, offset)
	}
	_, err := r.Seek(offset, io.SeekStart)
	return io.NopCloser(r), err
}

func (a *Archive) notFound(what string, d blob.Digest) error {
	if a.inBase(d) {
		_, isDelta := a.Delta(d)
		return &MissingBaseError{a.String(), a.missing, what, d, isDelta, a.namesake}
	}
	return fmt.Errorf("%s: %s %s: %w", a, what, d, fs.ErrNotExist)
}

// inBase reports whether the bundle leaves d to its base, or has only a delta of it.
func (a *Archive) inBase(d blob.Digest) bool {
	if a.inventory == nil || a.inventory.Base == nil {
		return false
	}
	c, listed := a.inventory.Find(d)
	return listed && c.needsBase()
}

// Inventory returns what the archive holds. For a bundle it is transship.json. For other archives
// it is made from their manifests, and lists only content that is there; a manifest that cannot be
// read is an error.
func (a *Archive) Inventory() (Inventory, error) {
	if a.inventory != nil {
		in := *a.inventory
		in.Images, in.Content = slices.Clone(in.Images), slices.Clone(in.Content)
		return in, nil
	}
	in := Inventory{File: a.Name(), Images: a.Images()}
	err := in.collect(a.manifest, a.Has)
	return in, err
}

// Close closes the files of the archive. Readers of its blobs fail from then on.
func (a *Archive) Close() error { return a.volumes.Close() }
