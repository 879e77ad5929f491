package image

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

// The transports of locations, by the names that skopeo made known (containers-transports(5)).
const (
	TransportDocker        = "docker://" // also where there is no transport
	TransportOCI           = "oci:"
	TransportOCIArchive    = "oci-archive:"
	transportDockerArchive = "docker-archive:"
)

// Location is where an image is or is to be: REF or docker://REF on a registry, oci:DIR[:IMAGE] in an OCI image layout,
// oci-archive:FILE[:IMAGE] or docker-archive:FILE[:IMAGE] in a tar.
type Location struct {
	Transport string
	Ref       reference.Reference // on a registry
	Path      string              // of the layout or tar
	image     string              // in it: a name or a tag; "" where there is only one, or where the digest says which
	digest    blob.Digest         // in it; "" where the location says none
}

// ParseLocation reads a location. A text that begins with a transport is never the name of an image.
func ParseLocation(arg string) (Location, error) {
	transport := transportOf(arg)
	rest := strings.TrimPrefix(arg, transport)
	switch transport {
	case "", TransportDocker:
		ref, err := reference.Parse(rest)
		return Location{Transport: TransportDocker, Ref: ref}, err
	case TransportOCI, TransportOCIArchive, transportDockerArchive:
		return parseFileLocation(transport, rest)
	case transportNull:
		return Location{}, &cli.UsageError{Message: "null: is for copy alone", Advice: "transship copy REF null: reads and verifies, transship copy null:64MiB REF writes"}
	}
	return Location{}, &cli.UsageError{
		Message: "the transport " + transport + " is not known here",
		Advice:  "take docker://REF, oci:DIR, oci-archive:FILE or docker-archive:FILE",
	}
}

// transportOf returns the transport that a text begins with, one of those that are not known here too; "" where there is
// none.
func transportOf(text string) string {
	for _, transport := range []string{TransportDocker, TransportOCI, TransportOCIArchive, transportDockerArchive, transportNull,
		"dir:", "docker-daemon:", "containers-storage:", "ostree:", "sif:", "tarball:"} {
		if strings.HasPrefix(text, transport) {
			return transport
		}
	}
	return ""
}

// IsRegistryRef tells whether a text can only mean something on a registry: it has no other transport.
func IsRegistryRef(text string) bool {
	transport := transportOf(text)
	return transport == "" || transport == TransportDocker
}

// parseFileLocation splits PATH[:IMAGE][@DIGEST]: at the first colon, as skopeo does.
func parseFileLocation(transport, rest string) (Location, error) {
	l := Location{Transport: transport}
	rest, digest := cutDigest(rest)
	l.Path, l.image, _ = strings.Cut(rest, ":")
	if l.Path == "" {
		return l, &cli.UsageError{Message: fmt.Sprintf("%s%s names no file or folder", transport, rest)}
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

// cutDigest splits off what follows an @ and is meant to be a digest.
func cutDigest(text string) (rest, digest string) {
	at := strings.LastIndexByte(text, '@')
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		if at >= 0 && strings.HasPrefix(text[at+1:], string(a)+":") {
			return text[:at], text[at+1:]
		}
	}
	return text, ""
}

// registryText is what people write of something on a registry: with its transport, where it would read as another one.
func registryText(text string) string {
	if IsRegistryRef(text) {
		return text
	}
	return TransportDocker + text
}

// IsRegistry tells whether the location is on a registry.
func (l Location) IsRegistry() bool { return l.Transport == TransportDocker }

// IsArchive tells whether the location is a tar, which is written as a whole.
func (l Location) IsArchive() bool {
	return l.Transport == TransportOCIArchive || l.Transport == transportDockerArchive
}

// IsWhole tells whether the location is a layout or tar with all that is in it.
func (l Location) IsWhole() bool { return !l.IsRegistry() && l.image == "" && l.digest == "" }

// inside is what the location says of the image in a layout or tar.
func (l Location) inside() string {
	if l.digest != "" {
		return l.image + "@" + string(l.digest)
	}
	return l.image
}

// String is the location as people write it.
func (l Location) String() string {
	if l.digest != "" {
		return l.named() + "@" + string(l.digest)
	}
	return l.named()
}

// named is the location of a layout or tar without the digest.
func (l Location) named() string {
	switch {
	case l.IsRegistry():
		return registryText(l.Ref.Familiar())
	case l.image == "":
		return l.Transport + l.Path
	}
	return l.Transport + l.Path + ":" + l.image
}

// File is the layout or tar itself: what it is called, its path, and whether it is a tar.
func (l Location) File() (name, path string, isTar bool) {
	return l.Transport + l.Path, l.Path, l.IsArchive()
}

// WithName is the location with the name that an image gets there where it says none.
func (l Location) WithName(name reference.Reference) Location {
	switch {
	case !l.IsWhole() || name.Path == "":
	case name.Tag != "":
		l.image = name.WithTag(name.Tag).Familiar()
	default:
		l.image, l.digest = name.Name(), name.Digest // a familiar name could be a tag
	}
	return l
}

// IsFolder tells whether an argument FILE|DIR means a folder: it is one, or ends with a slash.
func IsFolder(path string) bool {
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator)) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
