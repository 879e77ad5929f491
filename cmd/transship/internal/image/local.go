package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// LocalImages are the images of a tar or of an OCI image layout in a folder, open for reading.
type LocalImages struct {
	Path    string
	Archive *layout.Archive // nil for a folder
	Dir     *layout.Dir     // nil for a tar
	Images  []LocalImage

	closers []func() // see Close
}

// LocalImage is one of these images and its source.
type LocalImage struct {
	layout.Image
	transfer.Source
}

// stdinName stands for standard input in messages.
const stdinName = "standard input"

// OpenLocal opens a FILE or DIR, with or without a transport; - is a tar on standard input.
func OpenLocal(ctx context.Context, r *run.Run, path string) (*LocalImages, error) {
	return openLocal(ctx, r, path, wholeReader())
}

// OpenToVerify opens what OpenLocal does, but large blobs of a compressed tar, or of standard input,
// can only be verified.
func OpenToVerify(ctx context.Context, r *run.Run, path string) (*LocalImages, error) {
	return openLocal(ctx, r, path, reader{open: layout.OpenToVerify, read: layout.ReadToVerify})
}

// reader is how a tar is read that has to be unpacked first: a compressed one, or a stream.
type reader struct {
	open func(ctx context.Context, path string) (*layout.Archive, error)
	read func(ctx context.Context, name string, r io.Reader) (*layout.Archive, error)
	note string // is printed before a file is unpacked

	bases basesToUse
}

// basesToUse are the bundles that one builds on and that lie beside it.
type basesToUse int

const (
	basesOfDeltas basesToUse = iota // for a bundle that has deltas
	allBases
	noBases
)

// wholeReader reads tars whose blobs are read afterwards.
func wholeReader() reader {
	return reader{open: layout.OpenCompressed, read: layout.ReadArchive, note: "unpacking %s into a temporary file in %s"}
}

func openLocal(ctx context.Context, r *run.Run, path string, unpack reader) (*LocalImages, error) {
	if path == "-" {
		return openStdin(ctx, r, unpack)
	}
	if !IsRegistryRef(path) {
		l, err := ParseLocation(path)
		if err == nil && !l.IsWhole() {
			err = &cli.UsageError{Message: path + " names one image; give a whole file or folder"}
		}
		if err != nil {
			return nil, err
		}
		return l.open(ctx, r, unpack)
	}
	if IsFolder(path) {
		return openFolder(r, path)
	}
	return openArchive(ctx, r, path, unpack)
}

// open opens a layout or tar.
func (l Location) open(ctx context.Context, r *run.Run, unpack reader) (*LocalImages, error) {
	if l.IsArchive() {
		return openArchive(ctx, r, l.Path, unpack)
	}
	return openFolder(r, l.Path)
}

