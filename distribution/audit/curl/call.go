package curl

import (
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// scriptCall is what a script needs of a call.
type scriptCall struct {
	sequence   int64
	tokenFor   int64
	redirectOf int64
	method     string
	row        string
	refused    string // by which policy
	held       bool   // it was not let out
	status     int
	took       time.Duration
	failed     bool // it was broken off, or got no answer
	isURL      bool // its URL can be called
	hasUser    bool // its URL has a user's name or password

	scheme, host string
	path         string // as it is
	escaped      string // as it stands in the URL
	query        string // as it stands in the URL
	headers      []scriptHeader
	bytes        int64 // of the body that was sent

	blob      string     // digest of the blob that it was about
	sent      string     // digest of the manifest or blob that it sent, or sent a part of
	fetched   string     // digest of the manifest or blob that it fetched, or fetched a part of
	piece     piece      // which part
	completes bool       // with it all parts have been fetched
	location  *scriptURL // that its answer gave out
	challenge string     // of an answer 401

	written bool
	wanted  bool // a later call goes to its location
}

// scriptHeader is one header of a request.
type scriptHeader struct{ name, value string }

// scriptURL is a part of a URL.
type scriptURL struct{ path, query string }

// header is the value of a request's header, empty for none.
func (c *scriptCall) header(name string) string {
	for _, h := range c.headers {
		if h.name == name {
			return h.value
		}
	}
	return ""
}

// call keeps what is needed of an entry. Texts that many entries have are kept
// once.
func (s *Script) call(e audit.Entry) *scriptCall {
	c := &scriptCall{
		sequence: e.Sequence, tokenFor: e.Why.TokenFor, redirectOf: e.Why.RedirectOf,
		method: s.once(e.Method), row: s.once(e.Row), held: e.NotSent(), refused: s.once(e.Refused),
		status: e.Status, took: e.Duration(), failed: e.Error != "" || e.Status == 0,
		bytes: e.Request.Bytes, blob: s.once(e.Blob()),
	}
	for _, h := range repeatable(e.Request.Headers) {
		c.headers = append(c.headers, scriptHeader{s.once(h.name), s.once(h.value)})
	}
	c.headers = slices.Clip(c.headers)
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return c
	}
	c.isURL, c.hasUser = true, u.User != nil
	c.scheme, c.host = s.once(u.Scheme), s.once(u.Host)
	c.path, c.escaped, c.query = u.Path, u.EscapedPath(), u.RawQuery
	c.sent, c.fetched, c.piece = s.once(sentBy(e, u)), s.once(fetchedBy(e, u)), pieceOf(e)
	if e.Status == http.StatusUnauthorized {
		c.challenge = s.once(e.Response.Headers.Get("Www-Authenticate"))
	}
	if text := e.Response.Headers.Get("Location"); text != "" {
		if to, err := u.Parse(text); err == nil {
			c.location = &scriptURL{to.Path, to.RawQuery}
		}
	}
	return c
}

// once returns a text that is kept once.
func (s *Script) once(text string) string { return s.texts.Intern(text) }

// fetchedBy is the digest of the manifest or blob that a call fetched, empty
// where it fetched none, or nothing tells its digest.
func fetchedBy(e audit.Entry, u *url.URL) string {
	isManifest := e.Row == "end-3" || e.Row == "redirect" && e.Why.Blob == "" && e.Why.Manifest != ""
	isBlob := e.Row == "end-2" || e.Row == "redirect" && e.Why.Blob != ""
	switch {
	case e.Method != http.MethodGet || e.Status != http.StatusOK && e.Status != http.StatusPartialContent:
		return ""
	case isBlob:
		return firstDigest(e.Blob(), e.Response.Digest, path.Base(u.Path))
	case isManifest:
		return firstDigest(e.Response.Digest, e.Response.Headers.Get("Docker-Content-Digest"), e.Why.Manifest, path.Base(u.Path))
	}
	return ""
}

// sentBy is the digest of the manifest or blob that a call sent, or sent a part
// of.
func sentBy(e audit.Entry, u *url.URL) string {
	if e.Row == "end-7a" || e.Row == "end-7b" {
		return firstDigest(e.Request.Digest, e.Why.Manifest, path.Base(u.Path))
	}
	return firstDigest(e.Blob(), e.Request.Digest)
}

// firstDigest returns the first text that is a digest.
func firstDigest(candidates ...string) string {
	for _, text := range candidates {
		if blob.Digest(text).Validate() == nil {
			return text
		}
	}
	return ""
}

// headerName matches the name of a header (RFC 9110, section 5.6.2).
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// repeatable returns the headers of a request that a command has to give, by
// their names: those that curl does not set itself, and that can be written on
// its line.
func repeatable(h http.Header) []scriptHeader {
	var out []scriptHeader
	for _, name := range slices.Sorted(maps.Keys(h)) {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Content-Length", "Connection", "Transfer-Encoding", "User-Agent", "Te", "Trailer", "Upgrade", "Expect":
			continue
		}
		for _, value := range h[name] {
			if headerName.MatchString(name) && texts.Printable(value) == value {
				out = append(out, scriptHeader{http.CanonicalHeaderKey(name), value})
			}
		}
	}
	return out
}
