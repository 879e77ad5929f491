package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
)

// maxReplacedNames is how many images of a tar that is replaced are named.
const maxReplacedNames = 5

// replacedTarError is the error of --no-clobber for a tar that has other content.
type replacedTarError struct {
	target image.Location
	had    string
}

// Error says what the tar has.
func (e *replacedTarError) Error() string {
	return fmt.Sprintf("%s is not replaced: it has %s", e.target, e.had)
}

// ExitCode returns [cli.ExitRefused].
func (*replacedTarError) ExitCode() int { return cli.ExitRefused }

// Hint names the ways out.
func (*replacedTarError) Hint() string {
	return "name another file, or leave out --no-clobber; transship save puts several images into one tar"
}

// checkReplaced says what each tar among the targets has that the copy replaces. With --no-clobber
// that is a *replacedTarError, before anything is written. A tar that has just this image, under the
// same name, is no news.
func checkReplaced(r *run.Run, noClobber bool, src image.Origin, to []image.Location) error {
	for _, l := range to {
		if !l.IsArchive() {
			continue
		}
		had, err := replacedBy(l, src)
		switch {
		case err != nil:
			return err
		case had == "":
		case noClobber:
			return &replacedTarError{l, had}
		default:
			r.NoteDone("%s is replaced; it had %s", l, had)
		}
	}
	return nil
}

// replacedBy describes what a file has that is replaced by src, "" if there is no file or it has
// only that image under the same name.
func replacedBy(l image.Location, src image.Origin) (string, error) {
	as, err := l.NameFor(src.Name)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(l.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", nil // creating the tar says what is wrong
	}
	archive, err := layout.OpenArchive(l.Path)
	if err != nil {
		return fmt.Sprintf("%s that are no readable tar of images", cli.FormatBytes(info.Size())), nil
	}
	defer archive.Close()
	return describeImages(archive.Images(), src, as), nil
}

// describeImages names images, "" if they are only that of src, under the name that it gets or none.
func describeImages(images []layout.Image, src image.Origin, as reference.Reference) string {
	var root blob.Digest
	if c, ok := src.Source.(*image.CollectedImage); ok {
		root = c.Root.Digest
	}
	if len(images) == 1 && images[0].Digest == root && hasName(images[0], as) {
		return ""
	}
	var names []string
	for _, im := range images[:min(len(images), maxReplacedNames)] {
		names = append(names, im.String())
	}
	if more := len(images) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	if len(names) == 0 {
		return "no images"
	}
	return fmt.Sprintf("%d image%s: %s", len(images), cli.Plural(len(images)), strings.Join(names, ", "))
}

// hasName reports whether an image has no name or this one.
func hasName(im layout.Image, as reference.Reference) bool {
	had, err := reference.Parse(im.Name)
	return err != nil || had.Name() == as.Name() && had.Tag == as.Tag
}
