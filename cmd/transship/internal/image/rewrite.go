package image

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
)

// RewriteList is the value of --rewrite FROM=TO, which may be repeated.
type RewriteList []rewrite

// rewrite replaces from, as the first whole components of a name, with to.
type rewrite struct{ from, to string }

// String implements flag.Value.
func (l *RewriteList) String() string {
	var out []string
	for _, r := range *l {
		out = append(out, r.from+"="+r.to)
	}
	return strings.Join(out, ",")
}

// Set implements flag.Value. It sorts the list: the longest FROM comes first.
func (l *RewriteList) Set(s string) error {
	from, to, found := strings.Cut(s, "=")
	from, to = strings.Trim(from, "/"), strings.Trim(to, "/")
	if !found || from == "" {
		return fmt.Errorf("%q is not FROM=TO, such as docker.io/halohub=mirror", s)
	}
	if slices.ContainsFunc(*l, func(r rewrite) bool { return r.from == from && r.to != to }) {
		return fmt.Errorf("%s is rewritten twice", from)
	}
	*l = append(*l, rewrite{from, to})
	slices.SortStableFunc(*l, func(a, b rewrite) int { return cmp.Compare(len(b.from), len(a.from)) })
	return nil
}

// apply returns an image's path, rewritten by the first rule that matches its full name, its name
// as users write it, or its path.
func (l RewriteList) apply(name reference.Reference) string {
	for _, r := range l {
		if rest, found := r.cut(name); found {
			return strings.Trim(r.to+"/"+rest, "/")
		}
	}
	return name.Path
}

// cut returns what follows from in a name.
func (r rewrite) cut(name reference.Reference) (rest string, found bool) {
	for _, text := range []string{name.Name(), name.FamiliarName(), name.Path} {
		if rest, found = strings.CutPrefix(text+"/", r.from+"/"); found {
			return rest, true
		}
	}
	return "", false
}

// Unmatched returns the rules that match none of the names, as FROM=TO.
func (l RewriteList) Unmatched(names []reference.Reference) (rules []string) {
	for _, r := range l {
		matches := func(name reference.Reference) bool { _, found := r.cut(name); return found }
		if !slices.ContainsFunc(names, matches) {
			rules = append(rules, r.from+"="+r.to)
		}
	}
	return rules
}
