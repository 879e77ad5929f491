package record

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// maxKnown bounds the addresses of each kind that are remembered, and with each redirect its request:
// redirects to storage have a new address for each blob, and are followed at once. When there are more, all of
// that kind are forgotten, and calls to them are labelled "other".
const maxKnown = 1_000

// known is what answers have said of addresses, so that the record says what a call to one is: a token
// call, one to an upload session, or the second half of a redirect.
type known struct {
	mu        sync.Mutex
	tokens    map[string]bool           // by address
	sessions  map[string]bool           // by address
	redirects map[string]*http.Response // by URL: the answer that led there
}

// address is a URL without its query.
func address(u *url.URL) string { return strings.ToLower(u.Host) + u.Path }

// realm finds the token server in a challenge (RFC 6750, section 3).
var realm = regexp.MustCompile(`(?i)(\brealm\s*=\s*")([^"]+)(")`)

// realms returns the token servers that an answer names.
func realms(resp *http.Response) (all []*url.URL) {
	for _, challenge := range resp.Header.Values("Www-Authenticate") {
		for _, m := range realm.FindAllStringSubmatch(challenge, -1) {
			if u, err := resp.Request.URL.Parse(m[2]); err == nil && isHTTP(u) {
				all = append(all, u)
			}
		}
	}
	return all
}

func isHTTP(u *url.URL) bool { return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" }

// note remembers what an answer says.
func (k *known) note(resp *http.Response) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, u := range realms(resp) {
		remember(&k.tokens, address(u), true)
	}
	to, err := resp.Location() // resolved against the request's URL
	switch {
	case err != nil:
	case resp.StatusCode/100 == 3:
		remember(&k.redirects, to.String(), &http.Response{Request: resp.Request})
	case resp.StatusCode == http.StatusAccepted:
		remember(&k.sessions, address(to), true)
	}
}

// remember adds an entry to a map that may be nil.
func remember[V any](m *map[string]V, key string, value V) {
	if *m == nil || len(*m) >= maxKnown {
		*m = map[string]V{}
	}
	(*m)[key] = value
}

// label returns a request with what is known of it.
func (k *known) label(req *http.Request) *http.Request {
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx := req.Context()
	if row := k.row(req); row != "" {
		ctx = wire.WithRow(ctx, req.URL, row)
	}
	from := k.redirects[req.URL.String()]
	if isRead(req) && (from != nil || endpoint.ID(req.Method, req.URL) == "end-2") {
		ctx = wire.WithLargeBody(ctx)
	}
	out := req.WithContext(ctx)
	if isRead(req) {
		out.Response = from
	}
	return out
}

func isRead(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead
}

// isToken reports whether an answer has named a URL as that of a token server.
func (k *known) isToken(u *url.URL) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tokens[address(u)]
}

// row returns the row of a request whose path is not the specification's. What has the form of a
// password grant (RFC 6749, section 4.3) counts as a token call, whose body is never hashed.
func (k *known) row(req *http.Request) string {
	form := strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	switch {
	case k.tokens[address(req.URL)] || form:
		return wire.RowToken
	case k.sessions[address(req.URL)]:
		return cmp.Or(endpoint.SessionID(req.Method), wire.RowOther)
	}
	return wire.RowOther
}
