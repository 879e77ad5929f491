package layout

import (
	"slices"

	"github.com/hczjl/transship/distribution/reference"
)

// Named returns the names of the repositories that are path with the domain of a registry before it, sorted:
// docker.io/hczjl/halo and registry.example/hczjl/halo for hczjl/halo. It knows those that index.json has entries of.
func (d *Dir) Named(path string) ([]string, error) {
	ix, err := d.index()
	if err != nil {
		return nil, err
	}
	return slices.Clone(ix.byPath()[path]), nil
}

// byPath returns the names that begin with a domain, by what comes after it.
func (ix *index) groupByPath() map[string][]string {
	out := map[string][]string{}
	for name := range ix.tags {
		if ref, err := reference.ParseRepository(name); err == nil && ref.Name() == name {
			out[ref.Path] = append(out[ref.Path], name)
		}
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}
