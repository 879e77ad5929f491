package wire

import (
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
)

// RedactHeader returns a copy of h without its secrets, for logs. The values of headers that are
// known to hold none stay. URLs (Location, Link and the like) are redacted as Redact does;
// Authorization keeps its scheme, and a challenge the parameters of the protocol. Any other header
// keeps only its name: the header of a registry or a storage service may hold a key.
func RedactHeader(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		name = textproto.CanonicalMIMEHeaderKey(name)
		for _, value := range values {
			out[name] = append(out[name], redactHeaderValue(name, value))
		}
	}
	return out
}

func redactHeaderValue(name, value string) string {
	switch name {
	case "Authorization", "Proxy-Authorization":
		return redactAuthorization(value)
	case "Www-Authenticate", "Proxy-Authenticate":
		return redactChallenge(value)
	case "Location", "Content-Location", "Referer":
		return redactReference(value)
	case "Link":
		return redactLink(value)
	}
	if isKnownHeader(name) || value == "" {
		return value
	}
	return redacted
}

// isKnownHeader reports whether the values of a header, its name in canonical form, are safe to
// show: those of HTTP itself, of the registry protocol, and the identifiers by which operators find
// a request.
func isKnownHeader(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Ranges", "Age", "Allow", "Alt-Svc", "Cache-Control", "Connection",
		"Content-Encoding", "Content-Length", "Content-Range", "Content-Type", "Date", "Etag", "Expect", "Expires",
		"Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "Keep-Alive", "Last-Modified", "Pragma",
		"Range", "Retry-After", "Server", "Strict-Transport-Security", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"User-Agent", "Vary", "Via", "Warning",
		"Docker-Content-Digest", "Docker-Distribution-Api-Version", "Docker-Ratelimit-Source", "Docker-Upload-Uuid",
		"Oci-Chunk-Max-Length", "Oci-Chunk-Min-Length", "Oci-Filters-Applied", "Oci-Subject", "Oci-Tag",
		"Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset",
		"Cf-Cache-Status", "Cf-Ray", "X-Amz-Request-Id", "X-Cache", "X-Content-Type-Options", "X-Frame-Options",
		"X-Github-Request-Id", "X-Ms-Request-Id", "X-Ms-Version", "X-Ratelimit-Limit", "X-Ratelimit-Remaining",
		"X-Ratelimit-Reset", "X-Request-Id", "X-Served-By":
		return true
	}
	return false
}

// redactAuthorization keeps the scheme if it is Basic or Bearer. Another first word may be a
// secret.
func redactAuthorization(value string) string {
	scheme, _, ok := strings.Cut(value, " ")
	if ok && (strings.EqualFold(scheme, "Basic") || strings.EqualFold(scheme, "Bearer")) {
		return scheme + " " + redacted
	}
	return redacted
}

// redactReference redacts a header that is one URL, absolute or relative.
func redactReference(value string) string {
	u, err := url.Parse(value)
	if err != nil {
		return redacted
	}
	return Redact(u)
}

// linkTarget matches one link of RFC 8288 as registries write them.
var linkTarget = regexp.MustCompile(`^\s*<([^>]*)>\s*(?:;\s*rel="?([a-z]+)"?)?\s*$`)

// redactLink redacts the URLs of a Link header. A header in another form than registries use is
// replaced as a whole.
func redactLink(value string) string {
	links := strings.Split(value, ",")
	for i, link := range links {
		m := linkTarget.FindStringSubmatch(link)
		if m == nil {
			return redacted
		}
		links[i] = "<" + redactReference(m[1]) + ">"
		if m[2] != "" {
			links[i] += `; rel="` + m[2] + `"`
		}
	}
	return strings.Join(links, ", ")
}

// challengeParameter matches one parameter of a challenge (RFC 9110, section 11.2), its value
// quoted or not.
var challengeParameter = regexp.MustCompile(`([A-Za-z0-9_-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)`)

// challengeSchemes matches what may be between parameters: separators and a known scheme.
var challengeSchemes = regexp.MustCompile(`^[\s,]*(?i:(?:Basic|Bearer|Digest|Negotiate|NTLM)?)[\s,]*$`)

// redactChallenge redacts WWW-Authenticate. Everything but known schemes and the parameters of the
// protocol is replaced.
func redactChallenge(value string) string {
	var b strings.Builder
	between := func(text string) {
		if challengeSchemes.MatchString(text) {
			b.WriteString(text)
			return
		}
		b.WriteString(" " + redacted + " ")
	}
	end := 0
	for _, m := range challengeParameter.FindAllStringSubmatchIndex(value, -1) {
		between(value[end:m[0]])
		b.WriteString(redactParameter(value[m[2]:m[3]], value[m[4]:m[5]]))
		end = m[1]
	}
	between(value[end:])
	return strings.TrimSpace(b.String())
}

// redactParameter redacts a challenge's parameter. A realm is a URL, or for Basic a text for
// people. An unknown name is replaced too, since it may be the start of a token.
func redactParameter(name, value string) string {
	switch strings.ToLower(name) {
	case "service", "scope", "error", "error_description", "charset":
		return name + "=" + value
	case "realm":
		if text := strings.Trim(value, `"`); strings.ContainsAny(text, "/?#@") {
			value = `"` + redactReference(text) + `"`
		}
		return name + "=" + value
	}
	return redacted
}
