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

// call is what a script needs of a call.
type call struct {
	sequence   int64
	tokenFor   int64
	redirectOf int64
	method     string
	row        string
	refused    string // the policy
	notSent    bool   // the policy refused it before
	status     int
	duration   time.Duration
	failed     bool // no answer, or broken off
	isURL      bool // its URL is an http or https URL with a host
	hasUser    bool // its URL has user information

	scheme, host string
	path         string // decoded
	escapedPath  string // as in the URL
	query        string // as in the URL
	headers      []header
	bytes        int64 // of the request's body

	blob      string       // digest of the blob that it is about
	sent      string       // digest of the manifest or blob that it sends, or sends a part of
	fetched   string       // digest of the manifest or blob that it fetches, or fetches a part of
	fetch     contentRange // which part of fetched
	completes bool         // with it all parts of fetched are there
	location  *location    // of the response
	challenge string       // of a response with status 401

	needsLocation bool // a later call goes to its location
	written       bool
}

// header is one header of a request.
type header struct{ name, value string }

// location is a Location without its host.
type location struct{ path, query string }

// header returns the value of a request's header, empty for none.
func (c *call) header(name string) string {
	for _, h := range c.headers {
		if h.name == name {
			return h.value
		}
	}
	return ""
}

// call returns what the script needs of an entry. Equal texts share their memory.
func (s *Script) call(e audit.Entry) *call {
	intern := s.texts.Intern
	c := &call{
		sequence: e.Sequence, tokenFor: e.Why.TokenFor, redirectOf: e.Why.RedirectOf,
		method: intern(e.Method), row: intern(e.Row), notSent: e.NotSent(), refused: intern(e.Refused),
		status: e.Status, duration: e.Duration(), failed: e.Error != "" || e.Status == 0,
		bytes: e.Request.Bytes, blob: intern(e.Blob()),
	}
	for _, h := range repeatable(e.Request.Headers) {
		c.headers = append(c.headers, header{intern(h.name), intern(h.value)})
	}
	c.headers = slices.Clip(c.headers)
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return c
	}
	c.isURL, c.hasUser = true, u.User != nil
	c.scheme, c.host = intern(u.Scheme), intern(u.Host)
	c.path, c.escapedPath, c.query = u.Path, u.EscapedPath(), u.RawQuery
	c.sent, c.fetched, c.fetch = intern(sentDigest(e, u)), intern(fetchedDigest(e, u)), fetchedRange(e)
	if e.Status == http.StatusUnauthorized {
		c.challenge = intern(e.Response.Headers.Get("Www-Authenticate"))
	}
	if text := e.Response.Headers.Get("Location"); text != "" {
		if to, err := u.Parse(text); err == nil {
			c.location = &location{to.Path, to.RawQuery}
		}
	}
	return c
}

// fetchedDigest returns the digest of the manifest or blob that a call fetched, empty if it fetched
// none, or the digest is unknown.
func fetchedDigest(e audit.Entry, u *url.URL) string {
	isManifest := e.Row == "end-3" || e.Row == "redirect" && e.Why.Blob == "" && e.Why.Manifest != ""
	isBlob := e.Row == "end-2" || e.Row == "redirect" && e.Why.Blob != ""
	switch {
	case e.Method != http.MethodGet || e.Status != http.StatusOK && e.Status != http.StatusPartialContent:
		return ""
	case isBlob:
		return firstDigest(e.Blob(), e.Response.Digest, path.Base(u.Path))
	case isManifest:
		return firstDigest(e.Response.Digest, e.Response.Headers.Get("Docker-Content-Digest"), e.Why.Manifest,
			path.Base(u.Path))
	}
	return ""
}

// sentDigest returns the digest of the manifest or blob that a call sent, or sent a part of.
func sentDigest(e audit.Entry, u *url.URL) string {
	if e.Row == "end-7a" || e.Row == "end-7b" {
		return firstDigest(e.Request.Digest, e.Why.Manifest, path.Base(u.Path))
	}
	return firstDigest(e.Blob(), e.Request.Digest)
}

// firstDigest returns the first candidate that is a digest.
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

// repeatable returns, sorted by name, the headers of a request that a command must set: those that
// curl does not set itself, and that can be written in one line.
func repeatable(h http.Header) []header {
	var out []header
	for _, name := range slices.Sorted(maps.Keys(h)) {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Content-Length", "Connection", "Transfer-Encoding", "User-Agent", "Te", "Trailer", "Upgrade",
			"Expect":
			continue
		}
		for _, value := range h[name] {
			if headerName.MatchString(name) && texts.Printable(value) == value {
				out = append(out, header{http.CanonicalHeaderKey(name), value})
			}
		}
	}
	return out
}
