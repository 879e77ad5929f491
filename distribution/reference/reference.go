// Package reference reads image names the way docker does: "halo" is docker.io/library/halo:latest.
//
// The grammar is that of github.com/distribution/reference; the repository and tag parts are also those of the OCI
// distribution-spec, "Pulling manifests".
package reference

import (
	"strings"

	"github.com/hczjl/transship/blob"
)

const (
	dockerDomain  = "docker.io"
	dockerIndex   = "index.docker.io" // what old configurations call docker.io
	dockerHost    = "registry-1.docker.io"
	dockerLibrary = "library/"
	defaultTag    = "latest"
)

// Reference is a normalised image name. A parsed one has Domain and Path, and Tag or Digest or both.
type Reference struct {
	Domain string // host[:port], such as docker.io, localhost:5000 or [::1]:5000
	Path   string // the repository's name on its host, such as library/halo
	Tag    string
	Digest blob.Digest
}

// Name returns domain/path, without tag and digest.
func (r Reference) Name() string { return r.Domain + "/" + r.Path }

// String returns the whole normalised reference, such as docker.io/library/halo:latest.
func (r Reference) String() string { return r.Name() + r.suffix() }

// Familiar returns the shortest form that reads back as the same reference, such as halo:latest.
func (r Reference) Familiar() string { return r.FamiliarName() + r.suffix() }

// FamiliarName returns the familiar form without tag and digest, such as halo. Where that would read as something
// else (docker.io/example.com/x is no image of example.com) it is the whole name, which docker shortens all the same.
func (r Reference) FamiliarName() string {
	short := strings.TrimPrefix(r.Path, dockerLibrary)
	for _, name := range []string{short, r.Path} {
		if domain, path := splitDomain(name); domain == r.Domain && path == r.Path {
			return name
		}
	}
	return r.Name()
}

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

// Host returns the host[:port] that answers for the domain: docker.io's registry is registry-1.docker.io.
func (r Reference) Host() string {
	if r.Domain == dockerDomain {
		return dockerHost
	}
	return r.Domain
}

// Identifier returns what names the manifest within its repository: the digest where there is one, since a tag beside
// it says nothing more, else the tag.
func (r Reference) Identifier() string {
	if r.Digest != "" {
		return string(r.Digest)
	}
	return r.Tag
}

// WithTag returns the reference to a tag of the same repository.
func (r Reference) WithTag(tag string) Reference {
	r.Tag, r.Digest = tag, ""
	return r
}

// WithDigest returns the reference to a digest in the same repository, without a tag.
func (r Reference) WithDigest(d blob.Digest) Reference {
	r.Tag, r.Digest = "", d
	return r
}
