package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/registry"
)

// servedImages is the content of all arguments, as one store.
type servedImages struct {
	run      *run.Run
	union    *registry.Union
	archives []*layout.Archive
	dirs     []*layout.Dir
	blobs    []layout.BlobStore // of folders and archives
	places   []storedFile       // the same, for the page
	closers  []func()
}

func (i *servedImages) close() {
	for _, f := range i.closers {
		f()
	}
}

// openImages opens all arguments. It opens the writable folder last, so that none is created if
// another argument fails.
func (c *serveCommand) openImages(ctx context.Context, r *run.Run, args []string) (*servedImages, error) {
	target := ""
	if c.pushes.writable {
		var err error
		if target, err = writableFolder(args); err != nil {
			return nil, err
		}
	}
	i := &servedImages{run: r, union: &registry.Union{}}
	if err := i.addAll(ctx, args, target, c); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

func (i *servedImages) addAll(ctx context.Context, args []string, target string, c *serveCommand) error {
	for _, arg := range args {
		if arg == target && target != "" {
			continue
		}
		if err := i.add(ctx, arg, &c.key); err != nil {
			return err
		}
	}
	if target != "" {
		if err := i.addWritable(target, &c.pushes); err != nil {
			return err
		}
	}
	return i.checkBases()
}

// admit checks all images by the policy of --require-signature.
func (i *servedImages) admit(ctx context.Context, g *gate.Gate) error {
	if !g.IsOn() {
		return nil
	}
	var failed error
	admit := func(images *image.LocalImages) {
		_, err := images.Admit(ctx, g)
		failed = cmp.Or(failed, err)
	}
	for _, archive := range i.archives {
		admit(image.ArchiveImages(archive.String(), archive))
	}
	for _, dir := range i.dirs {
		images, err := image.FolderImages("", dir)
		failed = cmp.Or(failed, err)
		admit(images)
	}
	return failed
}

// writableFolder returns the one argument that is a folder, or does not exist and becomes one.
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
			Message: "--writable needs a folder to write to; archives are only read",
			Advice:  "name a folder too; it is created if it is missing",
		}
	}
	return "", &cli.UsageError{
		Message: fmt.Sprintf("--writable is for one folder, and there are %d: %s",
			len(folders), strings.Join(folders, ", ")),
		Advice: "name only the folder to write to, and any number of archives",
	}
}

// isMissing reports whether there is neither a file of that name nor a first volume.
func isMissing(path string) bool {
	_, err := os.Stat(path)
	_, errVolume := os.Stat(path + ".001")
	return errors.Is(err, fs.ErrNotExist) && errors.Is(errVolume, fs.ErrNotExist)
}

// add adds an archive or a read-only folder, once it is verified by --require-key.
func (i *servedImages) add(ctx context.Context, arg string, key *image.KeyFlag) error {
	signed, err := key.Verify(ctx, arg)
	if err != nil {
		return err
	}
	if image.IsFolder(arg) {
		return i.addFolder(arg)
	}
	archive, err := layout.OpenArchive(arg)
	if err != nil {
		return err
	}
	i.closers = append(i.closers, func() { archive.Close() })
	if err := signed.Check(i.run, archive); err != nil {
		return err
	}
	i.archives = append(i.archives, archive)
	i.blobs = append(i.blobs, archive)
	i.places = append(i.places, inArchive(archive))
	i.union.Stores = append(i.union.Stores, registry.OnArchive(archive))
	return nil
}

// addFolder adds a read-only folder. It takes no lock against pruning: a server runs for weeks, and
// the lock would only keep removed images. Clients of those get the answer of any registry after
// its garbage collection.
func (i *servedImages) addFolder(path string) error {
	dir, err := layout.OpenReadOnly(path)
	if err != nil {
		return err
	}
	image.WarnUnlisted(i.run, path, dir)
	i.addDir(path, dir)
	i.union.Stores = append(i.union.Stores, registry.ShortNames(dir))
	return nil
}

// addWritable adds the folder that clients push to, before all others. A prune of it keeps what
// clients are pushing.
func (i *servedImages) addWritable(path string, pushes *pushFlags) error {
	dir, err := layout.OpenDir(path)
	if errors.Is(err, layout.ErrIrregular) {
		return err
	}
	if err != nil {
		return &writableError{err}
	}
	release, err := dir.HoldPending()
	if err != nil {
		return &writableError{err}
	}
	i.closers = append(i.closers, release)
	i.addDir(path, dir)
	i.union.Writable = pushes.store(dir)
	i.union.Stores = append([]registry.Store{unlisted{registry.ShortNames(dir)}}, i.union.Stores...)
	return nil
}

func (i *servedImages) addDir(path string, dir *layout.Dir) {
	i.dirs = append(i.dirs, dir)
	i.blobs = append(i.blobs, dir)
	i.places = append(i.places, inFolder(path, dir))
}

// writableError says that the folder of --writable cannot be opened for writing.
type writableError struct{ error }

// Unwrap returns the reason.
func (e *writableError) Unwrap() error { return e.error }

// Hint says what --writable needs.
func (e *writableError) Hint() string {
	if errors.Is(e.error, fs.ErrPermission) || errors.Is(e.error, syscall.EROFS) {
		return "without --writable the folder is only read"
	}
	return "--writable needs an OCI image layout, or a folder that is empty or missing"
}

// unlisted hides the short names of the writable folder in the catalog: it lists the names that
// clients pushed to, which are those of Union.Writable.
type unlisted struct{ registry.ShortNamed }

// Repositories implements registry.Store.
func (unlisted) Repositories(context.Context) ([]string, error) { return nil, nil }

// checkBases checks that the blobs that --since bundles leave out are served too. If several
// bundles lack blobs, the error is about the first whose base is not among the arguments: a base
// that is there lacks what its own base has.
func (i *servedImages) checkBases() error {
	var first error
	for _, archive := range i.archives {
		err := archive.SetBase(i.blobs...)
		var lacks *layout.BaseError
		if !errors.As(err, &lacks) {
			continue
		}
		e := &baseError{lacks}
		if !i.hasBundle(lacks.Base.ID) {
			return e
		}
		if first == nil {
			first = e
		}
	}
	return first
}

// hasBundle reports whether the bundle with that id is among the arguments.
func (i *servedImages) hasBundle(id blob.Digest) bool {
	return id != "" && slices.ContainsFunc(i.archives, func(a *layout.Archive) bool {
		in, err := a.Inventory()
		return err == nil && in.ID == id
	})
}

// baseError says that the bundle that another one builds on is not served.
type baseError struct{ *layout.BaseError }

// Unwrap returns the archive's error.
func (e *baseError) Unwrap() error { return e.BaseError }

// Hint says which bundle to add.
func (e *baseError) Hint() string {
	if e.Base.ID == "" {
		return "also name a bundle or folder that has those blobs; it was saved for " + e.Base.File
	}
	return "also name " + e.Base.File + ": a bundle is served together with those that it builds on"
}

// summary counts repositories and tags. example is the name of an image, "" if there is no tag.
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
			continue // no client can use that name
		}
		repositories++
		count += len(tags)
		if example == "" && len(tags) > 0 {
			example = name + ":" + tags[0]
		}
	}
	noun := "repositories"
	if repositories == 1 {
		noun = "repository"
	}
	return fmt.Sprintf("%d %s with %d tag%s", repositories, noun, count, cli.Plural(count)), example, nil
}
