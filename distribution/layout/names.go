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

// Annotations of the entries of index.json; the package comment says who reads them.
const (
	annotationTag        = "org.opencontainers.image.ref.name"
	annotationImage      = "io.containerd.image.name"
	annotationRepository = "io.github.hczjl.transship.repository"
	annotationReference  = "io.github.hczjl.transship.reference" // of artifacts in a bundle
)

// maxName is how long a repository's name may be, in bytes.
const maxRepositoryName = 255

// annotations returns those of an entry for a tag of a repository, or for an untagged manifest.
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

// nameOf returns what an entry is called: by its repository annotation, or as other tools name images. An entry
// without a repository belongs to fallback, and one without a usable tag has none.
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

func tagOrEmpty(s string) string {
	if reference.ValidTag(s) {
		return s
	}
	return ""
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// fallbackName makes a repository's name from a folder's.
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

// checkName refuses names that cannot be repositories. A name may begin with a domain and port, which a registry's
// paths cannot, so that images of several registries can stand side by side.
func checkRepositoryName(name string) error {
	if name == "" || len(name) > maxRepositoryName {
		return fmt.Errorf("%q is no repository name", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || part[0] == '_' {
			return fmt.Errorf("%q is no repository name", name)
		}
	}
	return nil
}

// fileName turns a repository's name into a path that every file system takes: whatever is not a lower-case letter,
// digit, dot, underscore or hyphen is written as % and its hexadecimal code.
func repositoryPath(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
			b.WriteByte(c)
		case c == '/':
			b.WriteByte(filepath.Separator)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// repositoryName is the inverse of fileName, "" for what fileName does not write.
func repositoryName(file string) string {
	name, err := url.PathUnescape(filepath.ToSlash(file))
	if err != nil || repositoryPath(name) != file {
		return ""
	}
	return name
}
