package auth

import (
	"net/url"
	"strings"
)

// The authentication schemes that a registry may ask for.
const (
	schemeBearer = "bearer"
	schemeBasic  = "basic"
)

// Values of a challenge's error parameter (RFC 6750, section 3.1).
const (
	invalidToken      = "invalid_token"      // the token is expired or revoked
	insufficientScope = "insufficient_scope" // the token is valid, but for less
)

// challenge is the challenge of a WWW-Authenticate header. The zero value is no challenge.
type challenge struct {
	scheme    string   // schemeBearer or schemeBasic
	realm     *url.URL // the token server; nil for Basic
	service   string
	scope     Scope
	errorCode string // the error parameter
}

// rawChallenge is one parsed challenge. The scheme and the parameter names are in lower case.
type rawChallenge struct {
	scheme string
	params map[string]string
}

// chooseChallenge returns the challenge to answer from the WWW-Authenticate lines of a response to
// a request for the URL at. It prefers Bearer with a token server, then Basic, then Bearer without
// a token server, which only a registry token can answer. It returns false if there is none of
// these.
func chooseChallenge(lines []string, at *url.URL) (challenge, bool) {
	var basic, bare bool
	for _, raw := range parseChallenges(lines) {
		switch raw.scheme {
		case schemeBasic:
			basic = true
		case schemeBearer:
			bare = true
			if realm, ok := parseRealm(at, raw.params["realm"]); ok {
				return raw.bearer(realm), true
			}
		}
	}
	switch {
	case basic:
		return challenge{scheme: schemeBasic}, true
	case bare:
		return challenge{scheme: schemeBearer}, true
	}
	return challenge{}, false
}

func (raw rawChallenge) bearer(realm *url.URL) challenge {
	return challenge{
		scheme:    schemeBearer,
		realm:     realm,
		service:   raw.params["service"],
		scope:     ParseScope(raw.params["scope"]),
		errorCode: raw.params["error"],
	}
}

// parseChallenges parses WWW-Authenticate lines (RFC 9110, section 11.6.1). Each may have several
// challenges. Elements that cannot be parsed are skipped.
func parseChallenges(lines []string) []rawChallenge {
	var all []rawChallenge
	for _, line := range lines {
		all = append(all, parseLine(line)...)
	}
	return all
}

// parseLine parses one line. A name followed by "=" is a parameter, any other name a scheme.
func parseLine(s string) []rawChallenge {
	var list []rawChallenge
	for {
		s = strings.TrimLeft(s, " \t,")
		if s == "" {
			return list
		}
		name, rest := cutToken(s)
		value := strings.TrimLeft(rest, " \t")
		switch {
		case name == "" || (rest != "" && !strings.ContainsRune(" \t,=", rune(rest[0]))):
			s = skipElement(s)
		case len(list) > 0 && strings.HasPrefix(value, "="):
			s = list[len(list)-1].addParam(name, value[1:])
		case strings.HasPrefix(rest, "="):
			s = skipElement(rest)
		default:
			list = append(list, rawChallenge{scheme: strings.ToLower(name), params: map[string]string{}})
			s = rest
		}
	}
}

// addParam parses the value of a parameter at the start of s and returns the rest. Of several
// values of a parameter the first is used, except for scope, whose values are joined.
func (raw rawChallenge) addParam(name, s string) (rest string) {
	value, rest := cutValue(strings.TrimLeft(s, " \t"))
	name = strings.ToLower(name)
	old, given := raw.params[name]
	switch {
	case !given:
		raw.params[name] = value
	case name == "scope":
		raw.params[name] = old + " " + value
	}
	return rest
}

// skipElement returns s without its first comma-separated element.
func skipElement(s string) string {
	_, rest, _ := strings.Cut(s, ",")
	return rest
}

// cutToken cuts a token (RFC 9110, section 5.6.2) off the start of s.
func cutToken(s string) (token, rest string) {
	n := 0
	for n < len(s) && isTokenChar(s[n]) {
		n++
	}
	return s[:n], s[n:]
}

func isTokenChar(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// cutValue cuts a quoted string, or else everything up to a comma or white space, off the start of
// s. A quoted string without a closing quote extends to the end of the line.
func cutValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexAny(s, ", \t"); i >= 0 {
			return s[:i], s[i:]
		}
		return s, ""
	}
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return text.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		text.WriteByte(s[i])
	}
	return text.String(), ""
}
