package run

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
)

// sessions are the transport chains of a run, one for each account and protocol.
type sessions struct {
	http1 bool // no session uses HTTP/2

	mu    sync.Mutex
	byKey map[sessionKey]*session
}

// sessionKey tells apart what must not be shared: an account or a client certificate that was given for one registry.
type sessionKey struct {
	creds     string
	tls       wire.TLS
	plainHTTP bool
	http1     bool
	http2     bool
	fixed     bool
	buffer    int
	host      string // only where there is something that is for this host alone
}

func (s *Remote) key() sessionKey {
	k := sessionKey{creds: s.Creds, tls: s.tls, plainHTTP: s.plainHTTP, http1: s.Http1, http2: s.Http2, fixed: s.Fixed, buffer: s.Buffer}
	if s.Creds != "" || s.tls != (wire.TLS{}) || s.plainHTTP {
		k.host = s.label + " " + s.Host
	}
	return k
}

// session is one transport chain with its tokens and connections, and the clients on it.
type session struct {
	app       *Run
	http      *http.Client
	redirects wire.Redirects
	plainHTTP bool

	mu      sync.Mutex
	clients map[string]*distribution.Client
}

// session returns the side's chain: the same for both sides where nothing sets them apart, so that tokens and
// connections are too.
func (s *Remote) session(ctx context.Context) (*session, error) {
	all := &s.run.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	if found, ok := all.byKey[s.key()]; ok {
		return found, nil
	}
	credentials, err := s.credentials(ctx)
	if err != nil {
		return nil, err
	}
	made := s.newSession(credentials)
	if all.byKey == nil {
		all.byKey = map[sessionKey]*session{}
	}
	all.byKey[s.key()] = made
	return made, nil
}

// knows reports whether a client of the run speaks to the host as to a registry.
func (s *sessions) knows(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.byKey {
		if one.has(host) {
			return true
		}
	}
	return false
}

// newSession builds the chain auth -> Retry -> Limit -> Loopback -> Headers -> Record -> Policy -> Timeout -> Hosts, with a Plan
// before Record where one is made; package wire says why in this order.
func (s *Remote) newSession(credentials auth.Credentials) *session {
	r := s.run
	hosts := &wire.Hosts{Registry: s.Host, TLS: s.tls, CertsDirs: certsDirs(r.Env), HTTP1: r.sessions.http1 || s.Http1, HTTP2: s.Http2, Buffer: s.Buffer}
	stall := time.Duration(r.speed.stall)
	carry := &wire.Timeout{Base: hosts, Header: stall, Stall: stall}
	record := r.recorder().Over(&wire.Policy{Base: carry, Rules: &r.rules})
	headers := &wire.Headers{Base: r.Plan.Over(record), UserAgent: "transship/" + cli.Version}
	loopback := &wire.Loopback{Base: headers}
	if s.Docker && s.tls.Insecure {
		loopback.Insecure = s.Host
	}
	limit := &wire.Limit{Base: loopback, Congestion: r.congestion(s)}
	retry := &wire.Retry{Base: limit, OnWait: r.onWait, Sleep: r.Sleep}
	made := &session{app: r, plainHTTP: s.plainHTTP, clients: map[string]*distribution.Client{}}
	made.http = &http.Client{
		Transport:     &auth.Transport{Base: retry, Credentials: credentials},
		CheckRedirect: made.redirects.CheckRedirect,
	}
	return made
}

// client returns the session's client for a host.
func (s *session) client(host string) *distribution.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[host]
	if !ok {
		c = &distribution.Client{Host: host, PlainHTTP: s.plainHTTP, HTTP: s.http, Redirects: s.redirects}
		c.OnWarning = func(text string) { s.app.Note("warning: %s", text) }
		c.Sleep, c.OnWait = s.app.Sleep, s.app.onWait
		s.clients[host] = c
	}
	return c
}

// has reports whether there is a client for a host.
func (s *session) has(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.clients[host]
	return ok
}

// Repository returns the repository of a reference, with the actions that the run needs there.
func (s *Remote) Repository(ctx context.Context, ref reference.Reference, actions ...string) (*distribution.Repository, error) {
	s.Host = ref.Host()
	on, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	return &distribution.Repository{
		Client:    on.client(ref.Host()),
		Name:      ref.Path,
		Image:     ref.Familiar(),
		Scope:     auth.Repository(ref.Path, actions...),
		ChunkSize: int64(s.chunk),
	}, nil
}

// Ping checks with the registry that it takes the credentials.
func (s *Remote) Ping(ctx context.Context, credentials auth.Credentials) error {
	return s.newSession(credentials).client(s.Host).Ping(ctx)
}
