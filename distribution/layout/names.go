package layout

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Annotations of the entries of index.json. The package comment says which tools read them.
const (
	annotationTag        = "org.opencontainers.image.ref.name"
	annotationImage      = "io.containerd.image.name"
	annotationRepository = "io.github.hczjl.transship.repository"
	annotationReference  = "io.github.hczjl.transship.reference" // of artifacts in a bundle
)

// maxRepositoryName is the maximum length of a repository's name in bytes.
const maxRepositoryName = 255

// entryAnnotations returns the annotations of an entry for a tag of a repository, or for an
// untagged manifest if tag is "".
func entryAnnotations(repository, tag string) map[string]string {
	out := map[string]string{annotationRepository: repository}
	if tag == "" {
		return out
	}
	out[annotationTag] = tag
	if ref, err := reference.Parse(repository + ":" + tag); err == nil {
		out[annotationImage] = ref.String()
	}
	return out
}

// entryName returns the repository and tag of an entry: by our repository annotation, or by those
// of other tools. An entry without a repository belongs to fallback; one without a valid tag has
// the tag "".
func entryName(d manifest.Descriptor, fallback string) (repository, tag string) {
	short := d.Annotations[annotationTag]
	if name := d.Annotations[annotationRepository]; checkRepositoryName(name) == nil {
		return name, tagOrEmpty(short)
	}
	for _, key := range []string{annotationReference, annotationImage} {
		if ref, err := reference.Parse(d.Annotations[key]); err == nil {
			return ref.Name(), ref.Tag
		}
	}
	if reference.ValidTag(short) {
		return fallback, short
	}
	if ref, err := reference.Parse(short); err == nil {
		return ref.Name(), ref.Tag
	}
	return fallback, ""
}

// tagOrEmpty returns s if it is a valid tag, "" if not.
func tagOrEmpty(s string) string {
	if reference.ValidTag(s) {
		return s
	}
	return ""
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// fallbackName makes a repository name of a folder's or file's name.
func fallbackName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(filepath.Base(abs)), "-"), "-")
	if !reference.ValidPath(name) {
		return "image"
	}
	return name
}

// checkRepositoryName returns an error for names that no repository can have. A name may begin with
// a domain and port, which is not possible in a registry's paths: images of several registries can
// be stored side by side.
func checkRepositoryName(name string) error {
	if name == "" || len(name) > maxRepositoryName {
		return fmt.Errorf("%q is no repository name", name)
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || segment[0] == '.' || segment[0] == '_' {
			return fmt.Errorf("%q is no repository name", name)
		}
	}
	return nil
}

// repositoryPath makes a path of a repository's name that every file system accepts. Bytes other
// than a-z, 0-9, dot, underscore, hyphen and slash are written as % and two hexadecimal digits.
func repositoryPath(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-', c == '/':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// repositoryName is the inverse of repositoryPath. It is "" for paths that repositoryPath does not
// make.
func repositoryName(file string) string {
	name, err := url.PathUnescape(file)
	if err != nil || repositoryPath(name) != file {
		return ""
	}
	return name
}
