package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// savedImage is an image and what it is to be called in the bundle.
type savedImage struct {
	origin
	names []reference.Reference
}

func closeAll(images []savedImage) {
	for _, im := range images {
		im.close()
	}
}

// images opens all that is to be saved, and returns also in case of an error what is open.
func (s *saving) images(ctx context.Context, places *places, args []string) ([]savedImage, error) {
	entries, err := s.entries(ctx, places.run)
	if err != nil {
		return nil, err
	}
	for _, arg := range args {
		l, err := parseLocation(arg)
		if err != nil {
			return nil, err
		}
		entries = append(entries, savedEntry{selection: selection{location: l}})
	}
	var out []savedImage
	for _, e := range entries {
		origins, err := places.selected(ctx, s.from, e.selection)
		for _, o := range origins {
			out = append(out, savedImage{o, e.namesFor(o.name)})
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// savedEntry is a line of the list, or an argument.
type savedEntry struct {
	selection
	names []reference.Reference // without a tag where the images keep theirs
}

// entries reads the list, all of it before anything is asked for.
func (s *saving) entries(ctx context.Context, a *app) ([]savedEntry, error) {
	if s.list == "" {
		return nil, nil
	}
	lines, err := readList(ctx, a.stdin, s.list)
	if err != nil {
		return nil, err
	}
	var out []savedEntry
	for _, line := range lines {
		e := savedEntry{}
		if e.selection, err = parseSelection(line.Source, line.Latest); err != nil {
			return nil, badList(s.list, line.Line, err)
		}
		for _, text := range line.Targets {
			name, err := parseNewName(text, e.several())
			if err != nil {
				return nil, badList(s.list, line.Line, err)
			}
			e.names = append(e.names, name)
		}
		out = append(out, e)
	}
	return out, nil
}

// parseNewName reads what images are to be called: a repository, where they keep their tags, or a name with a tag for one.
func parseNewName(text string, several bool) (reference.Reference, error) {
	if !meansRegistry(text) {
		return reference.Reference{}, fmt.Errorf("%s is no name for an image", text)
	}
	text = strings.TrimPrefix(text, onRegistry)
	if repository, err := reference.ParseRepository(text); err == nil {
		return repository, nil
	}
	ref, err := reference.Parse(text)
	switch {
	case err != nil:
		return ref, err
	case ref.Digest != "":
		return ref, errors.New("the new name has a digest; the digest stays what it is")
	case several:
		return ref, errors.New("one tag cannot name several images: leave it out, and they keep theirs")
	}
	return ref, nil
}

// namesFor is what an image is called in the bundle.
func (e savedEntry) namesFor(name reference.Reference) []reference.Reference {
	if len(e.names) == 0 {
		return []reference.Reference{renamed(name, reference.Reference{Domain: name.Domain, Path: name.Path})}
	}
	var out []reference.Reference
	for _, n := range e.names {
		out = append(out, renamed(name, n))
	}
	return out
}

// renamed is an image's new name: with a tag of its own, or else with the tag that the image has, or its digest.
func renamed(name, as reference.Reference) reference.Reference {
	switch {
	case as.Tag != "":
	case name.Tag != "":
		as.Tag = name.Tag
	default:
		as.Digest = name.Digest
	}
	return as
}

// distinctNames makes sure that no two images are to have one name.
func distinctNames(ctx context.Context, engine *transfer.Engine, images []savedImage) error {
	named := map[reference.Reference]origin{}
	for _, im := range images {
		for _, name := range im.names {
			other, taken := named[name]
			named[name] = im.origin
			if !taken || other.identity() == im.identity() || name.Path == "" {
				continue
			}
			same, err := sameImage(ctx, engine, other, im.origin)
			if err != nil {
				return err
			}
			if same {
				continue
			}
			return &usageError{
				message: fmt.Sprintf("both %s and %s would be called %s", other, im, name.Familiar()),
				advice:  "in a list with -f, what stands behind an image is its name",
			}
		}
	}
	return nil
}

// sameImage tells whether two images are the same, by their digests.
func sameImage(ctx context.Context, engine *transfer.Engine, a, b origin) (bool, error) {
	x, err := engine.Collect(ctx, a.Source, a.ref)
	if err != nil {
		return false, err
	}
	y, err := engine.Collect(ctx, b.Source, b.ref)
	return x.Root.Digest == y.Root.Digest, err
}

// fillFolder adds the images to an OCI image layout in a folder.
func (s *saving) fillFolder(ctx context.Context, a *app, engine *transfer.Engine, show *progress, images []savedImage) error {
	dir, err := layout.OpenDir(s.out)
	if err != nil {
		return err
	}
	release, err := dir.Hold()
	if err != nil {
		return err
	}
	defer release()
	show.many = len(images) > 1
	stop := show.start()
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(imagesAtOnce)
	n := 0
	for _, im := range images {
		for _, name := range im.names {
			n++
			group.Go(func() error { return saveInto(inGroup, engine, im.origin, dir, name) })
		}
	}
	err = group.Wait()
	stop()
	if err == nil {
		a.note("saved %d image%s to %s: %s", n, plural(n), s.out, show.amount("fetched"))
	}
	return err
}

// saveInto puts an image into a layout under its name, or under none.
func saveInto(ctx context.Context, engine *transfer.Engine, im origin, dir *layout.Dir, name reference.Reference) error {
	repo := dir.Unnamed()
	if name.Path != "" {
		repo = dir.Repository(name.Name())
	}
	_, err := storeAs(ctx, engine, im.Source, im.ref, storing{repo}, name)
	return err
}
