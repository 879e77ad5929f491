package registry

import "github.com/hczjl/transship/distribution/layout"

// OnArchive returns a read-only store over a bundle or another archive, which is not unpacked. Its
// repositories have the names of [layout.Archive.Repositories]. Every change returns
// errors.ErrUnsupported.
func OnArchive(a *layout.Archive) Store { return onArchive{a} }

type onArchive struct{ *layout.Archive }

// Repository implements Store.
func (a onArchive) Repository(name string) Repository {
	return onArchiveRepository{a.Archive.Repository(name), readOnly{name}}
}

// Exact implements ShortNamed.
func (a onArchive) Exact(name string) Repository {
	if a.HasShortName(name) {
		return readOnlyUnion{merged{name: name}, readOnly{name}} // an empty repository
	}
	return a.Repository(name)
}

type onArchiveRepository struct {
	*layout.ArchiveRepository
	readOnly
}
