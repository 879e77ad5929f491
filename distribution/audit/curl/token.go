package curl

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/hczjl/transship/distribution/audit/internal/texts"
	"github.com/hczjl/transship/distribution/endpoint"
)

// tokenOf returns the call that got the token which a call has used: of those
// before it for the same registry one whose scope has the call's repository,
// and of these the last. It is nil where there is none: then the token came
// from elsewhere.
func (s *Script) tokenOf(c *scriptCall) *scriptCall {
	var found *scriptCall
	best := -1
	repository := endpoint.Parse(c.path).Repository
	for t := range latest(s.tokens, c) {
		if fits := s.fits(t, c, repository); fits > best {
			found, best = t, fits
		}
	}
	return found
}

// fits tells how well a token call fits a call: -1 not at all.
func (s *Script) fits(t, c *scriptCall, repository string) int {
	fits := 0
	if asked := s.bySequence[t.tokenFor]; asked != nil && asked.isURL {
		if asked.host != c.host {
			return -1
		}
		fits++
	}
	query, _ := url.ParseQuery(t.query)
	for _, scope := range query["scope"] {
		for entry := range strings.FieldsSeq(scope) {
			if repository != "" && strings.HasPrefix(entry, "repository:"+repository+":") {
				return fits + 2
			}
		}
	}
	return fits
}

// challenged matches a parameter of a Bearer challenge.
var challenged = regexp.MustCompile(`\b(service|scope)="([^"]*)"`)

// form are the fields of a token request by POST (distribution docs,
// spec/auth/oauth) but for the refresh token itself, from the challenge that it
// answered: bodies of token calls are not recorded.
func (s *Script) form(c *scriptCall) []string {
	fields := []string{"grant_type=refresh_token", "client_id=" + s.clientID()}
	asked := s.bySequence[c.tokenFor]
	if asked == nil {
		return fields
	}
	for _, m := range challenged.FindAllStringSubmatch(asked.challenge, -1) {
		fields = append(fields, m[1]+"="+texts.Printable(m[2]))
	}
	return fields
}

// clientID is what the program tells token servers that it is; no secret.
func (s *Script) clientID() string {
	if s.Run.Tool == "" {
		return "curl"
	}
	return texts.Printable(s.Run.Tool)
}
