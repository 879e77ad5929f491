package layout

import (
	"context"
	"slices"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Repositories returns the names under which a registry shows the archive's images, sorted. The image
// docker.io/hczjl/halo:1.6 is in the repository hczjl/halo, and in docker.io/hczjl/halo too. The long name is among the
// names only where the archive has images of that path from two registries; a tag that names different images of theirs
// is found under the long names alone. Images without a name are in a repository called like the archive's file.
func (a *Archive) Repositories(context.Context) ([]string, error) {
	return slices.Clone(a.repositories().names), nil
}

// Repository returns the repository of that name, which need not hold anything.
func (a *Archive) Repository(name string) *ArchiveRepository {
	if r := a.repositories().byName[name]; r != nil {
		return r
	}
	return &ArchiveRepository{archive: a, name: name}
}

// Unnamed returns the repository of entries that name none.
func (a *Archive) Unnamed() *ArchiveRepository { return a.Repository(fallbackName(a.volumes.path)) }

// views are an archive's repositories.
type repositorySet struct {
	archive *Archive
	byName  map[string]*ArchiveRepository
	domains map[string][]string // by path: the registries that the archive has images of that path from
	names   []string
}

// makeViews sorts the archive's images into repositories.
func (a *Archive) groupImages() *repositorySet {
	v := &repositorySet{archive: a, byName: map[string]*ArchiveRepository{}, domains: map[string][]string{}}
	for _, im := range a.images {
		r, named := im.reference()
		if !named {
			v.repository(fallbackName(a.volumes.path)).add(tagOrEmpty(im.Annotations[annotationTag]), im.Descriptor)
			continue
		}
		v.repository(r.Name()).add(r.Tag, im.Descriptor)
		v.repository(r.Path).add(r.Tag, im.Descriptor)
		if !slices.Contains(v.domains[r.Path], r.Domain) {
			v.domains[r.Path] = append(v.domains[r.Path], r.Domain)
		}
	}
	v.listNames()
	return v
}

func (v *repositorySet) repository(name string) *ArchiveRepository {
	r := v.byName[name]
	if r == nil {
		r = &ArchiveRepository{archive: v.archive, name: name, tags: map[string]manifest.Descriptor{}}
		v.byName[name] = r
	}
	return r
}

// list chooses the names that are shown.
func (v *repositorySet) listNames() {
	hidden := map[string]bool{}
	for path, domains := range v.domains {
		for _, domain := range domains {
			hidden[reference.Reference{Domain: domain, Path: path}.Name()] = len(domains) == 1
		}
	}
	for name := range v.byName {
		if !hidden[name] {
			v.names = append(v.names, name)
		}
	}
	slices.Sort(v.names)
}
