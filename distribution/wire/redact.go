package wire

import (
	"errors"
	"net/url"
	"strings"
)

// redacted stands where a secret was.
const redacted = "REDACTED"

// isKnownParameter reports whether the value of a query parameter is part of
// the registry protocol and safe to show: the distribution specification's,
// and those of a token request. Any other value may be a signature.
func isKnownParameter(name string) bool {
	switch name {
	case "digest", "digest-algorithm", "mount", "from", "n", "last", "artifactType", "tag",
		"scope", "service", "account":
		return true
	}
	return false
}

// Redact returns u as text without its secrets, for logs and messages. User
// information, the fragment, and the values of query parameters that are not
// the registry protocol's own (digest, digest-algorithm, mount, from, n,
// last, artifactType, tag, scope, service, account) are left out; among them
// are upload states and the signatures of storage URLs. The order and spelling
// of the rest stay. A nil u gives the empty string.
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

// redactQuery redacts a raw query. Some servers take ";" for a separator, so
// it must not hide a second parameter behind a known first one.
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

// redactPair redacts one "name=value". A word without "=" may be a secret as
// a whole.
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

// errLocation stands for the error by which http.Client repeats a Location that
// it cannot read.
var errLocation = errors.New("it redirects to a Location that is no URL")

// RedactError returns err with the URL of a *url.Error redacted, as
// http.Client wraps every failure in one, and any other error as it is. A URL
// that cannot be parsed is left out, also where it is the Location of a
// redirect.
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
