package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
)

// session is an upload session.
type session struct {
	opened *answer
	url    *url.URL // where the next call goes; nil if there is no session
	err    error    // why there is none
}

// open opens a session in a repository.
func (p *prober) openSession(ctx context.Context, repo string) *session {
	return p.sessionOf(p.send(ctx, to(http.MethodPost, endpoint.Uploads(repo))))
}

// sessionOf returns the session that an answer opens.
func (p *prober) sessionOf(a *answer) *session {
	s := &session{opened: a}
	if !a.is(http.StatusAccepted) {
		s.err = errors.New("no session was opened: " + a.text())
		return s
	}
	s.url, s.err = p.location(a)
	return s
}

// next makes the session's next call go where the answer says. One without a Location changes nothing.
func (p *prober) next(s *session, a *answer) {
	if u, err := p.location(a); err == nil {
		s.url = u
	}
}

// finding is that of a row that needs a session.
func (s *session) finding() finding {
	if errors.Is(s.opened.err, errTooMany) {
		return notTested(s.opened.text())
	}
	return unknown(s.err.Error(), s.opened)
}

// put closes a session with a body, by a digest.
func (p *prober) put(ctx context.Context, s *session, d blob.Digest, body []byte) *answer {
	u := *s.url
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "digest=" + url.QueryEscape(string(d)) // the rest of the query is opaque
	return p.send(ctx, request{method: http.MethodPut, url: &u, body: body})
}

// patch sends a chunk that begins at an offset, or without a range if that is negative.
func (p *prober) patch(ctx context.Context, s *session, offset int, chunk []byte) *answer {
	q := request{method: http.MethodPatch, url: s.url, body: chunk}
	if offset >= 0 {
		q = q.with("Content-Range", fmt.Sprintf("%d-%d", offset, offset+len(chunk)-1))
	}
	a := p.send(ctx, q)
	if a.is(http.StatusAccepted) {
		p.next(s, a)
	}
	return a
}

// cancel ends a session that no row is about.
func (p *prober) cancel(ctx context.Context, s *session) {
	if s.url != nil {
		p.send(ctx, request{method: http.MethodDelete, url: s.url})
	}
}

// location returns the address of an upload session that an answer names. The session must be on the
// registry's own host: raw calls go nowhere else.
func (p *prober) location(a *answer) (*url.URL, error) {
	text := a.header.Get("Location")
	u, err := a.url.Parse(text)
	switch {
	case text == "" || err != nil:
		return nil, errors.New("the session has no Location")
	case !strings.EqualFold(u.Hostname(), a.url.Hostname()):
		return nil, fmt.Errorf("the session is on another host, %s", u.Host)
	}
	return u, nil
}
