package store

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// An image's id is the digest of its manifest or index, as it is with docker's containerd image store. The digest of a
// config, the id of docker's older store, is understood too, and so is any prefix of either that is unique.

// imageID is what may be an id or its prefix.
var imageID = regexp.MustCompile(`^(?:sha256:)?[0-9a-f]{1,64}$`)

// noImageError says that the store has no such image. It is fs.ErrNotExist.
type noImageError struct{ arg string }

// Error is docker's text.
func (e *noImageError) Error() string { return "no such image in the local store: " + e.arg }

// Unwrap returns fs.ErrNotExist.
func (*noImageError) Unwrap() error { return fs.ErrNotExist }

// Hint implements [hinted].
func (*noImageError) Hint() string {
	return "transship images lists what there is; transship pull REF brings an image there"
}

// imageFound is an entry of the store that an argument means; part is set where it means an image that has no entry
// of its own, since it is part of an index. Then root is that of the index.
type imageFound struct {
	root layout.Root
	part *manifest.Descriptor
}

// descriptor is that of the image itself.
func (f imageFound) descriptor() manifest.Descriptor {
	if f.part != nil {
		return *f.part
	}
	return f.root.Descriptor
}

// findImages returns what an argument means: a reference, or an id. There is at least one; several are entries of the
// same image.
func findImages(ctx context.Context, dir *layout.Dir, arg string) ([]imageFound, error) {
	roots, err := dir.Roots()
	if err != nil {
		return nil, err
	}
	ref, notReference := reference.Parse(arg)
	if notReference == nil {
		if found := named(ctx, dir, roots, ref); len(found) > 0 {
			return found, nil
		}
	}
	if imageID.MatchString(arg) {
		return identified(ctx, dir, roots, arg)
	}
	if notReference != nil {
		return nil, notReference
	}
	return nil, &noImageError{arg}
}

// named returns the entries that a reference means.
func named(ctx context.Context, dir *layout.Dir, roots []layout.Root, ref reference.Reference) []imageFound {
	var found []imageFound
	for _, r := range roots {
		if r.Repository == ref.Name() && (ref.Digest != "" && r.Digest == ref.Digest || ref.Digest == "" && r.Tag == ref.Tag) {
			found = append(found, imageFound{root: r})
		}
	}
	if len(found) > 0 || ref.Digest == "" {
		return found
	}
	d, err := dir.Repository(ref.Name()).HeadManifest(ctx, string(ref.Digest))
	if err != nil {
		return nil
	}
	return []imageFound{{root: layout.Root{Repository: ref.Name()}, part: &d}}
}

// identified returns the entries of the image with an id. Where there is none it looks for one that is part of an index.
func identified(ctx context.Context, dir *layout.Dir, roots []layout.Root, id string) ([]imageFound, error) {
	s := &idSearch{dir: dir, prefix: "sha256:" + strings.TrimPrefix(id, "sha256:"), match: map[blob.Digest][]imageFound{}}
	for _, r := range roots {
		if err := s.look(ctx, imageFound{root: r}); err != nil {
			return nil, err
		}
	}
	switch len(s.digests) {
	case 0:
		return nil, &noImageError{id}
	case 1:
		return s.match[s.digests[0]], nil
	}
	return nil, s.ambiguous(id)
}

// idSearch looks for the images whose id begins with a prefix.
type idSearch struct {
	dir     *layout.Dir
	prefix  string
	digests []blob.Digest // of those found, in the store's order
	match   map[blob.Digest][]imageFound
}

// look looks at an image, and at those below it.
func (s *idSearch) look(ctx context.Context, at imageFound) error {
	d := at.descriptor()
	refs, err := references(ctx, s.dir.Repository(at.root.Repository), d)
	if err != nil {
		return err
	}
	index := manifest.IsIndex(d.MediaType)
	config := !index && len(refs) > 0 && s.is(refs[0].Digest)
	if s.is(d.Digest) || config {
		s.add(d.Digest, at)
	}
	if !index {
		return nil
	}
	for _, ref := range refs {
		if err := s.look(ctx, imageFound{root: at.root, part: &ref}); err != nil {
			return err
		}
	}
	return nil
}

func (s *idSearch) is(d blob.Digest) bool { return strings.HasPrefix(string(d), s.prefix) }

// add notes an image. One that has an entry of its own is no part of an index.
func (s *idSearch) add(d blob.Digest, at imageFound) {
	have, known := s.match[d]
	switch {
	case !known:
		s.digests = append(s.digests, d)
		s.match[d] = []imageFound{at}
	case at.part == nil && have[0].part != nil:
		s.match[d] = []imageFound{at}
	case at.part == nil:
		s.match[d] = append(have, at)
	}
}

// ambiguous names the images that an id may mean, the first of them if they are many.
func (s *idSearch) ambiguous(id string) error {
	const most = 4
	var names []string
	for _, d := range s.digests[:min(most, len(s.digests))] {
		names = append(names, fmt.Sprintf("%s (%s)", d.Short(), s.match[d][0].root.Repository))
	}
	if more := len(s.digests) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return &cli.UsageError{
		Message: fmt.Sprintf("id %s may be any of %s", id, strings.Join(names, ", ")),
		Advice:  "give more digits of it; transship images --no-trunc shows them all",
	}
}

// references returns what a manifest of the store needs; of one that is not there, nothing.
func references(ctx context.Context, repo *layout.Repository, d manifest.Descriptor) ([]manifest.Descriptor, error) {
	m, err := repo.Manifest(ctx, string(d.Digest))
	if run.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.References()
}
