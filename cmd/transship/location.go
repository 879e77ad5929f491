package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
)

// The transports of locations, by the names that skopeo made known (containers-transports(5)).
const (
	onRegistry      = "docker://" // also where there is no transport
	inLayout        = "oci:"
	inArchive       = "oci-archive:"
	inDockerArchive = "docker-archive:"
)

// location is where an image is or is to be: REF or docker://REF on a registry, oci:DIR[:IMAGE] in an OCI image layout,
// oci-archive:FILE[:IMAGE] or docker-archive:FILE[:IMAGE] in a tar.
type location struct {
	transport string
	ref       reference.Reference // on a registry
	path      string              // of the layout or tar
	image     string              // in it: a name or a tag; "" where there is only one, or where the digest says which
	digest    blob.Digest         // in it; "" where the location says none
}

// parseLocation reads a location. A text that begins with a transport is never the name of an image.
func parseLocation(arg string) (location, error) {
	transport := transportOf(arg)
	rest := strings.TrimPrefix(arg, transport)
	switch transport {
	case "", onRegistry:
		ref, err := reference.Parse(rest)
		return location{transport: onRegistry, ref: ref}, err
	case inLayout, inArchive, inDockerArchive:
		return parseFileLocation(transport, rest)
	case atNull:
		return location{}, &usageError{message: "null: is for copy alone", advice: "transship copy REF null: reads and verifies, transship copy null:64MiB REF writes"}
	}
	return location{}, &usageError{
		message: "the transport " + transport + " is not known here",
		advice:  "take docker://REF, oci:DIR, oci-archive:FILE or docker-archive:FILE",
	}
}

// transportOf returns the transport that a text begins with, one of those that are not known here too; "" where there is
// none.
func transportOf(text string) string {
	for _, transport := range []string{onRegistry, inLayout, inArchive, inDockerArchive, atNull,
		"dir:", "docker-daemon:", "containers-storage:", "ostree:", "sif:", "tarball:"} {
		if strings.HasPrefix(text, transport) {
			return transport
		}
	}
	return ""
}

// meansRegistry tells whether a text can only mean something on a registry: it has no other transport.
func meansRegistry(text string) bool {
	transport := transportOf(text)
	return transport == "" || transport == onRegistry
}

// parseFileLocation splits PATH[:IMAGE][@DIGEST]: at the first colon, as skopeo does.
func parseFileLocation(transport, rest string) (location, error) {
	l := location{transport: transport}
	rest, digest := cutDigest(rest)
	l.path, l.image, _ = strings.Cut(rest, ":")
	if l.path == "" {
		return l, &usageError{message: fmt.Sprintf("%s%s names no file or folder", transport, rest)}
	}
	if digest == "" {
		return l, nil
	}
	l.digest = blob.Digest(digest)
	if err := l.digest.Validate(); err != nil {
		return l, &usageError{message: fmt.Sprintf("%s%s@%s: %v", transport, rest, digest, err)}
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
	if meansRegistry(text) {
		return text
	}
	return onRegistry + text
}

// registry tells whether the location is on a registry.
func (l location) registry() bool { return l.transport == onRegistry }

// archive tells whether the location is a tar, which is written as a whole.
func (l location) archive() bool { return l.transport == inArchive || l.transport == inDockerArchive }

// whole tells whether the location is a layout or tar with all that is in it.
func (l location) whole() bool { return !l.registry() && l.image == "" && l.digest == "" }

// inside is what the location says of the image in a layout or tar.
func (l location) inside() string {
	if l.digest != "" {
		return l.image + "@" + string(l.digest)
	}
	return l.image
}

// String is the location as people write it.
func (l location) String() string {
	if l.digest != "" {
		return l.named() + "@" + string(l.digest)
	}
	return l.named()
}

// named is the location of a layout or tar without the digest.
func (l location) named() string {
	switch {
	case l.registry():
		return registryText(l.ref.Familiar())
	case l.image == "":
		return l.transport + l.path
	}
	return l.transport + l.path + ":" + l.image
}

// file is the layout or tar itself: what it is called, its path, and whether it is a tar.
func (l location) file() (name, path string, isTar bool) {
	return l.transport + l.path, l.path, l.archive()
}

// calling is the location with the name that an image gets there where it says none.
func (l location) calling(name reference.Reference) location {
	switch {
	case !l.whole() || name.Path == "":
	case name.Tag != "":
		l.image = name.WithTag(name.Tag).Familiar()
	default:
		l.image, l.digest = name.Name(), name.Digest // a familiar name could be a tag
	}
	return l
}

// isFolder tells whether an argument FILE|DIR means a folder: it is one, or ends with a slash.
func isFolder(path string) bool {
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator)) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
