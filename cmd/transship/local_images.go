package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// localImages are the images of a tar or of a folder with an OCI image layout, open for reading.
type localImages struct {
	path    string
	archive *layout.Archive // nil of a folder
	dir     *layout.Dir     // nil of a tar
	images  []localImage
	close   func()
}

// localImage is one of them, and where to read it.
type localImage struct {
	layout.Image
	transfer.Source
}

// openedImages are the tars and layouts that a run has open. A list may name one of them on a thousand lines: it is opened
// once for all who read from it at the same time.
type openedImages struct {
	mu     sync.Mutex
	opened map[string]*openedOnce
}

type openedOnce struct {
	*localImages
	users int
}

// open opens the tar or layout of a location. Whoever has it closes it.
func (o *openedImages) open(l location) (*localImages, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := fmt.Sprint(l.archive(), l.path)
	once := o.opened[key]
	if once == nil {
		images, err := l.open()
		if err != nil {
			return nil, err
		}
		if o.opened == nil {
			o.opened = map[string]*openedOnce{}
		}
		once = &openedOnce{images, 0}
		o.opened[key] = once
	}
	once.users++
	shared := *once.localImages
	shared.close = sync.OnceFunc(func() { o.close(key) })
	return &shared, nil
}

func (o *openedImages) close(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	once := o.opened[key]
	once.users--
	if once.users == 0 {
		delete(o.opened, key)
		once.localImages.close()
	}
}

// openLocal opens a FILE or DIR, with a transport before it or not.
func openLocal(path string) (*localImages, error) {
	if !meansRegistry(path) {
		l, err := parseLocation(path)
		if err == nil && !l.whole() {
			err = &usageError{message: path + " is one image, and a whole file or folder is wanted here"}
		}
		if err != nil {
			return nil, err
		}
		return l.open()
	}
	if isFolder(path) {
		return openFolder(path)
	}
	return openArchive(path)
}

func openArchive(path string) (*localImages, error) {
	archive, err := layout.OpenArchive(path)
	if err != nil {
		return nil, err
	}
	l := &localImages{path: path, archive: archive, close: func() { archive.Close() }}
	for _, im := range archive.Images() {
		l.images = append(l.images, l.inArchive(im))
	}
	return l, nil
}

// openFolder writes nothing there, so that the folder may lie on a medium that cannot be written. Until it is closed nobody
// prunes it: an image that is removed while it is read is read to its end.
func openFolder(path string) (*localImages, error) {
	dir, err := layout.OpenReadOnly(path)
	if err != nil {
		return nil, err
	}
	release := dir.HoldReading()
	roots, err := dir.Roots()
	if err != nil {
		release()
		return nil, err
	}
	l := &localImages{path: path, dir: dir, close: release}
	for _, r := range roots {
		l.images = append(l.images, l.inFolder(r))
	}
	return l, nil
}

// find returns the image that a text means, as [layout.Archive.Find] does. What stands before a digest says nothing more.
func (l *localImages) find(ctx context.Context, image string) (localImage, error) {
	if _, digest := cutDigest(image); digest != "" {
		image = digest
	}
	if image == "" {
		image = l.only(ctx)
	}
	if l.archive != nil {
		im, err := l.archive.Find(image)
		return l.inArchive(im), err
	}
	root, err := l.dir.Find(image)
	return l.inFolder(root), err
}

// only is the digest of the image that stands for itself, where there is one such image, and beside it only what refers to
// others. It is "" where there are several.
func (l *localImages) only(ctx context.Context) string {
	if len(l.images) < 2 {
		return ""
	}
	found := map[blob.Digest]bool{}
	for _, im := range l.images {
		if !im.refers(ctx) {
			found[im.Digest] = true
		}
	}
	for d := range found {
		if len(found) == 1 {
			return string(d)
		}
	}
	return ""
}

// refers tells whether an image refers to another one: by its subject, or by a tag of cosign's. One that cannot be read
// does not.
func (im localImage) refers(ctx context.Context) bool {
	tag := im.Tag()
	if name, err := reference.Parse(im.Name); err == nil {
		tag = name.Tag
	}
	base, kind, _ := strings.Cut(tag, ".")
	if kind != "" && isReferrersTag(base) {
		return true
	}
	m, err := im.Manifest(ctx, string(im.Digest))
	if err != nil {
		return false
	}
	subject, err := m.Subject()
	return err == nil && subject != nil
}

// inArchive is an image with its source: a repository that knows what refers to it.
func (l *localImages) inArchive(im layout.Image) localImage {
	if ref, err := reference.Parse(im.Name); err == nil {
		return localImage{im, l.archive.Repository(ref.Name())}
	}
	return localImage{im, l.archive.Unnamed()}
}

func (l *localImages) inFolder(r layout.Root) localImage {
	return localImage{r.Image(), l.dir.Repository(r.Repository)}
}
