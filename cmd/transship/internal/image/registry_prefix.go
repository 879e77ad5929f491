package image

import (
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

// RegistryPrefix is the target of images from several registries: a registry, or a path prefix on
// it.
type RegistryPrefix struct {
	Base     reference.Reference // Path is the prefix, "" for the whole registry
	Rewrites RewriteList
}

// ParseRegistryPrefix parses REGISTRY[/PREFIX], as [cli.ParseNamespace] does.
func ParseRegistryPrefix(arg string) (RegistryPrefix, error) {
	base, prefix, err := cli.ParseNamespace(arg)
	base.Path = prefix
	return RegistryPrefix{Base: base}, err
}

// String returns the registry or prefix as users write it.
func (p RegistryPrefix) String() string {
	if p.Base.Path == "" {
		return p.Base.Domain
	}
	return p.Base.Name()
}

// Target returns the name of an image there: its path without its registry, rewritten, below the
// prefix.
func (p RegistryPrefix) Target(name reference.Reference) (reference.Reference, error) {
	path := p.Rewrites.apply(name)
	if p.Base.Path != "" {
		path = p.Base.Path + "/" + path
	}
	out := reference.Reference{Domain: p.Base.Domain, Path: path, Tag: name.Tag, Digest: name.Digest}
	if out.Tag != "" {
		out.Digest = ""
	}
	normal, err := reference.Parse(out.String())
	if err != nil {
		return out, &cli.UsageError{
			Message: fmt.Sprintf("%s would become %s, which is not an image name: %v", name.Familiar(), out, err),
			Advice:  "correct --rewrite",
		}
	}
	out.Path = normal.Path // with Docker Hub's library/
	return out, nil
}

// KeepsApart reports whether Target gives different repositories of one registry different names. On Docker
// Hub x and library/x are one.
func (p RegistryPrefix) KeepsApart() bool {
	return len(p.Rewrites) == 0 && (p.Base.Path != "" || p.Base.Domain != "docker.io")
}
