package layout

import (
	"context"
	"slices"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Repositories returns the names under which a registry shows the archive's images, sorted. The
// image docker.io/hczjl/halo:1.6 is in two repositories: hczjl/halo and docker.io/hczjl/halo. The
// long name is only returned if the archive has images with that path from two registries. A tag
// that names different images of theirs is found only under the long names. Images without a name
// are in a repository named after the archive's file.
func (a *Archive) Repositories(context.Context) ([]string, error) {
	return slices.Clone(a.repositories().names), nil
}

// Repository returns the repository with that name, which need not hold anything.
func (a *Archive) Repository(name string) *ArchiveRepository {
	if r := a.repositories().byName[name]; r != nil {
		return r
	}
	return &ArchiveRepository{archive: a, name: name}
}

// HasShortName reports whether an image with a host in its name is also found under name: hczjl/halo
// for docker.io/hczjl/halo.
func (a *Archive) HasShortName(name string) bool { return len(a.repositories().domains[name]) > 0 }

// Unnamed returns the repository of entries that name none. It is named after the archive's file.
func (a *Archive) Unnamed() *ArchiveRepository { return a.Repository(fallbackName(a.volumes.path)) }

// readNamelessReferrers reads the referrers below the images without a name.
func (a *Archive) readNamelessReferrers() []referrerOf {
	var nameless []manifest.Descriptor
	for _, im := range a.images {
		if _, named := im.reference(); !named {
			nameless = append(nameless, im.Descriptor)
		}
	}
	return referrersBelow(nameless, a.manifest)
}

// repositorySet is the repositories of an archive.
type repositorySet struct {
	archive *Archive
	byName  map[string]*ArchiveRepository
	domains map[string][]string // by path: the domains of the archive's images with that path
	names   []string            // those that Repositories returns
}

// groupImages groups the archive's images into repositories.
func (a *Archive) groupImages() *repositorySet {
	s := &repositorySet{archive: a, byName: map[string]*ArchiveRepository{}, domains: map[string][]string{}}
	for _, im := range a.images {
		r, named := im.reference()
		if !named {
			s.repository(fallbackName(a.volumes.path)).add(tagOrEmpty(im.Annotations[annotationTag]), im.Descriptor)
			continue
		}
		s.repository(r.Name()).add(r.Tag, im.Descriptor)
		s.repository(r.Path).add(r.Tag, im.Descriptor)
		if !slices.Contains(s.domains[r.Path], r.Domain) {
			s.domains[r.Path] = append(s.domains[r.Path], r.Domain)
		}
	}
	s.listNames()
	return s
}

func (s *repositorySet) repository(name string) *ArchiveRepository {
	r := s.byName[name]
	if r == nil {
		r = &ArchiveRepository{archive: s.archive, name: name, tags: map[string]manifest.Descriptor{}}
		s.byName[name] = r
	}
	return r
}

// listNames fills s.names. It leaves out a long name if its path has only one domain.
func (s *repositorySet) listNames() {
	hidden := map[string]bool{}
	for path, domains := range s.domains {
		for _, domain := range domains {
			hidden[reference.Reference{Domain: domain, Path: path}.Name()] = len(domains) == 1
		}
	}
	for name := range s.byName {
		if !hidden[name] {
			s.names = append(s.names, name)
		}
	}
	slices.Sort(s.names)
}
