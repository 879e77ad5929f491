package curl

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
)

// contentRange is the part of a manifest or blob that a call fetched, in bytes.
type contentRange struct {
	from, to int64 // to is exclusive
	size     int64 // of the whole content, 0 if unknown
}

// fetchedRange returns the part that a response contains: with status 206 that of Content-Range
// (RFC 9110, section 14.4), with 200 one from the beginning.
func fetchedRange(e audit.Entry) contentRange {
	r := contentRange{to: e.Response.Bytes}
	if e.Status == http.StatusPartialContent {
		span, size, _ := strings.Cut(strings.TrimPrefix(e.Response.Headers.Get("Content-Range"), "bytes "), "/")
		first, _, _ := strings.Cut(span, "-")
		r.from, _ = strconv.ParseInt(first, 10, 64)
		r.from = max(r.from, 0)
		r.to += r.from
		r.size, _ = strconv.ParseInt(size, 10, 64)
		return r
	}
	size, err := strconv.ParseInt(e.Response.Headers.Get("Content-Length"), 10, 64)
	if err == nil {
		r.size = size
	} else if e.Error == "" {
		r.size = r.to
	}
	return r
}

// coverage is how much of a content the calls have fetched.
type coverage struct {
	prefix   int64           // bytes from the beginning without a gap
	later    map[int64]int64 // ranges after a gap, from -> to
	sources  []*call         // the calls, up to the first that completed the content
	complete bool
}

// add adds a range, and reports whether it completes the content.
func (c *coverage) add(r contentRange) bool {
	if r.from > c.prefix {
		if c.later == nil {
			c.later = map[int64]int64{}
		}
		c.later[r.from] = max(c.later[r.from], r.to)
		return false
	}
	c.prefix = max(c.prefix, r.to)
	for to, ok := c.later[c.prefix]; ok; to, ok = c.later[c.prefix] {
		delete(c.later, c.prefix)
		c.prefix = max(c.prefix, to)
	}
	return r.size > 0 && c.prefix >= r.size
}

// addFetched adds what a call has fetched. A content that is fetched again is completed again, but
// its first sources suffice to send it.
func (s *Script) addFetched(c *call) {
	cover := s.contents[c.fetched]
	if cover == nil {
		cover = &coverage{}
		s.contents[c.fetched] = cover
	}
	if !cover.complete {
		cover.sources = append(cover.sources, c)
	}
	if c.completes = cover.add(c.fetch); c.completes {
		cover.complete, cover.prefix, cover.later = true, 0, nil
	}
}

// sources returns the calls that fetched a digest's content.
func (s *Script) sources(digest string) []*call {
	if cover := s.contents[digest]; cover != nil {
		return cover.sources
	}
	return nil
}
