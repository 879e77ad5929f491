package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/registry"
)

// servedImages is what the arguments of serve hold, as one store.
type servedImages struct {
	union    *registry.Union
	archives []*layout.Archive
	places   []layout.Blobs
	closers  []func()
}

func (i *servedImages) close() {
	for _, f := range i.closers {
		f()
	}
}

// open opens all arguments, the folder to write to last, so that none is made for nothing.
func (c *serveCommand) open(args []string) (*servedImages, error) {
	target := ""
	if c.writable {
		var err error
		if target, err = writableFolder(args); err != nil {
			return nil, err
		}
	}
	i := &servedImages{union: &registry.Union{}}
	if err := i.addAll(args, target); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

func (i *servedImages) addAll(args []string, target string) error {
	for _, arg := range args {
		if arg == target && target != "" {
			continue
		}
		if err := i.add(arg); err != nil {
			return err
		}
	}
	if target != "" {
		if err := i.addWritable(target); err != nil {
			return err
		}
	}
	return i.checkBases()
}

// writableFolder finds the one argument that is a folder, or is to become one.
func writableFolder(args []string) (string, error) {
	var folders []string
	for _, arg := range args {
		if image.IsFolder(arg) || isMissing(arg) {
			folders = append(folders, arg)
		}
	}
	switch len(folders) {
	case 1:
		return folders[0], nil
	case 0:
		return "", &cli.UsageError{
			Message: "--writable needs a folder to write to, and archives are only read",
			Advice:  "name a folder too; it is made if it is missing",
		}
	}
	return "", &cli.UsageError{
		Message: fmt.Sprintf("--writable is for one folder, and there are %d: %s", len(folders), strings.Join(folders, ", ")),
		Advice:  "name the folder that is to be written to, and archives beside it",
	}
}

// isMissing tells whether there is neither a file of that name nor a volume of one.
func isMissing(path string) bool {
	_, err := os.Stat(path)
	_, errVolume := os.Stat(path + ".001")
	return errors.Is(err, fs.ErrNotExist) && errors.Is(errVolume, fs.ErrNotExist)
}

// add adds what is only read.
func (i *servedImages) add(arg string) error {
	if image.IsFolder(arg) {
		return i.addFolder(arg)
	}
	archive, err := layout.OpenArchive(arg)
	if err != nil {
		return err
	}
	i.closers = append(i.closers, func() { archive.Close() })
	i.archives = append(i.archives, archive)
	i.places = append(i.places, archive)
	i.union.Stores = append(i.union.Stores, registry.OnArchive(archive))
	return nil
}

// addFolder adds a folder that is only read. It may be pruned while it is served: a server runs for weeks, and what it would
// keep is removed images, whose clients then get the answer that any registry gives after its garbage collection.
func (i *servedImages) addFolder(path string) error {
	dir, err := layout.OpenReadOnly(path)
	if err != nil {
		return err
	}
	i.places = append(i.places, dir)
	i.union.Stores = append(i.union.Stores, registry.Familiar(dir))
	return nil
}

// addWritable adds the folder that clients push to, before all others. Nobody may prune it meanwhile: a client sends the blobs of an image
// before its manifest.
func (i *servedImages) addWritable(path string) error {
	dir, err := layout.OpenDir(path)
	if err != nil {
		return &writableError{err}
	}
	release, err := dir.Hold()
	if err != nil {
		return &writableError{err}
	}
	i.closers = append(i.closers, release)
	i.places = append(i.places, dir)
	i.union.Writable = registry.OnDisk(dir)
	i.union.Stores = append([]registry.Store{unlisted{registry.Familiar(dir)}}, i.union.Stores...)
	return nil
}

// writableError says that a folder cannot be pushed to.
type writableError struct{ error }

// Unwrap returns the reason.
func (e *writableError) Unwrap() error { return e.error }

// Hint implements [hinted].
func (e *writableError) Hint() string {
	if errors.Is(e.error, fs.ErrPermission) || errors.Is(e.error, syscall.EROFS) {
		return "without --writable the folder is only read"
	}
	return "--writable wants an image layout, or a folder that is empty or missing"
}

// unlisted is a store whose repositories are listed by another one: where clients push, they see the names that they
// pushed to.
type unlisted struct{ registry.Store }

// Repositories implements registry.Store.
func (unlisted) Repositories(context.Context) ([]string, error) { return nil, nil }

// checkBases makes sure that what differential bundles leave to others is there. Of several that lack something it is the
// first whose base was not given that is told of: one whose base was given lacks what that lacks.
func (i *servedImages) checkBases() error {
	var found error
	for _, archive := range i.archives {
		err := archive.BuildOn(i.places...)
		var lacks *layout.BaseError
		if !errors.As(err, &lacks) {
			continue
		}
		e := &servedBaseError{BaseError: lacks}
		given := i.bundle(lacks.Base.ID)
		if !given {
			e.namesake = i.named(lacks.Base.File)
			return e
		}
		if found == nil {
			found = e
		}
	}
	return found
}

// bundle tells whether a bundle is among the arguments.
func (i *servedImages) bundle(id blob.Digest) bool {
	for _, archive := range i.archives {
		if in, err := archive.Inventory(); id != "" && err == nil && in.ID == id {
			return true
		}
	}
	return false
}

func (i *servedImages) named(file string) bool {
	for _, archive := range i.archives {
		if archive.Name() == file {
			return true
		}
	}
	return false
}

// servedBaseError says that a bundle is to be served without what it builds on.
type servedBaseError struct {
	*layout.BaseError
	namesake bool // another bundle of the base's name is given
}

// Error names both bundles.
func (e *servedBaseError) Error() string {
	if e.namesake {
		return fmt.Sprintf("%v; the %s that is given is another one", e.BaseError, e.Base.File)
	}
	return e.BaseError.Error()
}

// Unwrap returns the archive's error.
func (e *servedBaseError) Unwrap() error { return e.BaseError }

// Hint implements [hinted].
func (e *servedBaseError) Hint() string {
	if e.Base.ID == "" {
		return "name what has those blobs too, a bundle or a folder; it was saved for " + e.Base.File
	}
	return "name " + e.Base.File + " too: a bundle is served together with those that it builds on"
}

// summary counts repositories and tags, and gives an image for an example.
func (i *servedImages) summary(ctx context.Context) (text, example string, err error) {
	names, err := i.union.Repositories(ctx)
	if err != nil {
		return "", "", err
	}
	repositories, count := 0, 0
	for _, name := range names {
		tags, err := i.union.Repository(name).Tags(ctx)
		if err != nil {
			return "", "", err
		}
		if !reference.ValidPath(name) {
			continue // no client can ask for it by that name
		}
		repositories++
		count += len(tags)
		if example == "" && len(tags) > 0 {
			example = name + ":" + tags[0]
		}
	}
	text = fmt.Sprintf("%s with %d tag%s", counted(repositories, "repository", "repositories"), count, cli.Plural(count))
	return text, example, nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
