package registry

import (
	"context"
	"slices"
)

// Union is a store that combines several stores. Where several have the same tag or content, the
// first one's is used. The zero value is empty.
type Union struct {
	// Writable gets all changes and is the first store. Without it every change returns
	// errors.ErrUnsupported.
	Writable Store
	// Stores are only read.
	Stores []Store
}

// Repositories implements Store.
func (u *Union) Repositories(ctx context.Context) ([]string, error) {
	var all []string
	for _, s := range u.stores() {
		names, err := s.Repositories(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Repository implements Store.
func (u *Union) Repository(name string) Repository {
	reader := u.merged(name, Store.Repository)
	if u.Writable == nil {
		return readOnlyUnion{reader, readOnly{name}}
	}
	return writableUnion{reader, u, u.Writable.Repository(name)}
}

// Exact implements ShortNamed, for reading.
func (u *Union) Exact(name string) Repository {
	return readOnlyUnion{u.merged(name, exact), readOnly{name}}
}

// merged merges the repositories of all stores.
func (u *Union) merged(name string, of func(Store, string) Repository) merged {
	m := merged{name: name}
	for _, s := range u.stores() {
		m.all = append(m.all, of(s, name))
	}
	return m
}

// Hold keeps the writable store from being pruned, as [layout.Dir.Hold] does, if it is one that can
// be.
func (u *Union) Hold() (release func(), err error) { return hold(u.Writable) }

func (u *Union) stores() []Store {
	if u.Writable == nil {
		return u.Stores
	}
	return append([]Store{u.Writable}, u.Stores...)
}
