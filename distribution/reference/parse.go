package reference

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hczjl/transship/blob"
)

// maxPath is the length in bytes of the longest path, and maxText of a text that can be a reference.
const (
	maxPath = 255
	maxText = 1024
)

const domainLabel = `(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])`

var (
	domainPattern = regexp.MustCompile(
		`^(?:` + domainLabel + `(?:\.` + domainLabel + `)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$`)
	hexPattern = regexp.MustCompile(`^[a-f0-9]{64}$`)
)

// SyntaxError says why a text is not an image reference.
type SyntaxError struct{ Text, Reason string }

// Error names the text and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid reference %q: %s", e.Text, e.Reason)
}

// Parse reads [domain/]path[:tag][@digest] and normalizes it as docker does. The default domain is
// docker.io, where a path without a slash is in library/. The default tag is latest, unless there
// is a digest. The error is a *[SyntaxError].
func Parse(s string) (Reference, error) {
	r, err := parse(s)
	if err == nil && r.Tag == "" && r.Digest == "" {
		r.Tag = defaultTag
	}
	return r, err
}

// ParseRepository reads a reference without a tag and a digest. The error is a *[SyntaxError].
func ParseRepository(s string) (Reference, error) {
	r, err := parse(s)
	if err == nil && r.suffix() != "" {
		return Reference{}, &SyntaxError{s, "a repository is wanted here, without " + r.suffix()}
	}
	return r, err
}

// maxTag is the longest that a tag may be, in bytes.
const maxTag = 128

// ValidTag reports whether s is a valid tag (distribution-spec, "Pulling manifests"). Registries list a
// million of them, so it is no regular expression.
func ValidTag(s string) bool {
	for i, c := range []byte(s) {
		word := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
		if !word && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= maxTag
}

// ValidPath reports whether s is a valid path of a repository (distribution-spec, "Pulling
// manifests").
func ValidPath(s string) bool { return len(s) <= maxPath && isPath(s) }

// isPath reports whether s has the form of a path. A registry asks that of every request, so it is no regular
// expression.
func isPath(s string) bool {
	for component := range strings.SplitSeq(s, "/") {
		if !isPathComponent(component) {
			return false
		}
	}
	return true
}

// isPathComponent reports whether s is words of lower-case letters and digits, each separated from the next by a
// dot, one or two underscores, or dashes.
func isPathComponent(s string) bool {
	const word = "abcdefghijklmnopqrstuvwxyz0123456789"
	for {
		rest := strings.TrimLeft(s, word)
		if len(rest) == len(s) {
			return false
		}
		if rest == "" {
			return true
		}
		s = strings.TrimLeft(rest, rest[:1])
		separators := len(rest) - len(s)
		if c := rest[0]; c != '-' && (c != '.' || separators > 1) && (c != '_' || separators > 2) {
			return false
		}
	}
}

// HasDomain reports whether a name that can be parsed begins with a domain.
func HasDomain(name string) bool {
	domain, _ := splitDomain(name)
	return strings.HasPrefix(name, domain+"/")
}

func parse(s string) (Reference, error) {
	if s == "" {
		return Reference{}, &SyntaxError{s, "it is empty"}
	}
	if len(s) > maxText {
		return Reference{}, &SyntaxError{s[:60] + "...", fmt.Sprintf("it has more than %d characters", maxText)}
	}
	if strings.Contains(s, "://") {
		return Reference{}, &SyntaxError{s, "leave out the scheme, https:// is understood"}
	}
	if hexPattern.MatchString(s) {
		return Reference{}, &SyntaxError{s, "64 hexadecimal characters are an image id, not a name"}
	}
	rest, digest, hasDigest := strings.Cut(s, "@")
	name, tag, hasTag := cutTag(rest)
	r := Reference{Tag: tag, Digest: blob.Digest(digest)}
	r.Domain, r.Path = splitDomain(name)
	if reason := r.invalidReason(hasTag, hasDigest); reason != "" {
		return Reference{}, &SyntaxError{s, reason}
	}
	return r, nil
}

// cutTag splits s at the colon after the last slash. A colon before that slash belongs to a port.
func cutTag(s string) (name, tag string, found bool) {
	colon := strings.LastIndexByte(s, ':')
	if colon <= strings.LastIndexByte(s, '/') {
		return s, "", false
	}
	return s[:colon], s[colon+1:], true
}

// splitDomain splits a name into domain and path, with docker's defaults. The first component is
// the domain if it has a dot, a colon or an upper-case letter, or is localhost, and a path follows:
// example.com alone is an image on docker.io.
func splitDomain(name string) (domain, path string) {
	first, rest, found := strings.Cut(name, "/")
	isHost := found && (strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first)
	if isHost {
		domain, path = first, rest
	} else {
		domain, path = dockerDomain, name
	}
	if domain == dockerIndex {
		domain = dockerDomain
	}
	if domain == dockerDomain && !strings.Contains(path, "/") {
		path = dockerLibrary + path
	}
	return domain, path
}

// invalidReason returns why r is not a valid reference, "" if it is.
func (r Reference) invalidReason(hasTag, hasDigest bool) string {
	switch {
	case !domainPattern.MatchString(r.Domain):
		return fmt.Sprintf("%q is no host name", r.Domain)
	case !isPath(r.Path) && isPath(strings.ToLower(r.Path)):
		return fmt.Sprintf("repository name %q must be lower case", r.Path)
	case !isPath(r.Path):
		return fmt.Sprintf("%q is no repository name", strings.TrimPrefix(r.Path, dockerLibrary))
	case len(r.Path) > maxPath:
		return fmt.Sprintf("the repository name has more than %d characters", maxPath)
	case hasTag && !ValidTag(r.Tag):
		return fmt.Sprintf("%q is no tag", r.Tag)
	case hasDigest && r.Digest.Validate() != nil:
		return r.Digest.Validate().Error()
	}
	return ""
}
