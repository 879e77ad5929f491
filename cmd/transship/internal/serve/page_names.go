package serve

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
)

// imageName is a tag of a repository, or the digest of an image in one without tags.
type imageName struct{ repository, ref string }

// String returns repository:tag or repository@digest.
func (n imageName) String() string {
	if reference.ValidTag(n.ref) {
		return n.repository + ":" + n.ref
	}
	return n.repository + "@" + n.ref
}

// parseImageName is the inverse of String. It takes any text.
func parseImageName(s string) imageName {
	if repository, digest, found := strings.Cut(s, "@"); found {
		return imageName{repository, digest}
	}
	repository, tag, _ := strings.Cut(s, ":")
	return imageName{repository, tag}
}

// names returns up to n images that come after last and have query in their names, in order, and
// whether there are more.
func (i *servedImages) names(ctx context.Context, last, query string, n int) (names []imageName, more bool, err error) {
	after := parseImageName(last)
	repositories, err := i.union.Repositories(ctx)
	if err != nil {
		return nil, false, err
	}
	start, _ := slices.BinarySearch(repositories, after.repository)
	for _, repository := range repositories[start:] {
		refs, err := i.refs(ctx, repository)
		if err != nil {
			return nil, false, err
		}
		for _, ref := range refs {
			name := imageName{repository, ref}
			if repository == after.repository && ref <= after.ref || !strings.Contains(name.String(), query) {
				continue
			}
			if len(names) == n {
				return names, true, nil
			}
			names = append(names, name)
		}
	}
	return names, false, nil
}

// refs returns the tags of a repository, or the digests of its images if it has no tag. One that no
// client can request has none.
func (i *servedImages) refs(ctx context.Context, repository string) ([]string, error) {
	if !reference.ValidPath(repository) {
		return nil, nil
	}
	tags, err := i.union.Repository(repository).Tags(ctx)
	if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		return nil, nil
	}
	if err != nil || len(tags) > 0 {
		return tags, err
	}
	return i.untagged(repository)
}

// untagged returns the digests of a repository's images that have no tag, sorted.
func (i *servedImages) untagged(repository string) ([]string, error) {
	var digests []string
	add := func(name, tag string, d blob.Digest) {
		long, err := reference.ParseRepository(name)
		if tag == "" && (name == repository || err == nil && long.Path == repository) {
			digests = append(digests, string(d))
		}
	}
	for _, archive := range i.archives {
		for _, im := range archive.Images() {
			name, tag := archive.Unnamed().Name(), im.Tag()
			if ref, err := reference.Parse(im.Name); err == nil {
				name, tag = ref.Name(), ref.Tag
			}
			add(name, tag, im.Digest)
		}
	}
	for _, dir := range i.dirs {
		roots, err := dir.Roots()
		if err != nil {
			return nil, err
		}
		for _, root := range roots {
			add(root.Repository, root.Tag, root.Digest)
		}
	}
	slices.Sort(digests)
	return slices.Compact(digests), nil
}

// storedFile is a place where manifests are.
type storedFile struct {
	blobs layout.BlobStore
	file  func(d blob.Digest) string // the file that a manifest is in
}

// inArchive is a storedFile of an archive, whose manifests came with it.
func inArchive(a *layout.Archive) storedFile {
	path := a.String()
	if _, err := os.Stat(path); err != nil {
		path += ".001" // the first volume
	}
	return storedFile{a, func(blob.Digest) string { return path }}
}

// inFolder is a storedFile of an image layout (image-spec, "OCI Image Layout", "Blobs").
func inFolder(path string, dir *layout.Dir) storedFile {
	return storedFile{dir, func(d blob.Digest) string {
		return filepath.Join(path, "blobs", string(d.Algorithm()), d.Hex())
	}}
}

// arrived returns when the file came that has a manifest, by the time of its last change. It is the
// zero time if that is unknown.
func (i *servedImages) arrived(d blob.Digest) (first time.Time) {
	for _, place := range i.places {
		if _, err := place.blobs.BlobSize(d); err != nil {
			continue
		}
		if info, err := os.Lstat(place.file(d)); err == nil && (first.IsZero() || info.ModTime().Before(first)) {
			first = info.ModTime()
		}
	}
	return first
}
