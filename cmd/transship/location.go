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
	image     string              // in it: a name, a tag or a digest; "" for the only one there is
}

// parseLocation reads a location. A text that begins with a transport is never the name of an image.
func parseLocation(arg string) (location, error) {
	for _, transport := range []string{inLayout, inArchive, inDockerArchive} {
		if rest, found := strings.CutPrefix(arg, transport); found {
			return parseFileLocation(transport, rest)
		}
	}
	if strings.HasPrefix(arg, atNull) {
		return location{}, &usageError{message: "null: is for copy alone", hint: "transship copy REF null: reads and verifies, transship copy null:64MiB REF writes"}
	}
	for _, other := range []string{"dir:", "docker-daemon:", "containers-storage:", "ostree:", "sif:", "tarball:"} {
		if strings.HasPrefix(arg, other) {
			return location{}, &usageError{
				message: "the transport " + other + " is not known here",
				hint:    "take docker://REF, oci:DIR, oci-archive:FILE or docker-archive:FILE",
			}
		}
	}
	ref, err := reference.Parse(strings.TrimPrefix(arg, onRegistry))
	return location{transport: onRegistry, ref: ref}, err
}

// parseFileLocation splits PATH[:IMAGE] at the first colon, as skopeo does, or PATH@DIGEST.
func parseFileLocation(transport, rest string) (location, error) {
	l := location{transport: transport, path: rest}
	colon, at := strings.IndexByte(rest, ':'), strings.Index(rest, "@sha")
	switch {
	case at >= 0 && at < colon:
		l.path, l.image = rest[:at], rest[at+1:]
	case colon >= 0:
		l.path, l.image = rest[:colon], strings.TrimPrefix(rest[colon+1:], "@")
	}
	if l.path == "" {
		return l, &usageError{message: fmt.Sprintf("%s%s names no file or folder", transport, rest)}
	}
	return l, nil
}

// registry tells whether the location is on a registry.
func (l location) registry() bool { return l.transport == onRegistry }

// archive tells whether the location is a tar, which is written as a whole.
func (l location) archive() bool { return l.transport == inArchive || l.transport == inDockerArchive }

// String is the location as people write it.
func (l location) String() string {
	if !l.registry() && blob.Digest(l.image).Validate() == nil {
		return l.transport + l.path + "@" + l.image
	}
	return l.named()
}

// named is the location without a digest.
func (l location) named() string {
	switch {
	case l.registry():
		return l.ref.Familiar()
	case l.image == "" || blob.Digest(l.image).Validate() == nil:
		return l.transport + l.path
	}
	return l.transport + l.path + ":" + l.image
}

// calling is the location with the name that an image gets there where it says none.
func (l location) calling(name reference.Reference) location {
	if l.image == "" && name.Path != "" {
		l.image = name.Familiar()
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
