package main

import (
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

// openLocal opens a FILE or DIR.
func openLocal(path string) (*localImages, error) {
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

// openFolder writes nothing there, so that the folder may lie on a medium that cannot be written.
func openFolder(path string) (*localImages, error) {
	dir, err := layout.OpenReadOnly(path)
	if err != nil {
		return nil, err
	}
	roots, err := dir.Roots()
	l := &localImages{path: path, dir: dir, close: func() {}}
	for _, r := range roots {
		l.images = append(l.images, l.inFolder(r))
	}
	return l, err
}

// find returns the image that a text means, as [layout.Archive.Find] does.
func (l *localImages) find(image string) (localImage, error) {
	if l.archive != nil {
		im, err := l.archive.Find(image)
		return l.inArchive(im), err
	}
	root, err := l.dir.Find(image)
	return l.inFolder(root), err
}

// inArchive is an image with its source. One with a name is in a repository that knows what refers to it.
func (l *localImages) inArchive(im layout.Image) localImage {
	if ref, err := reference.Parse(im.Name); err == nil {
		return localImage{im, l.archive.Repository(ref.Name())}
	}
	return localImage{im, l.archive}
}

func (l *localImages) inFolder(r layout.Root) localImage {
	return localImage{r.Image(), l.dir.Repository(r.Repository)}
}
