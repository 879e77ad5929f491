package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
)

// dockerTransport is the transport of names on registries, which need none.
const dockerTransport = "docker://"

// TransportOf returns the transport that a text begins with, or "". It knows those of other tools
// too (containers-transports(5)), which are not supported.
func TransportOf(text string) string {
	for _, transport := range []string{
		dockerTransport, "oci:", "oci-archive:", "docker-archive:", "null:",
		"dir:", "docker-daemon:", "containers-storage:", "ostree:", "sif:", "tarball:",
	} {
		if strings.HasPrefix(text, transport) {
			return transport
		}
	}
	return ""
}

// ParseReference is [reference.Parse] for an image on a registry as a user names it, with docker://
// or without. What docker reads as an image of Docker Hub, though it is a registry's host, a file or
// another transport, is a usage error, so that Docker Hub is not called by mistake:
// docker.io/library/NAME means such an image.
func ParseReference(text string) (reference.Reference, error) {
	return parseName(text, "/halohub/halo:1.6", reference.Parse)
}

// ParseRepository is [reference.ParseRepository] with the checks of [ParseReference].
func ParseRepository(text string) (reference.Reference, error) {
	return parseName(text, "/halohub/halo", reference.ParseRepository)
}

// parseName parses a name on a registry. example is what a host needs after it.
func parseName(
	text, example string, parse func(string) (reference.Reference, error),
) (reference.Reference, error) {
	name, explicit := strings.CutPrefix(text, dockerTransport)
	if transport := TransportOf(text); transport != "" && !explicit {
		return reference.Reference{}, &UsageError{
			Message: fmt.Sprintf("%s is not on a registry, and an image on one is wanted here", text),
			Advice:  "for an image of Docker Hub write docker.io/library/" + text,
		}
	}
	if IsFile(name) {
		return reference.Reference{}, fileError(name)
	}
	if host := hostAlone(name); host != "" {
		return reference.Reference{}, &UsageError{
			Message: fmt.Sprintf("%s is a registry: name a repository too, as in %s%s", host, host, example),
			Advice:  "for an image of Docker Hub write docker.io/library/NAME",
		}
	}
	return parse(name)
}

// hostAlone returns the host[:port] that a name is, "" if it may name an image. No name without a
// slash on Docker Hub has a dot or is localhost.
func hostAlone(name string) string {
	name, _, _ = strings.Cut(name, "@")
	name = strings.TrimSuffix(name, "/")
	if strings.Contains(name, "/") {
		return ""
	}
	host := name
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, ']') {
		host = name[:colon]
		if strings.Trim(name[colon+1:], "0123456789") != "" {
			name = host // a tag follows, and not a port
		}
	}
	if !strings.ContainsAny(host, ".[") && !strings.EqualFold(host, "localhost") {
		return ""
	}
	if _, err := reference.Parse(name + "/x"); err != nil {
		return ""
	}
	return name
}

// IsFile reports whether a name is that of a file or folder, and no image's: it is written like a
// path, ends like an archive, or one exists of that name, which has a dot. A folder called alpine
// is not.
func IsFile(name string) bool {
	for _, prefix := range []string{"/", "./", "../", "~/", `\`, `.\`, `..\`} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	if name == "." || name == ".." || DriveOf(name) != "" {
		return true
	}
	first, _, below := strings.Cut(name, "/")
	path, _, _ := strings.Cut(name, ":") // an image in the archive may follow
	switch {
	case !below:
		return hasSuffix(name, archiveSuffixes) || hasSuffix(name, listSuffixes) ||
			strings.Contains(path, ".") && exists(path)
	case exists(name):
		return hasSuffix(name, archiveSuffixes) || hasSuffix(name, listSuffixes)
	}
	return hasSuffix(name, archiveSuffixes) && !strings.ContainsAny(first, ".:") // on Docker Hub
}

// DriveOf returns the C: of C:\images\x.tar, and on Windows also of C:/images/x.tar and C:x.tar; "" of
// what has no drive.
func DriveOf(path string) string {
	if len(path) > 2 && path[1] == ':' && path[2] == '\\' && 'a' <= path[0]|0x20 && path[0]|0x20 <= 'z' {
		return path[:2]
	}
	if drive := filepath.VolumeName(path); strings.HasSuffix(drive, ":") {
		return drive
	}
	return ""
}

const (
	archiveSuffixes = ".tar .tgz .tar.gz .tar.xz .tar.zst .tar.bz2"
	listSuffixes    = ".txt .json .jsonl .har .yaml .yml .sum"
)

// hasSuffix reports whether the last component of a name, without what follows a colon, has one of
// the suffixes.
func hasSuffix(name, suffixes string) bool {
	last, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ":")
	if ext := filepath.Ext(last); len(ext) == len(".001") && strings.Trim(ext[1:], "0123456789") == "" {
		last = strings.TrimSuffix(last, ext) // a volume
	}
	for suffix := range strings.FieldsSeq(suffixes) {
		if strings.HasSuffix(strings.ToLower(last), suffix) {
			return true
		}
	}
	return false
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// fileError says how a file or folder is named where an image is wanted.
func fileError(name string) error {
	kind, transport := "file", "oci-archive:"
	if info, err := os.Stat(name); err == nil && info.IsDir() || os.IsPathSeparator(name[len(name)-1]) ||
		filepath.Base(name) == ".." {
		kind, transport = "folder", "oci:"
	}
	advice := "for an image of Docker Hub write docker.io/library/NAME"
	if !exists(name) && hasSuffix(name, archiveSuffixes) { // the order of crane pull and docker save
		advice = fmt.Sprintf("to write images to a file: transship save -o %s IMAGE", name)
	}
	return &UsageError{Message: fmt.Sprintf("%s is a %s: write %s%s", name, kind, transport, name), Advice: advice}
}
