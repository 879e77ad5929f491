package curl

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
)

// piece is what a call has fetched of a manifest or blob.
type piece struct {
	from, to int64
	size     int64 // of all of it, 0 where nothing says
}

// pieceOf reads which part of its content an answer has brought: of 206 by
// Content-Range (RFC 9110, section 14.4), of 200 from the beginning on.
func pieceOf(e audit.Entry) piece {
	p := piece{to: e.Response.Bytes}
	if e.Status == http.StatusPartialContent {
		span, size, _ := strings.Cut(strings.TrimPrefix(e.Response.Headers.Get("Content-Range"), "bytes "), "/")
		first, _, _ := strings.Cut(span, "-")
		p.from, _ = strconv.ParseInt(first, 10, 64)
		p.from = max(p.from, 0)
		p.to += p.from
		p.size, _ = strconv.ParseInt(size, 10, 64)
		return p
	}
	size, err := strconv.ParseInt(e.Response.Headers.Get("Content-Length"), 10, 64)
	if err == nil {
		p.size = size
	} else if e.Error == "" {
		p.size = p.to
	}
	return p
}

// coverage is how much of a content has been fetched.
type coverage struct {
	reach   int64           // from the beginning on without a hole
	later   map[int64]int64 // pieces behind that, ends by beginnings
	sources []*scriptCall   // that fetched it
	done    bool            // all of it has been fetched
}

// add counts a piece, and tells whether it was the last.
func (c *coverage) add(p piece) bool {
	if p.from > c.reach {
		if c.later == nil {
			c.later = map[int64]int64{}
		}
		c.later[p.from] = max(c.later[p.from], p.to)
		return false
	}
	c.reach = max(c.reach, p.to)
	for end, ok := c.later[c.reach]; ok; end, ok = c.later[c.reach] {
		delete(c.later, c.reach)
		c.reach = max(c.reach, end)
	}
	return p.size > 0 && c.reach >= p.size
}

// covered notes what a call has fetched. The calls up to the one that has
// completed it are those that have to be made before it can be sent. One that
// is fetched again later is completed again.
func (s *Script) covered(c *scriptCall) {
	cover := s.contents[c.fetched]
	if cover == nil {
		cover = &coverage{}
		s.contents[c.fetched] = cover
	}
	if !cover.done {
		cover.sources = append(cover.sources, c)
	}
	if c.completes = cover.add(c.piece); c.completes {
		cover.done, cover.reach, cover.later = true, 0, nil
	}
}

// sources are the calls that fetched a digest's content.
func (s *Script) sources(digest string) []*scriptCall {
	if cover := s.contents[digest]; cover != nil {
		return cover.sources
	}
	return nil
}
