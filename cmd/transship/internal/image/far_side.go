package image

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

// RegistryPrefix is where images of several registries are brought together: a registry, or what lies below a prefix on it.
type RegistryPrefix struct {
	Base     reference.Reference // its path is the prefix, "" for the whole registry
	Rewrites RewriteList
}

// ParseRegistryPrefix reads REGISTRY[/PREFIX].
func ParseRegistryPrefix(arg string) (RegistryPrefix, error) {
	text := strings.TrimSuffix(strings.TrimPrefix(arg, TransportDocker), "/")
	first, _, _ := strings.Cut(text, "/")
	ref, err := reference.ParseRepository(text + "/a/b") // two components more, or docker.io would add its library/
	if err != nil {
		return RegistryPrefix{}, &cli.UsageError{Message: fmt.Sprintf("%q is no registry, and no prefix on one", arg), Advice: "write HOST[:PORT] or HOST[:PORT]/PREFIX"}
	}
	if !strings.HasSuffix(first, ref.Domain) {
		return RegistryPrefix{}, &cli.UsageError{Message: fmt.Sprintf("%q does not begin with a registry's host", arg), Advice: "for Docker Hub write docker.io/" + text}
	}
	ref.Path = strings.TrimSuffix(strings.TrimSuffix(ref.Path, "a/b"), "/")
	return RegistryPrefix{Base: ref}, nil
}

// String is the far side as people write it.
func (f RegistryPrefix) String() string {
	if f.Base.Path == "" {
		return f.Base.Domain
	}
	return f.Base.Name()
}

// Target is what an image is called there: its path without its registry, rewritten, below the prefix.
func (f RegistryPrefix) Target(name reference.Reference) (reference.Reference, error) {
	path := f.Rewrites.apply(name)
	if f.Base.Path != "" {
		path = f.Base.Path + "/" + path
	}
	out := reference.Reference{Domain: f.Base.Domain, Path: path, Tag: name.Tag, Digest: name.Digest}
	if out.Tag != "" {
		out.Digest = ""
	}
	normal, err := reference.Parse(out.String())
	if err != nil {
		return out, &cli.UsageError{Message: fmt.Sprintf("%s would become %s, which is no image name: %v", name.Familiar(), out, err), Advice: "mend --rewrite"}
	}
	out.Path = normal.Path // on Docker Hub what has one component is in library/
	return out, nil
}

// RewriteList is the value of --rewrite FROM=TO, which may be repeated.
type RewriteList []rewrite

// rewrite gives names that are or begin with from, by whole components, another beginning.
type rewrite struct{ from, to string }

// String implements flag.Value.
func (l *RewriteList) String() string {
	var out []string
	for _, r := range *l {
		out = append(out, r.from+"="+r.to)
	}
	return strings.Join(out, ",")
}

// Set implements flag.Value. The longest beginning comes first.
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

// apply returns the path of an image, rewritten by the first rule that is for its name with its registry, as people write
// it, or without its registry.
func (l RewriteList) apply(name reference.Reference) string {
	for _, r := range l {
		for _, text := range []string{name.Name(), name.FamiliarName(), name.Path} {
			if rest, found := strings.CutPrefix(text+"/", r.from+"/"); found {
				return strings.Trim(r.to+"/"+rest, "/")
			}
		}
	}
	return name.Path
}

// ParseNewName reads what images are to be called: a repository, where they keep their tags, or a name with a tag for one.
func ParseNewName(text string, several bool) (reference.Reference, error) {
	if !IsRegistryRef(text) {
		return reference.Reference{}, fmt.Errorf("%s is no name for an image", text)
	}
	text = strings.TrimPrefix(text, TransportDocker)
	if repository, err := reference.ParseRepository(text); err == nil {
		return repository, nil
	}
	ref, err := reference.Parse(text)
	switch {
	case err != nil:
		return ref, err
	case ref.Digest != "":
		return ref, errors.New("the new name has a digest; the digest stays what it is")
	case several:
		return ref, errors.New("one tag cannot name several images: leave it out, and they keep theirs")
	}
	return ref, nil
}

// Renamed is an image's new name: with a tag of its own, or else with the tag that the image has, or its digest.
func Renamed(name, as reference.Reference) reference.Reference {
	switch {
	case as.Tag != "":
	case name.Tag != "":
		as.Tag = name.Tag
	default:
		as.Digest = name.Digest
	}
	return as
}
