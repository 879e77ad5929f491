package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
)

// The transports of locations, as in containers-transports(5).
const (
	TransportDocker        = "docker://" // a registry; the default
	TransportOCI           = "oci:"
	TransportOCIArchive    = "oci-archive:"
	transportDockerArchive = "docker-archive:"
	transportNull          = "null:" // generated images as a source, no storage as a target
)

// Location is where an image is read or written: REF or docker://REF on a registry, oci:DIR[:IMAGE]
// in an OCI image layout, oci-archive:FILE[:IMAGE] or docker-archive:FILE[:IMAGE] in a tar, or the
// index.json of one of them, as oci:DIR@index.
type Location struct {
	Transport string
	Ref       reference.Reference // on a registry
	Path      string              // of the layout or tar; of null: the size
	image     string              // in the layout or tar: a name or tag, or ""; of null: the seed
	digest    blob.Digest         // in the layout or tar, or ""
	isIndex   bool                // the index.json of the layout or tar itself is the image
}

// ParseLocation parses a location other than null:. A text that begins with a transport is never an
// image's name.
func ParseLocation(arg string) (Location, error) {
	transport := cli.TransportOf(arg)
	rest := strings.TrimPrefix(arg, transport)
	switch transport {
	case "", TransportDocker:
		ref, err := cli.ParseReference(arg)
		return Location{Transport: TransportDocker, Ref: ref}, err
	case TransportOCI, TransportOCIArchive, transportDockerArchive:
		return parseFileLocation(transport, rest)
	case transportNull:
		return Location{}, &cli.UsageError{
			Message: "only copy takes null:",
			Advice:  "transship copy REF null: reads and verifies, transship copy null:64MiB REF writes",
		}
	}
	return Location{}, &cli.UsageError{
		Message: "the transport " + transport + " is not supported",
		Advice:  "use docker://REF, oci:DIR, oci-archive:FILE or docker-archive:FILE",
	}
}

// IsRegistryRef reports whether a text names something on a registry: it has no transport other
// than docker://.
func IsRegistryRef(text string) bool {
	transport := cli.TransportOf(text)
	return transport == "" || transport == TransportDocker
}

// indexSuffix means the index.json of a layout or tar as one image.
const indexSuffix = "@index"

// parseFileLocation parses PATH[:IMAGE][@DIGEST] or PATH@index. The first colon ends PATH, as for
// skopeo; that of a drive, as in C:\images, is not counted.
func parseFileLocation(transport, rest string) (Location, error) {
	l := Location{Transport: transport}
	rest, l.isIndex = strings.CutSuffix(rest, indexSuffix)
	rest, digest := CutDigest(rest)
	drive := cli.DriveOf(rest)
	l.Path, l.image, _ = strings.Cut(rest[len(drive):], ":")
	l.Path = drive + l.Path
	if l.Path == "" {
		return l, &cli.UsageError{Message: fmt.Sprintf("%s%s names no file or folder", transport, rest)}
	}
	if l.isIndex && (l.image != "" || digest != "") {
		return l, &cli.UsageError{
			Message: fmt.Sprintf("%s%s%s names an image and the index of all", transport, rest, indexSuffix),
			Advice:  fmt.Sprintf("write %s%s%s, or leave out %s", transport, l.Path, indexSuffix, indexSuffix),
		}
	}
	if digest == "" {
		return l, nil
	}
	l.digest = blob.Digest(digest)
	if err := l.digest.Validate(); err != nil {
		return l, &cli.UsageError{Message: fmt.Sprintf("%s%s@%s: %v", transport, rest, digest, err)}
	}
	return l, nil
}