// openArchive opens a tar, compressed with gzip or not.
func openArchive(ctx context.Context, r *run.Run, path string, unpack reader) (*LocalImages, error) {
	archive, err := layout.OpenArchive(path)
	if errors.Is(err, layout.ErrGzip) {
		if unpack.note != "" {
			r.Note(unpack.note, path, os.TempDir())
		}
		archive, err = unpack.open(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	l := ArchiveImages(path, archive)
	if unpack.bases == allBases || unpack.bases == basesOfDeltas && archive.HasDeltas() {
		err = l.UseBases(ctx, r)
	}
	if err != nil && !cli.Has[*layout.BaseError](err) {
		l.Close()
		return nil, err
	}
	return l, nil
}

// openStdin opens a tar on standard input, compressed with gzip or not.
func openStdin(ctx context.Context, r *run.Run, unpack reader) (*LocalImages, error) {
	if r.Stdin.Terminal {
		return nil, &cli.UsageError{
			Message: "standard input is a terminal",
			Advice:  "send a tar to it, as in docker save IMAGE | transship " + r.Command + " -",
		}
	}
	archive, err := unpack.read(ctx, stdinName, r.Stdin)
	if err != nil {
		return nil, err
	}
	return ArchiveImages(stdinName, archive), nil
}

// ArchiveImages returns the images of an open tar.
func ArchiveImages(path string, archive *layout.Archive) *LocalImages {
	l := &LocalImages{Path: path, Archive: archive, closers: []func(){func() { archive.Close() }}}
	for _, im := range archive.Images() {
		l.Images = append(l.Images, l.inArchive(im))
	}
	return l
}

// openFolder opens a layout in a folder. It writes nothing there: the folder may be on a read-only
// medium. Until it is closed no prune removes blobs, so that an image can be read to its end even
// if it is removed.
func openFolder(r *run.Run, path string) (*LocalImages, error) {
	dir, err := layout.OpenReadOnly(path)
	if err != nil {
		return nil, err
	}
	release := dir.HoldForReading()
	l, err := FolderImages(path, dir)
	if err != nil {
		release()
		return nil, err
	}
	l.onClose(release)
	if len(l.Images) > 0 { // NoImages says it otherwise
		WarnUnlisted(r, path, dir)
	}
	return l, nil
}

// FolderImages returns the images of an open folder.
func FolderImages(path string, dir *layout.Dir) (*LocalImages, error) {
	roots, err := dir.Roots()
	l := &LocalImages{Path: path, Dir: dir}
	for _, root := range roots {
		l.Images = append(l.Images, l.inFolder(root))
	}
	return l, err
}

// WarnUnlisted warns of images that only docker's manifest.json in a folder lists: index.json alone
// counts there.
func WarnUnlisted(r *run.Run, path string, dir *layout.Dir) {
	names, err := dir.UnlistedDocker()
	if err != nil {
		r.WarnOnce("%s: %s; its images may not be all", path, cli.OneLine(err.Error()))
	}
	if len(names) == 0 {
		return
	}
	const most = 10
	more := ""
	if n := len(names) - most; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	r.WarnOnce("%s: docker's manifest.json also has %s%s, which index.json does not list; %s", path,
		cli.OneLine(strings.Join(names[:min(most, len(names))], ", ")), more, tarAdvice(path))
}

// tarAdvice says how the images that manifest.json lists are read.
func tarAdvice(path string) string {
	return "manifest.json is read in tars only: tar -cf FILE.tar -C " + path + " ."
}

// NoImages returns the error of a tar or folder without images. It is fs.ErrNotExist.
func (l *LocalImages) NoImages() error {
	if l.Archive != nil {
		return cli.Reword(fs.ErrNotExist, "%s has no images: neither index.json nor manifest.json lists one", l.Path)
	}
	err := cli.Reword(fs.ErrNotExist, "%s has no images: index.json lists none", l.Path)
	if _, missing := os.Stat(filepath.Join(l.Path, "manifest.json")); missing != nil {
		return err
	}
	return cli.WithHint(err, "docker's "+tarAdvice(l.Path))
}

// Find returns the image that a text names, as [layout.Archive.Find] does. A name before a digest
// is ignored.
func (l *LocalImages) Find(ctx context.Context, image string) (LocalImage, error) {
	if _, digest := CutDigest(image); digest != "" {
		image = digest
	}
	if image == "" && len(l.Images) > 0 {
		only, err := l.only(ctx)
		if err != nil {
			return LocalImage{}, err
		}
		image = only
	}
	if l.Archive != nil {
		im, err := l.Archive.Find(image)
		return l.inArchive(im), l.hintIndex(image, err)
	}
	root, err := l.Dir.Find(image)
	return l.inFolder(root), l.hintIndex(image, err)
}

// indexImage returns the index.json itself as an image.
func (l *LocalImages) indexImage() (LocalImage, error) {
	open := l.Dir.IndexImage
	if l.Archive != nil {
		open = l.Archive.IndexImage
	}
	x, err := open()
	if err != nil {
		return LocalImage{}, err
	}
	return LocalImage{Image: layout.Image{Descriptor: x.Root.Descriptor}, Source: x}, nil
}

// hintIndex adds a hint to the error of finding an image that was not named, if none has a name:
// their index may be the image that is meant.
func (l *LocalImages) hintIndex(image string, err error) error {
	named := func(im LocalImage) bool { return im.Name != "" || im.Tag() != "" }
	if err == nil || image != "" || len(l.Images) < 2 || slices.ContainsFunc(l.Images, named) {
		return err
	}
	return cli.WithHint(err, fmt.Sprintf("%s means all of them as one image, @DIGEST one of them", l.indexName()))
}

// indexName returns the location of the index.json as users write it.
func (l *LocalImages) indexName() string {
	transport := TransportOCI
	if l.Archive != nil {
		transport = TransportOCIArchive
	}
	return transport + l.Path + indexSuffix
}

// only returns the digest of the one image beside its referrers. It returns "" if several images
// are no referrers. It is an error if all of them are.
func (l *LocalImages) only(ctx context.Context) (string, error) {
	var found, names []string
	for _, im := range l.Images {
		names = append(names, cmp.Or(im.Tag(), im.Image.String()))
		if d := string(im.Digest); !im.Refers(ctx) && !slices.Contains(found, d) {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 0:
		err := cli.Reword(fs.ErrNotExist, "%s has no image, only what refers to one: %s", l.Path, strings.Join(names[:min(10, len(names))], ", "))
		return "", cli.WithHint(err, "to mean one of these, name it: oci:DIR:TAG or oci:DIR@DIGEST, and the like for a tar")
	case 1:
		return found[0], nil
	}
	return "", nil
}

// Refers reports whether an image is a referrer: by its subject, by a tag of cosign's, or by the
// tag of a list of referrers (distribution-spec, "Referrers Tag Schema"). An image that cannot be
// read is none.
func (im LocalImage) Refers(ctx context.Context) bool {
	tag := im.Tag()
	if name, err := reference.Parse(im.Name); err == nil {
		tag = name.Tag
	}
	if base, _, _ := strings.Cut(tag, "."); IsReferrersTag(base) {
		return true
	}
	return Refers(ctx, im.Source, string(im.Digest))
}

// Refers reports whether the image that ref names has a subject. One that cannot be read has none.
func Refers(ctx context.Context, src transfer.Source, ref string) bool {
	m, err := src.Manifest(ctx, ref)
	if err != nil {
		return false
	}
	subject, err := m.Subject()
	return err == nil && subject != nil
}

// inArchive returns an image of the tar with its source: a repository that knows its referrers.
func (l *LocalImages) inArchive(im layout.Image) LocalImage {
	if ref, err := reference.Parse(im.Name); err == nil {
		return LocalImage{Image: im, Source: l.Archive.Repository(ref.Name())}
	}
	return LocalImage{Image: im, Source: l.Archive.Unnamed()}
}

// inFolder returns an image of the folder with its source.
func (l *LocalImages) inFolder(r layout.Root) LocalImage {
	return LocalImage{Image: r.Image(), Source: l.Dir.Repository(r.Repository)}
}
