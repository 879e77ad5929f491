// Package reference parses image names as docker does: "halo" is docker.io/library/halo:latest.
// Start with [Parse], which returns a [Reference].
//
// The grammar is that of github.com/distribution/reference. Repositories and tags follow the OCI
// distribution-spec, "Pulling manifests", too.
package reference

import (
	"strings"

	"github.com/hczjl/transship/blob"
)

const (
	dockerDomain  = "docker.io"
	dockerIndex   = "index.docker.io" // docker.io in old configurations
	dockerHost    = "registry-1.docker.io"
	dockerLibrary = "library/"
	defaultTag    = "latest"
)

// Reference is a normalized image name. If it was parsed, it has Domain and Path, and Tag or Digest
// or both.
type Reference struct {
	Domain string // host[:port], such as docker.io, localhost:5000 or [::1]:5000
	Path   string // the repository on its host, such as library/halo
	Tag    string
	Digest blob.Digest
}

// Name returns domain/path, without tag and digest.
func (r Reference) Name() string { return r.Domain + "/" + r.Path }

// String returns the normalized reference, such as docker.io/library/halo:latest.
func (r Reference) String() string { return r.Name() + r.suffix() }

// Familiar returns the shortest form that Parse reads as the same reference, such as halo:latest.
// docker calls it the familiar form.
func (r Reference) Familiar() string { return r.FamiliarName() + r.suffix() }

// FamiliarName returns the familiar form without tag and digest, such as halo. If that is another
// name (docker.io/example.com/x is not on example.com), it returns the whole name, which docker
// shortens nevertheless.
func (r Reference) FamiliarName() string {
	short := strings.TrimPrefix(r.Path, dockerLibrary)
	for _, name := range []string{short, r.Path} {
		if domain, path := splitDomain(name); domain == r.Domain && path == r.Path {
			return name
		}
	}
	return r.Name()
}

// suffix returns the tag and the digest, with their separators.
func (r Reference) suffix() string {
	s := ""
	if r.Tag != "" {
		s = ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + string(r.Digest)
	}
	return s
}

// Host returns the host[:port] of the domain's registry. That of docker.io is registry-1.docker.io.
func (r Reference) Host() string {
	if r.Domain == dockerDomain {
		return dockerHost
	}
	return r.Domain
}

// Identifier returns what identifies the manifest in its repository: the digest if there is one,
// and the tag otherwise.
func (r Reference) Identifier() string {
	if r.Digest != "" {
		return string(r.Digest)
	}
	return r.Tag
}

// WithTag returns a reference to a tag of the same repository.
func (r Reference) WithTag(tag string) Reference {
	r.Tag, r.Digest = tag, ""
	return r
}

// WithDigest returns a reference to a digest in the same repository, without a tag.
func (r Reference) WithDigest(d blob.Digest) Reference {
	r.Tag, r.Digest = "", d
	return r
}