// CutDigest splits a text before the @ of a digest, which need not be valid.
func CutDigest(text string) (rest, digest string) {
	i := strings.LastIndexByte(text, '@')
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		if i >= 0 && strings.HasPrefix(text[i+1:], string(a)+":") {
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// registryText returns the name of something on a registry as users write it: with docker:// if it
// would be read as another transport.
func registryText(text string) string {
	if IsRegistryRef(text) {
		return text
	}
	return TransportDocker + text
}

// IsRegistry reports whether the location is on a registry.
func (l Location) IsRegistry() bool { return l.Transport == TransportDocker }

// isNull reports whether the location is null:.
func (l Location) isNull() bool { return l.Transport == transportNull }

// IsArchive reports whether the location is a tar, which is only written as a whole.
func (l Location) IsArchive() bool {
	return l.Transport == TransportOCIArchive || l.Transport == transportDockerArchive
}

// IsWhole reports whether the location is a layout or tar as a whole: it names no image there.
func (l Location) IsWhole() bool {
	return !l.IsRegistry() && l.image == "" && l.digest == "" && !l.isIndex
}

// inside returns what names the image in a layout or tar: NAME, TAG, @DIGEST or both, or "".
func (l Location) inside() string {
	if l.digest != "" {
		return l.image + "@" + string(l.digest)
	}
	return l.image
}

// String returns the location as users write it.
func (l Location) String() string {
	if l.digest != "" {
		return l.named() + "@" + string(l.digest)
	}
	return l.named()
}

// named returns the location as users write it, without a digest in a layout or tar.
func (l Location) named() string {
	switch {
	case l.IsRegistry():
		return registryText(l.Ref.Familiar())
	case l.isIndex:
		return l.Transport + l.Path + indexSuffix
	case l.image == "":
		return l.Transport + l.Path
	}
	return l.Transport + l.Path + ":" + l.image
}

// File returns the layout or tar: its name with the transport, its path, and whether it is a tar.
func (l Location) File() (name, path string, isTar bool) {
	return l.Transport + l.Path, l.Path, l.IsArchive()
}

// WithName returns the location with an image's name if it names no image itself.
func (l Location) WithName(name reference.Reference) Location {
	switch {
	case !l.IsWhole() || name.Path == "":
	case name.Tag != "":
		l.image = name.WithTag(name.Tag).Familiar()
	default:
		l.image, l.digest = name.Name(), name.Digest // the short name could be read as a tag
	}
	return l
}

// NameFor returns the name of an image at the location. In a layout or tar the image keeps what the
// location does not say of it.
func (l Location) NameFor(name reference.Reference) (as reference.Reference, err error) {
	switch {
	case l.isIndex:
		return as, &cli.UsageError{
			Message: fmt.Sprintf("%s is an image to read, and no target", l),
			Advice:  fmt.Sprintf("leave out %s, or write :NAME:TAG", indexSuffix),
		}
	case l.IsRegistry():
		as = l.Ref
	case l.IsWhole():
		as = name
		if as.Tag != "" {
			as.Digest = "" // the tag is the name
		}
	case l.image == "":
		as = name.WithDigest(l.digest)
	case reference.ValidTag(l.image):
		as = name.WithTag(l.image)
		as.Digest = l.digest
	default:
		as, err = reference.Parse(l.inside())
	}
	if err == nil && as.Tag != "" && as.Digest != "" {
		err = &cli.UsageError{
			Message: "the target has a tag and a digest",
			Advice:  "give one of the two; the image keeps its digest anyway",
		}
	}
	return as, err
}

// RepositoryName returns the repository of an image in a layout or tar, "" if the image has no
// name.
func RepositoryName(name reference.Reference) string {
	if name.Path == "" {
		return ""
	}
	return name.Name()
}

// Overwrites reports whether writing to the location loses what was written to another one.
func (l Location) Overwrites(other Location) bool {
	l, other = l.Placed(), other.Placed()
	if l.IsArchive() && other.IsArchive() {
		return l.Path == other.Path
	}
	return l == other
}

// Placed returns the location with the place of its layout or tar as the path, so that oci:d and
// oci:./d are equal.
func (l Location) Placed() Location {
	if !l.IsRegistry() && !l.isNull() {
		l.Path = layout.Place(l.Path)
	}
	return l
}

// IsFolder reports whether an argument FILE|DIR is a folder: it exists as one or ends with a slash.
func IsFolder(path string) bool {
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator)) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// IsNewLayout reports whether the location is in an OCI image layout that does not exist yet.
func (l Location) IsNewLayout() bool {
	return l.Transport == TransportOCI && !LayoutExists(l.Path)
}

// LayoutExists reports whether a folder has an OCI image layout. To open a layout for writing creates
// one, so an image is collected before that: one that cannot be read leaves nothing behind.
func LayoutExists(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "oci-layout"))
	return !errors.Is(err, fs.ErrNotExist)
}

// CheckFolder checks that the folder of a file exists. It is called before anything is fetched.
func CheckFolder(file string) error {
	dir := filepath.Dir(file)
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return cli.Reword(err, "%s cannot be written: there is no folder %s", file, dir)
	}
	if err != nil || !info.IsDir() {
		return fmt.Errorf("%s cannot be written: there is no folder %s", file, dir)
	}
	return nil
}
