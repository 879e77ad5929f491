package image

import (
	"fmt"
	"path"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

// repositoryPattern selects repositories of a registry by their names: a shell pattern for each
// component, and ** in place of the last for one component or more.
type repositoryPattern string

// isRepositoryPattern reports whether a name without its tag has a pattern after the host.
func isRepositoryPattern(name string) bool {
	_, repository, _ := strings.Cut(name, "/")
	return strings.ContainsAny(repository, "*?[")
}

// parseRepositoryPattern parses HOST/PATTERN.
func parseRepositoryPattern(name string) (registry reference.Reference, p repositoryPattern, err error) {
	host, pattern, _ := strings.Cut(name, "/")
	registry, _, err = cli.ParseNamespace(host)
	if err != nil {
		return registry, "", err
	}
	registry = reference.Reference{Domain: registry.Domain}
	for component := range strings.SplitSeq(strings.TrimSuffix(pattern, "/**"), "/") {
		_, bad := path.Match(component, "")
		if bad != nil || component == "" || strings.Contains(component, "**") && pattern != "**" ||
			strings.ContainsAny(component, ":@ ") {
			return registry, "", &cli.UsageError{
				Message: fmt.Sprintf("%q is not a pattern of repositories", pattern),
				Advice: fmt.Sprintf("write %s/* for names of one component, %s/team/* for those right below team, "+
					"%s/team/** for all below it", host, host, host),
			}
		}
	}
	return registry, repositoryPattern(pattern), nil
}

// match reports whether a repository has a valid name that the pattern selects.
func (p repositoryPattern) match(name string) bool {
	pattern, rest := string(p), name
	if pattern == "**" {
		return reference.ValidPath(name)
	}
	if parent, deep := strings.CutSuffix(pattern, "/**"); deep {
		depth := 1 + strings.Count(parent, "/")
		components := strings.Split(name, "/")
		if len(components) <= depth {
			return false
		}
		pattern, rest = parent, strings.Join(components[:depth], "/")
	}
	matches, _ := path.Match(pattern, rest) // the syntax has been checked; no * matches a slash
	return matches && reference.ValidPath(name)
}
