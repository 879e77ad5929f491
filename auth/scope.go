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

// Scope is what a token allows: actions on repositories, the catalog, and anything else that a
// challenge names. The zero value is the empty scope. Scopes are immutable and comparable. Two
// scopes are equal (==) exactly if they allow the same.
type Scope struct {
	// text is the canonical form: one entry for each resource, with sorted actions; the entries are
	// sorted and separated by single spaces.
	text string
}

// resource is one entry of a scope. The key of an entry with actions ends with a colon
// ("repository:hczjl/halo:"). An entry that does not follow the grammar is all key.
type resource struct {
	key     string
	actions []string
}

// Repository returns the scope for actions on one repository, named as in the registry's URLs
// ("library/alpine"). The scope is empty without a name or an action, and if one of them has white
// space, which a scope cannot express.
func Repository(name string, actions ...string) Scope {
	words := append([]string{name}, actions...)
	if len(actions) == 0 || slices.ContainsFunc(words, invalidWord) {
		return Scope{}
	}
	return ParseScope(repositoryPrefix + name + ":" + strings.Join(actions, ","))
}

func invalidWord(word string) bool {
	fields := strings.Fields(word)
	return len(fields) != 1 || fields[0] != word
}

// Catalog returns the scope for listing the repositories of a registry.
func Catalog() Scope { return Scope{text: "registry:catalog:*"} }

// ParseScope parses the scope parameter of a challenge: entries of the form
// type:name:action,action, separated by white space. A name may have a colon (a port). Entries of
// any other form are kept unchanged, so that they can be requested.
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

// compose returns the canonical scope of a list, which it reorders.
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

// merge returns one entry for resources with the same key.
func merge(same []resource) string {
	var actions []string
	for _, r := range same {
		actions = append(actions, r.actions...)
	}
	slices.Sort(actions)
	return same[0].key + strings.Join(slices.Compact(actions), ",")
}

// Empty reports whether the scope is empty.
func (s Scope) Empty() bool { return s.text == "" }

// String returns the scope as in a challenge or an OAuth2 form. Entries and actions are sorted, and
// entries are separated by single spaces. It returns "" for the empty scope. ParseScope(s.String())
// equals s.
func (s Scope) String() string { return s.text }

// entries returns the scope parameters of a token request by GET.
func (s Scope) entries() []string { return strings.Fields(s.text) }

func (s Scope) resources() []resource {
	var list []resource
	for _, entry := range s.entries() {
		list = append(list, parseResource(entry))
	}
	return list
}

// Union returns the scope that allows what s or other allows.
func (s Scope) Union(other Scope) Scope {
	if s.Contains(other) {
		return s
	}
	return compose(append(s.resources(), other.resources()...))
}

// Contains reports whether s allows everything that other allows. As in distribution, the action *
// allows every action on its resource.
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

// repository returns the repository of a request to path among those of the scope: the one in the
// path, else the first with the action push, else the first. It returns "" if the scope has none.
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
