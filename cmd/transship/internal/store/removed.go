package store

import (
	"fmt"
	"io"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
)

// Removed is what a command has removed from the store, in documents of --json.
type Removed struct {
	Untagged []string      `json:"untagged"` // names, as docker prints them
	Deleted  []blob.Digest `json:"deleted"`  // manifests and blobs
}

// noneRemoved returns a Removed whose lists are there.
func noneRemoved() Removed { return Removed{[]string{}, []blob.Digest{}} }

// print prints what docker prints.
func (done Removed) print(out io.Writer) {
	for _, name := range done.Untagged {
		fmt.Fprintln(out, "Untagged:", name)
	}
	for _, d := range done.Deleted {
		fmt.Fprintln(out, "Deleted:", d)
	}
}

// untagged returns the names that were removed: tags, and with the last one of a repository the
// digest too.
func untagged(dir *layout.Dir, removed []layout.Root) (names []string, err error) {
	left, err := dir.Roots()
	if err != nil {
		return nil, err
	}
	for i, r := range removed {
		if r.Tag != "" {
			names = append(names, rootName(r))
		}
		same := func(o layout.Root) bool { return o.Repository == r.Repository && o.Digest == r.Digest }
		if !slices.ContainsFunc(left, same) && !slices.ContainsFunc(removed[i+1:], same) {
			r.Tag = ""
			names = append(names, rootName(r))
		}
	}
	return names, nil
}
