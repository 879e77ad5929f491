package cli

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
)

// ParseRegistry parses the HOST of a registry. A URL is one too, as docker login takes it: with a
// scheme, and with /v1/ or /v2/ after the host. The reference's Domain and Host are the registry's.
func ParseRegistry(text string) (reference.Reference, error) {
	registry, path, err := CutHost(text)
	if err == nil && !isAPIRoot(path) || IsFile(text) {
		err = hostError(text)
	}
	return registry, err
}

// ParseNamespace parses HOST[/PREFIX], or a URL as [ParseRegistry] takes it: a registry, and the
// beginning of its repositories' names, which may be "".
func ParseNamespace(text string) (registry reference.Reference, prefix string, err error) {
	if IsFile(strings.TrimPrefix(text, dockerTransport)) {
		return registry, "", &UsageError{Message: fmt.Sprintf("%s is a file or folder, and a registry is wanted here", text)}
	}
	registry, path, err := CutHost(text)
	name := strings.TrimPrefix(text, dockerTransport)
	if _, onHub := reference.ParseRepository(name); err != nil && onHub == nil {
		err = &UsageError{
			Message: fmt.Sprintf("%q does not begin with a registry's host", text),
			Advice:  "for Docker Hub write docker.io/" + name,
		}
	}
	if err != nil {
		return registry, "", err
	}
	prefix = strings.TrimSuffix(path, "/")
	if hasScheme(text) && isAPIRoot(path) {
		prefix = ""
	}
	if path == "/" || prefix != "" && !reference.ValidPath(prefix) {
		return registry, "", &UsageError{
			Message: fmt.Sprintf("%q is not the beginning of a repository's name", path),
			Advice:  "it is one component or several, without a tag: team, or team/app",
		}
	}
	return registry, prefix, nil
}

// CutHost splits a text after the host of a registry, which docker:// or the scheme of a URL may
// precede. The path is what follows the first slash. The names that Docker Hub has in URLs and old
// configurations mean docker.io.
func CutHost(text string) (registry reference.Reference, path string, err error) {
	name := strings.TrimPrefix(text, dockerTransport)
	if TransportOf(text) != "" && name == text {
		return registry, "", &UsageError{Message: fmt.Sprintf("%s is not a registry", text)}
	}
	if hasScheme(name) {
		_, name, _ = strings.Cut(name, "://")
	}
	host, path, _ := strings.Cut(name, "/")
	if strings.Contains(host, "@") {
		return registry, "", &UsageError{
			Message: "an account before the host is not taken",
			Advice:  "give it with --creds, or log in",
		}
	}
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		host = "docker.io"
	}
	registry, err = reference.Parse(host + "/x")
	if err != nil || registry.Domain != host {
		return registry, "", hostError(host)
	}
	return registry, path, nil
}

// hasScheme reports whether a text is a URL of HTTP.
func hasScheme(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// isAPIRoot reports whether what follows a host is nothing, or the root of a version of the API.
func isAPIRoot(path string) bool {
	path = strings.TrimSuffix(path, "/")
	return path == "" || path == "v1" || path == "v2"
}

func hostError(text string) error {
	return &UsageError{
		Message: fmt.Sprintf("%q is not the host of a registry", text),
		Advice:  "give a host such as registry.example.com:5000; docker.io is Docker Hub",
	}
}
