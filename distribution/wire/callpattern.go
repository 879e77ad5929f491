package wire

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// callPattern matches calls by their method and URL.
type callPattern struct {
	method  string
	host    *HostPattern // nil for any
	path    *regexp.Regexp
	query   map[string]*regexp.Regexp // by parameter
	literal int                       // bytes that match themselves: the more, the more precise
}

// methods are those of the registry protocol.
const methods = "GET HEAD POST PUT PATCH DELETE"

func parseCallPattern(method, target string) (callPattern, error) {
	c := callPattern{method: method}
	if !slices.Contains(strings.Fields(methods), method) {
		return c, fmt.Errorf("%q is not a method: want one of %s", abbreviate(method), methods)
	}
	if target == "*" {
		target = "/*"
	}
	_, bare, ok := strings.Cut(target, "://")
	if !ok {
		bare = target
	}
	host, rest, ok := strings.Cut(bare, "/")
	if !ok {
		return c, fmt.Errorf("%q has no path", abbreviate(target))
	}
	if host != "" {
		p, err := ParseHostPattern(host)
		if err != nil {
			return c, err
		}
		c.host = &p
	}
	return c, c.parsePath("/" + rest)
}

// parsePath reads path and query.
func (c *callPattern) parsePath(text string) (err error) {
	path, query, _ := strings.Cut(text, "?")
	if c.path, err = c.compile(path); err != nil {
		return err
	}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		pattern, err := c.compile(value)
		if err != nil {
			return err
		}
		c.literal += len(name)
		set(&c.query, name, pattern)
	}
	return nil
}

// placeholder matches what does not match itself in a pattern.
var placeholder = regexp.MustCompile(`\{[^{}]*\}|\*`)

// placeholderPattern returns the regular expression for a placeholder. Names and references are
// those of distribution-spec, "Pulling manifests".
func placeholderPattern(text string) (string, bool) {
	const word = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
	switch text {
	case "{name}":
		return word + `(?:/` + word + `)*`, true
	case "{digest}":
		return `[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+`, true
	case "{tag}":
		return `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`, true
	case "{session}":
		return `[^/]+`, true
	case "*":
		return `.*`, true
	}
	return "", false
}

// compile returns the regular expression for a path, or for the value of a parameter.
func (c *callPattern) compile(text string) (*regexp.Regexp, error) {
	var b strings.Builder
	end := 0
	literal := func(part string) {
		c.literal += len(part)
		b.WriteString(regexp.QuoteMeta(part))
	}
	for _, m := range placeholder.FindAllStringIndex(text, -1) {
		literal(text[end:m[0]])
		expression, ok := placeholderPattern(text[m[0]:m[1]])
		if !ok {
			return nil, fmt.Errorf("%s is none of {name}, {digest}, {tag}, {session}", text[m[0]:m[1]])
		}
		b.WriteString(expression)
		end = m[1]
	}
	literal(text[end:])
	return regexp.Compile("^(?:" + b.String() + ")$")
}

// matches reports whether the pattern matches a call.
func (c *callPattern) matches(method string, u *url.URL) bool {
	if method != c.method || c.host != nil && !c.host.Matches(u) || !c.path.MatchString(u.Path) {
		return false
	}
	query := u.Query()
	for name, value := range c.query {
		if !query.Has(name) || !value.MatchString(query.Get(name)) {
			return false
		}
	}
	return true
}
