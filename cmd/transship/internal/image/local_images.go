package image

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// LocalImages are the images of a tar or of a folder with an OCI image layout, open for reading.
type LocalImages struct {
	Path    string
	Archive *layout.Archive // nil of a folder
	Dir     *layout.Dir     // nil of a tar
	Images  []LocalImage
	Close   func()
}

// LocalImage is one of them, and where to read it.
type LocalImage struct {
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
	*LocalImages
	users int
}

// open opens the tar or layout of a location. Whoever has it closes it.
func (o *openedImages) open(l Location) (*LocalImages, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := fmt.Sprint(l.IsArchive(), l.Path)
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
	shared := *once.LocalImages
	shared.Close = sync.OnceFunc(func() { o.close(key) })
	return &shared, nil
}

func (o *openedImages) close(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	once := o.opened[key]
	once.users--
	if once.users == 0 {
		delete(o.opened, key)
		once.LocalImages.Close()
	}
}

// OpenLocal opens a FILE or DIR, with a transport before it or not.
func OpenLocal(path string) (*LocalImages, error) {
	if !IsRegistryRef(path) {
		l, err := ParseLocation(path)
		if err == nil && !l.IsWhole() {
			err = &cli.UsageError{Message: path + " is one image, and a whole file or folder is wanted here"}
		}
		if err != nil {
			return nil, err
		}
		return l.open()
	}
	if IsFolder(path) {
		return openFolder(path)
	}
	return openArchive(path)
}

func openArchive(path string) (*LocalImages, error) {
	archive, err := layout.OpenArchive(path)
	if err != nil {
		return nil, err
	}
	l := &LocalImages{Path: path, Archive: archive, Close: func() { archive.Close() }}
	for _, im := range archive.Images() {
		l.Images = append(l.Images, l.inArchive(im))
	}
	return l, nil
}

// openFolder writes nothing there, so that the folder may lie on a medium that cannot be written. Until it is closed nobody
// prunes it: an image that is removed while it is read is read to its end.
func openFolder(path string) (*LocalImages, error) {
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
	l := &LocalImages{Path: path, Dir: dir, Close: release}
	for _, r := range roots {
		l.Images = append(l.Images, l.inFolder(r))
	}
	return l, nil
}

// Find returns the image that a text means, as [layout.Archive.Find] does. What stands before a digest says nothing more.
func (l *LocalImages) Find(ctx context.Context, image string) (LocalImage, error) {
	if _, digest := cutDigest(image); digest != "" {
		image = digest
	}
	if image == "" {
		image = l.only(ctx)
	}
	if l.Archive != nil {
		im, err := l.Archive.Find(image)
		return l.inArchive(im), err
	}
	root, err := l.Dir.Find(image)
	return l.inFolder(root), err
}

// only is the digest of the image that stands for itself, where there is one such image, and beside it only what refers to
// others. It is "" where there are several.
func (l *LocalImages) only(ctx context.Context) string {
	if len(l.Images) < 2 {
		return ""
	}
	found := map[blob.Digest]bool{}
	for _, im := range l.Images {
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
func (im LocalImage) refers(ctx context.Context) bool {
	tag := im.Tag()
	if name, err := reference.Parse(im.Name); err == nil {
		tag = name.Tag
	}
	base, kind, _ := strings.Cut(tag, ".")
	if kind != "" && IsReferrersTag(base) {
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
func (l *LocalImages) inArchive(im layout.Image) LocalImage {
	if ref, err := reference.Parse(im.Name); err == nil {
		return LocalImage{im, l.Archive.Repository(ref.Name())}
	}
	return LocalImage{im, l.Archive.Unnamed()}
}

func (l *LocalImages) inFolder(r layout.Root) LocalImage {
	return LocalImage{r.Image(), l.Dir.Repository(r.Repository)}
}
