package curl

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/hczjl/transship/distribution/audit/internal/texts"
	"github.com/hczjl/transship/distribution/endpoint"
)

// tokenCallOf returns the call that got the token of a call: the last one before it for the same
// registry, if possible with the call's repository in its scope. It returns nil if the token came
// from elsewhere.
func (s *Script) tokenCallOf(c *call) *call {
	var found *call
	best := -1
	repository := endpoint.Parse(c.path).Repository
	for t := range lastBefore(s.tokenCalls, c) {
		if n := s.match(t, c, repository); n > best {
			found, best = t, n
		}
	}
	return found
}

// match returns how well a token call matches a call, -1 if it does not.
func (s *Script) match(t, c *call, repository string) int {
	n := 0
	if needs := s.bySequence[t.tokenFor]; needs != nil && needs.isURL {
		if needs.host != c.host {
			return -1
		}
		n++
	}
	query, _ := url.ParseQuery(t.query)
	for _, scope := range query["scope"] {
		for entry := range strings.FieldsSeq(scope) {
			if repository != "" && strings.HasPrefix(entry, "repository:"+repository+":") {
				return n + 2
			}
		}
	}
	return n
}

// challengeParam matches a parameter of a Bearer challenge.
var challengeParam = regexp.MustCompile(`\b(service|scope)="([^"]*)"`)

// form returns the fields of a token request by POST (distribution docs, spec/auth/oauth), without
// the refresh token. They come from the challenge, because the bodies of token calls are not
// recorded.
func (s *Script) form(c *call) []string {
	fields := []string{"grant_type=refresh_token", "client_id=" + s.clientID()}
	challenged := s.bySequence[c.tokenFor]
	if challenged == nil {
		return fields
	}
	for _, m := range challengeParam.FindAllStringSubmatch(challenged.challenge, -1) {
		fields = append(fields, m[1]+"="+texts.Printable(m[2]))
	}
	return fields
}

// clientID is the name of the program for token servers. It is not secret.
func (s *Script) clientID() string {
	if s.Run.Tool == "" {
		return "curl"
	}
	return texts.Printable(s.Run.Tool)
}
