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

// An image's id is the digest of its manifest or index, as in docker's containerd image store. The
// digest of its config, the id in docker's older store, is accepted too, and so is a unique prefix
// of either.

// imageID matches ids and their prefixes.
var imageID = regexp.MustCompile(`^(?:sha256:)?[0-9a-f]{1,64}$`)

// noImageError says that the store has no such image. It is fs.ErrNotExist.
type noImageError struct{ arg string }

// Error is docker's text with the argument.
func (e *noImageError) Error() string { return "no such image in the local store: " + e.arg }

// Unwrap returns fs.ErrNotExist.
func (*noImageError) Unwrap() error { return fs.ErrNotExist }

// Hint names the commands that list and pull images.
func (*noImageError) Hint() string {
	return "transship images lists the images; transship pull REF pulls one"
}

// foundImage is an image of the store: an entry of its own, or a child of an index.
type foundImage struct {
	root  layout.Root          // the entry of the image, or of the index
	child *manifest.Descriptor // nil if the image has an entry of its own
}

// descriptor returns the descriptor of the image itself.
func (f foundImage) descriptor() manifest.Descriptor {
	if f.child != nil {
		return *f.child
	}
	return f.root.Descriptor
}

// findImages returns the images that an argument names by reference or id, at least one. Several
// are entries of the same image.
func findImages(ctx context.Context, dir *layout.Dir, arg string) ([]foundImage, error) {
	roots, err := dir.Roots()
	if err != nil {
		return nil, err
	}
	ref, badReference := reference.Parse(arg)
	if badReference == nil {
		if found := findByReference(ctx, dir, roots, ref); len(found) > 0 {
			return found, nil
		}
	}
	if imageID.MatchString(arg) {
		return findByID(ctx, dir, roots, arg)
	}
	if badReference != nil {
		return nil, badReference
	}
	return nil, &noImageError{arg}
}

// findByReference returns the entries of a reference, or else the child of an index that it names
// by digest.
func findByReference(ctx context.Context, dir *layout.Dir, roots []layout.Root, ref reference.Reference) []foundImage {
	matches := func(r layout.Root) bool {
		if ref.Digest != "" {
			return r.Digest == ref.Digest
		}
		return r.Tag == ref.Tag
	}
	var found []foundImage
	for _, r := range roots {
		if r.Repository == ref.Name() && matches(r) {
			found = append(found, foundImage{root: r})
		}
	}
	if len(found) > 0 || ref.Digest == "" {
		return found
	}
	d, err := dir.Repository(ref.Name()).HeadManifest(ctx, string(ref.Digest))
	if err != nil {
		return nil
	}
	return []foundImage{{root: layout.Root{Repository: ref.Name()}, child: &d}}
}

// findByID returns the entries of the image with an id, or else the child of an index with that id.
func findByID(ctx context.Context, dir *layout.Dir, roots []layout.Root, id string) ([]foundImage, error) {
	s := &idSearch{
		dir: dir, prefix: "sha256:" + strings.TrimPrefix(id, "sha256:"),
		found: map[blob.Digest][]foundImage{},
	}
	for _, r := range roots {
		if err := s.visit(ctx, foundImage{root: r}); err != nil {
			return nil, err
		}
	}
	switch len(s.digests) {
	case 0:
		return nil, &noImageError{id}
	case 1:
		return s.found[s.digests[0]], nil
	}
	return nil, s.ambiguous(id)
}

// idSearch finds the images whose id begins with a prefix.
type idSearch struct {
	dir     *layout.Dir
	prefix  string
	digests []blob.Digest // the keys of found, in the store's order
	found   map[blob.Digest][]foundImage
}

// visit adds an image if its id matches, and visits the children of an index.
func (s *idSearch) visit(ctx context.Context, at foundImage) error {
	d := at.descriptor()
	refs, err := references(ctx, s.dir.Repository(at.root.Repository), d)
	if err != nil {
		return err
	}
	index := manifest.IsIndex(d.MediaType)
	config := !index && len(refs) > 0 && s.matches(refs[0].Digest)
	if s.matches(d.Digest) || config {
		s.add(d.Digest, at)
	}
	if !index {
		return nil
	}
	for _, ref := range refs {
		if err := s.visit(ctx, foundImage{root: at.root, child: &ref}); err != nil {
			return err
		}
	}
	return nil
}

func (s *idSearch) matches(d blob.Digest) bool { return strings.HasPrefix(string(d), s.prefix) }

// add adds an image. Its own entries replace one as the child of an index.
func (s *idSearch) add(d blob.Digest, at foundImage) {
	have, known := s.found[d]
	switch {
	case !known:
		s.digests = append(s.digests, d)
		s.found[d] = []foundImage{at}
	case at.child == nil && have[0].child != nil:
		s.found[d] = []foundImage{at}
	case at.child == nil:
		s.found[d] = append(have, at)
	}
}

// ambiguous is the error of an id that several images match. It names the first four.
func (s *idSearch) ambiguous(id string) error {
	const limit = 4
	var names []string
	for _, d := range s.digests[:min(limit, len(s.digests))] {
		names = append(names, fmt.Sprintf("%s (%s)", d.Short(), s.found[d][0].root.Repository))
	}
	if more := len(s.digests) - limit; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return &cli.UsageError{
		Message: fmt.Sprintf("id %s matches several images: %s", id, strings.Join(names, ", ")),
		Advice:  "give more digits of it; transship images --no-trunc shows full ids",
	}
}

// references returns what a manifest of the store refers to, nothing if the manifest is missing.
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
