package wire

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// template is a pattern of calls.
type template struct {
	method  string
	host    *HostPattern // nil for any
	path    *regexp.Regexp
	query   map[string]*regexp.Regexp
	literal int // characters that stand for themselves
}

// methodName matches the names of methods.
var methodName = regexp.MustCompile(`^[A-Z]+$`)

func parseTemplate(method, target string) (template, error) {
	t := template{method: method}
	if !methodName.MatchString(method) {
		return t, fmt.Errorf("%q is no method such as GET", method)
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
		return t, fmt.Errorf("%q has no path", target)
	}
	if host != "" {
		p, err := ParseHostPattern(host)
		if err != nil {
			return t, err
		}
		t.host = &p
	}
	return t, t.parsePath("/" + rest)
}

// parsePath reads path and query.
func (t *template) parsePath(text string) (err error) {
	path, query, _ := strings.Cut(text, "?")
	if t.path, err = t.pattern(path); err != nil {
		return err
	}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if t.query == nil {
			t.query = map[string]*regexp.Regexp{}
		}
		t.literal += len(name)
		if t.query[name], err = t.pattern(value); err != nil {
			return err
		}
	}
	return nil
}

// placeholder matches what stands for something else in a template.
var placeholder = regexp.MustCompile(`\{[^{}]*\}|\*`)

// placeholders are regular expressions by what they stand for: the names and
// references of distribution-spec, "Pulling manifests".
func placeholders(text string) (string, bool) {
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

// pattern makes a regular expression of a template's part.
func (t *template) pattern(text string) (*regexp.Regexp, error) {
	var b strings.Builder
	end := 0
	literal := func(part string) {
		t.literal += len(part)
		b.WriteString(regexp.QuoteMeta(part))
	}
	for _, m := range placeholder.FindAllStringIndex(text, -1) {
		literal(text[end:m[0]])
		expression, ok := placeholders(text[m[0]:m[1]])
		if !ok {
			return nil, fmt.Errorf("%s is none of {name}, {digest}, {tag}, {session}", text[m[0]:m[1]])
		}
		b.WriteString(expression)
		end = m[1]
	}
	literal(text[end:])
	return regexp.Compile("^(?:" + b.String() + ")$")
}

// matches tells whether a call is one of the template's.
func (t template) matches(method string, u *url.URL) bool {
	if method != t.method || t.host != nil && !t.host.Matches(u) || !t.path.MatchString(u.Path) {
		return false
	}
	query := u.Query()
	for name, value := range t.query {
		if !query.Has(name) || !value.MatchString(query.Get(name)) {
			return false
		}
	}
	return true
}
