package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
)

// farSide is where images of several registries are brought together: a registry, or what lies below a prefix on it.
type farSide struct {
	base     reference.Reference // its path is the prefix, "" for the whole registry
	rewrites rewriteList
}

// parseFarSide reads REGISTRY[/PREFIX].
func parseFarSide(arg string) (farSide, error) {
	text := strings.TrimSuffix(strings.TrimPrefix(arg, onRegistry), "/")
	first, _, _ := strings.Cut(text, "/")
	ref, err := reference.ParseRepository(text + "/a/b") // two components more, or docker.io would add its library/
	if err != nil {
		return farSide{}, &usageError{message: fmt.Sprintf("%q is no registry, and no prefix on one", arg), advice: "write HOST[:PORT] or HOST[:PORT]/PREFIX"}
	}
	if !strings.HasSuffix(first, ref.Domain) {
		return farSide{}, &usageError{message: fmt.Sprintf("%q does not begin with a registry's host", arg), advice: "for Docker Hub write docker.io/" + text}
	}
	ref.Path = strings.TrimSuffix(strings.TrimSuffix(ref.Path, "a/b"), "/")
	return farSide{base: ref}, nil
}

// String is the far side as people write it.
func (f farSide) String() string {
	if f.base.Path == "" {
		return f.base.Domain
	}
	return f.base.Name()
}

// target is what an image is called there: its path without its registry, rewritten, below the prefix.
func (f farSide) target(name reference.Reference) (reference.Reference, error) {
	path := f.rewrites.apply(name)
	if f.base.Path != "" {
		path = f.base.Path + "/" + path
	}
	out := reference.Reference{Domain: f.base.Domain, Path: path, Tag: name.Tag, Digest: name.Digest}
	if out.Tag != "" {
		out.Digest = ""
	}
	normal, err := reference.Parse(out.String())
	if err != nil {
		return out, &usageError{message: fmt.Sprintf("%s would become %s, which is no image name: %v", name.Familiar(), out, err), advice: "mend --rewrite"}
	}
	out.Path = normal.Path // on Docker Hub what has one component is in library/
	return out, nil
}

// rewriteList is the value of --rewrite FROM=TO, which may be repeated.
type rewriteList []rewrite

// rewrite gives names that are or begin with from, by whole components, another beginning.
type rewrite struct{ from, to string }

// String implements flag.Value.
func (l *rewriteList) String() string {
	var out []string
	for _, r := range *l {
		out = append(out, r.from+"="+r.to)
	}
	return strings.Join(out, ",")
}

// Set implements flag.Value. The longest beginning comes first.
func (l *rewriteList) Set(s string) error {
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

// apply returns the path of an image, rewritten by the first rule that is for its name with its registry, as people write
// it, or without its registry.
func (l rewriteList) apply(name reference.Reference) string {
	for _, r := range l {
		for _, text := range []string{name.Name(), name.FamiliarName(), name.Path} {
			if rest, found := strings.CutPrefix(text+"/", r.from+"/"); found {
				return strings.Trim(r.to+"/"+rest, "/")
			}
		}
	}
	return name.Path
}
