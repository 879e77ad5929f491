package auth

import (
	"cmp"
	"slices"
	"strings"
)

// Actions on a repository, as scopes name them (distribution, spec/auth/scope).
const (
	Pull   = "pull"
	Push   = "push"
	Delete = "delete"
)

const repositoryPrefix = "repository:"

// Scope is a set of things that a token allows: actions on repositories, the
// catalog, or whatever else a registry's challenge has named. The zero value
// is the empty scope. Scopes are immutable and comparable: two scopes are
// equal (==) exactly when they allow the same things.
type Scope struct {
	// text is the canonical form: entries sorted and separated by single
	// spaces, one for each resource, each with its actions sorted.
	text string
}

// resource is one entry of a scope. An entry with actions ends its key with a
// colon ("repository:hczjl/halo:"); one that does not follow the grammar is
// all key.
type resource struct {
	key     string
	actions []string
}

// Repository is the scope for actions on one repository, the name as in the
// registry's URLs ("library/alpine"). It is empty when there is no name or no
// action, or when one has white space in it, which a scope cannot express.
func Repository(name string, actions ...string) Scope {
	words := append([]string{name}, actions...)
	if len(actions) == 0 || slices.ContainsFunc(words, unusable) {
		return Scope{}
	}
	return ParseScope(repositoryPrefix + name + ":" + strings.Join(actions, ","))
}

func unusable(word string) bool {
	fields := strings.Fields(word)
	return len(fields) != 1 || fields[0] != word
}

// Catalog is the scope for listing the repositories of a registry.
func Catalog() Scope { return Scope{text: "registry:catalog:*"} }

// ParseScope reads the scope parameter of a challenge: entries of the form
// type:name:action,action, separated by white space. A name may hold a colon
// (a port). Entries of any other form are kept as they are, so that they can be
// asked for again word by word.
func ParseScope(text string) Scope {
	var list []resource
	for _, entry := range strings.Fields(text) {
		list = append(list, parseResource(entry))
	}
	return compose(list)
}

func parseResource(entry string) resource {
	if strings.Count(entry, ":") < 2 {
		return resource{key: entry}
	}
	end := strings.LastIndexByte(entry, ':') + 1
	return resource{key: entry[:end], actions: strings.FieldsFunc(entry[end:], isComma)}
}

func isComma(r rune) bool { return r == ',' }

// compose builds the canonical scope of a list, which it may reorder.
func compose(list []resource) Scope {
	slices.SortStableFunc(list, func(a, b resource) int { return strings.Compare(a.key, b.key) })
	var entries []string
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].key == list[0].key {
			n++
		}
		entries = append(entries, merge(list[:n]))
		list = list[n:]
	}
	return Scope{text: strings.Join(entries, " ")}
}

// merge writes one entry for resources that share a key.
func merge(same []resource) string {
	var actions []string
	for _, r := range same {
		actions = append(actions, r.actions...)
	}
	slices.Sort(actions)
	return same[0].key + strings.Join(slices.Compact(actions), ",")
}

// Empty reports whether s allows nothing.
func (s Scope) Empty() bool { return s.text == "" }

// String is the scope as it stands in a challenge or in an OAuth2 form, in
// canonical order: entries sorted, actions sorted, separated by single spaces.
// It is "" for the empty scope. ParseScope(s.String()) equals s.
func (s Scope) String() string { return s.text }

// entries are the parts that a GET to a token server repeats as scope=.
func (s Scope) entries() []string { return strings.Fields(s.text) }

func (s Scope) resources() []resource {
	var list []resource
	for _, entry := range s.entries() {
		list = append(list, parseResource(entry))
	}
	return list
}

// Union is the scope that allows what s allows and what other allows.
func (s Scope) Union(other Scope) Scope {
	if s.Contains(other) {
		return s
	}
	return compose(append(s.resources(), other.resources()...))
}

// Contains reports whether s allows everything that other allows. The action *
// stands for every action on its resource, as it does in distribution.
func (s Scope) Contains(other Scope) bool {
	if s == other || other.Empty() {
		return true
	}
	have := s.resources()
	for _, want := range other.resources() {
		i := slices.IndexFunc(have, func(r resource) bool { return r.key == want.key })
		if i < 0 || !have[i].allows(want.actions) {
			return false
		}
	}
	return true
}

func (r resource) allows(actions []string) bool {
	if slices.Contains(r.actions, "*") {
		return true
	}
	for _, action := range actions {
		if !slices.Contains(r.actions, action) {
			return false
		}
	}
	return true
}

// repository names the repository that a request to path is about, among those
// of the scope: the one in the path, else the first that may be pushed to, else
// the first. It is "" when the scope names none.
func (s Scope) repository(path string) string {
	var named, pushed, first string
	for _, r := range s.resources() {
		name, ok := strings.CutPrefix(r.key, repositoryPrefix)
		if !ok {
			continue
		}
		name = strings.TrimSuffix(name, ":")
		if strings.HasPrefix(path, "/v2/"+name+"/") && len(name) > len(named) {
			named = name
		}
		if pushed == "" && r.allows([]string{Push}) {
			pushed = name
		}
		if first == "" {
			first = name
		}
	}
	return cmp.Or(named, pushed, first)
}
