package audit

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"slices"
)

// Script is an audit's calls as they are needed to make them again. It holds
// about 1.5 kB of each call.
type Script struct {
	Run Run // zero where the file does not say
	// Broken says where the file could not be read on: see [ReadAll].
	Broken *RecordError

	calls      []*scriptCall // in the order of their sequences
	bySequence map[int64]*scriptCall
	sources    map[string][]*scriptCall // that fetched a digest, up to the first that got its end
	tokens     []*scriptCall            // that got one
	locations  map[string][]*scriptCall // that gave out a Location, by its path: proxies get the host wrong
}

// scriptCall is a call in a script.
type scriptCall struct {
	Entry
	url      *url.URL
	location *url.URL // that its answer gave out, absolute
	written  bool
	wanted   bool // a later call goes to its location
}

// ReadScript reads an audit to its end. Errors are those of [ReadAll].
func ReadScript(r *Reader) (*Script, error) {
	s := &Script{bySequence: map[int64]*scriptCall{}, sources: map[string][]*scriptCall{}, locations: map[string][]*scriptCall{}}
	broken, err := ReadAll(r, s.add)
	if err != nil {
		return nil, err
	}
	s.Run, s.Broken = r.Run, broken
	slices.SortStableFunc(s.calls, func(a, b *scriptCall) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for _, c := range s.calls {
		s.index(c)
	}
	return s, nil
}

// add keeps what is needed of an entry.
func (s *Script) add(e Entry) {
	c := &scriptCall{Entry: e}
	c.Request.Headers = repeatable(e.Request.Headers)
	c.Response.Headers = http.Header{}
	for _, name := range []string{"Location", "Www-Authenticate", "Docker-Content-Digest"} {
		if value := e.Response.Headers.Get(name); value != "" {
			c.Response.Headers.Set(name, value)
		}
	}
	if u, err := url.Parse(e.URL); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		c.url = u
		if location := c.Response.Headers.Get("Location"); location != "" {
			c.location, _ = u.Parse(location)
		}
	}
	s.calls = append(s.calls, c)
}

// index makes a call known to those that need it.
func (s *Script) index(c *scriptCall) {
	s.bySequence[c.Sequence] = c
	if c.url == nil {
		return
	}
	if digest := c.fetched(); digest != "" && !s.complete(digest) {
		s.sources[digest] = append(s.sources[digest], c)
	}
	if c.Row == "token" && c.Status == http.StatusOK {
		s.tokens = append(s.tokens, c)
	}
	if c.location != nil && c.Status/100 == 2 {
		s.locations[c.location.Path] = append(s.locations[c.location.Path], c)
	}
}

// complete tells whether all of a digest's bytes have been fetched.
func (s *Script) complete(digest string) bool {
	calls := s.sources[digest]
	return len(calls) > 0 && calls[len(calls)-1].Error == ""
}

// fetched is the digest of the manifest or blob that a call fetched, empty
// where it fetched none, or nothing tells its digest.
func (c *scriptCall) fetched() string {
	manifest := c.Row == "end-3" || c.Row == "redirect" && c.Why.Blob == "" && c.Why.Manifest != ""
	blob := c.Row == "end-2" || c.Row == "redirect" && c.Why.Blob != ""
	if c.Method != http.MethodGet || c.Status != http.StatusOK && c.Status != http.StatusPartialContent || !manifest && !blob {
		return ""
	}
	candidates := []string{c.Response.Digest, c.Response.Headers.Get("Docker-Content-Digest"), c.Why.Manifest}
	if blob {
		candidates = []string{blobOf(c.Entry), c.Response.Digest}
	}
	return firstDigest(append(candidates, path.Base(c.url.Path))...)
}

// sent is the digest of the manifest or blob that a call sent, or sent a part
// of.
func (c *scriptCall) sent() string {
	if c.Row == "end-7a" || c.Row == "end-7b" {
		return firstDigest(c.Request.Digest, c.Why.Manifest, path.Base(c.url.Path))
	}
	return firstDigest(blobOf(c.Entry), c.Request.Digest)
}

// firstDigest returns the first text that is a digest.
func firstDigest(candidates ...string) string {
	for _, text := range candidates {
		if digestText.MatchString(text) {
			return text
		}
	}
	return ""
}

// opener returns the call whose answer said where an upload's call has to go:
// of those before it that named its path, the last, and one for the same blob
// where there is such.
func (s *Script) opener(c *scriptCall) *scriptCall {
	switch c.Row {
	case "end-5", "end-6", "end-13", "end-14":
	default:
		return nil
	}
	var found *scriptCall
	for _, o := range s.locations[c.url.Path] {
		if o.Sequence >= c.Sequence {
			break
		}
		if found == nil || o.Why.Blob == c.Why.Blob || found.Why.Blob != c.Why.Blob {
			found = o
		}
	}
	return found
}
