package wire

import (
	"errors"
	"net/url"
	"strings"
)

// redacted replaces a secret.
const redacted = "REDACTED"

// isKnownParameter reports whether the value of a query parameter is safe to show: it is a
// parameter of the distribution specification or of a token request, or the registry that
// go-containerregistry mounts from (origin). Any other value may be a
// signature.
func isKnownParameter(name string) bool {
	switch name {
	case "digest", "digest-algorithm", "mount", "from", "n", "last", "artifactType", "tag", "ns",
		"scope", "service", "account", "origin":
		return true
	}
	return false
}

// Redact returns u as text without its secrets, for logs and messages. It drops the fragment, and
// replaces the user information and the values of query parameters that are not the registry
// protocol's own (digest, digest-algorithm, mount, from, n, last, artifactType, tag, ns,
// scope, service, account, origin); among those are upload states and the signatures of storage URLs. The order
// and spelling of the rest stay. For a nil u it returns the empty string.
func Redact(u *url.URL) string {
	if u == nil {
		return ""
	}
	r := *u
	r.Fragment, r.RawFragment = "", ""
	r.RawQuery = redactQuery(u.RawQuery)
	if u.User != nil {
		r.User = url.User(redacted)
	}
	return r.String()
}

// redactQuery redacts a raw query. Some servers accept ";" as a separator, so a known parameter
// must not hide an unknown one behind it.
func redactQuery(query string) string {
	var b strings.Builder
	for query != "" {
		end := strings.IndexAny(query, "&;")
		if end < 0 {
			end = len(query)
		}
		b.WriteString(redactPair(query[:end]))
		if end < len(query) {
			b.WriteByte(query[end])
			end++
		}
		query = query[end:]
	}
	return b.String()
}

// redactPair redacts one "name=value". Text without "=" may be a secret as a whole.
func redactPair(pair string) string {
	rawName, value, ok := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(rawName)
	switch {
	case pair == "" || err == nil && isKnownParameter(name):
		return pair
	case !ok:
		return redacted
	case value == "":
		return pair
	}
	return rawName + "=" + redacted
}

// errLocation replaces the error of http.Client that quotes a Location it cannot parse.
var errLocation = errors.New("it redirects to a Location that is no URL")

// RedactError redacts the URL of a *url.Error, in which http.Client wraps every failure. It
// replaces a URL that cannot be parsed, also the Location of a redirect, and returns any other
// error as it is.
func RedactError(err error) error {
	if err != nil && strings.HasPrefix(err.Error(), "failed to parse Location header") {
		return errLocation
	}
	var outer *url.Error
	if !errors.As(err, &outer) || error(outer) != err {
		return err
	}
	shown := redacted
	if u, parseErr := url.Parse(outer.URL); parseErr == nil {
		shown = Redact(u)
	}
	return &url.Error{Op: outer.Op, URL: shown, Err: RedactError(outer.Err)}
}
