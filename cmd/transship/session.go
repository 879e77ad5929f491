package main

import (
	"context"
	"flag"
	"net/http"
	"sync"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
)

// shared is what all registries of a run have in common.
type shared struct {
	quiet   bool
	verbose bool
	http1   bool
	headers bool            // with verbose: of each call
	onCall  func(wire.Call) // in place of what -v prints
	measure func(wire.Call) // told of each call too
	local   openedImages
	plan    planning
	speed   speed
	audit   auditing
	rules   wire.Rules

	mu       sync.Mutex
	sessions map[sessionKey]*session
	layouts  map[string]*layout.Dir // that are written to, by their paths
	waits    map[string]time.Time   // until when the waits go on that people have been told of, by host
}

// commonFlags registers the flags that every command with a registry has.
func (a *app) commonFlags(fs *flag.FlagSet) {
	fs.BoolVar(&a.shared.quiet, "quiet", false, "print nothing but results and errors")
	alias(fs, "q", "quiet")
	fs.BoolVar(&a.shared.http1, "http1", false, "do not use HTTP/2, which large blobs never do")
	a.auditFlags(fs)
}

// verboseFlag registers --verbose, which docker has used for something else in one command.
func (a *app) verboseFlag(fs *flag.FlagSet) {
	fs.BoolVar(&a.shared.verbose, "verbose", false, "print one line for each call to a registry on standard error")
	alias(fs, "v", "verbose")
	fs.BoolVar(&a.shared.headers, "vv", false, "as --verbose, with the headers of requests and answers, secrets left out")
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

func (s *side) key() sessionKey {
	k := sessionKey{creds: s.creds, tls: s.tls, plainHTTP: s.plainHTTP, http1: s.http1, http2: s.http2, fixed: s.fixed, buffer: s.buffer}
	if s.creds != "" || s.tls != (wire.TLS{}) || s.plainHTTP {
		k.host = s.label + " " + s.host
	}
	return k
}

// session is one transport chain with its tokens and connections, and the clients on it.
type session struct {
	app       *app
	http      *http.Client
	redirects wire.Redirects
	plainHTTP bool

	mu      sync.Mutex
	clients map[string]*distribution.Client
}

// session returns the side's chain: the same for both sides where nothing sets them apart, so that tokens and
// connections are too.
func (a *app) session(ctx context.Context, s *side) (*session, error) {
	a.shared.mu.Lock()
	defer a.shared.mu.Unlock()
	if found, ok := a.shared.sessions[s.key()]; ok {
		return found, nil
	}
	credentials, err := s.credentials(ctx, a)
	if err != nil {
		return nil, err
	}
	made := a.newSession(s, credentials)
	if a.shared.sessions == nil {
		a.shared.sessions = map[sessionKey]*session{}
	}
	a.shared.sessions[s.key()] = made
	return made, nil
}

// newSession builds the chain auth -> Retry -> Limit -> Loopback -> Headers -> Record -> Policy -> Timeout -> Hosts, with a Plan
// before Record where one is made; package wire says why in this order.
func (a *app) newSession(s *side, credentials auth.Credentials) *session {
	hosts := &wire.Hosts{Registry: s.host, TLS: s.tls, CertsDirs: certsDirs(a.env), HTTP1: a.shared.http1 || s.http1, HTTP2: s.http2, Buffer: s.buffer}
	stall := time.Duration(a.shared.speed.stall)
	carry := &wire.Timeout{Base: hosts, Header: stall, Stall: stall}
	record := a.recorder().Over(&wire.Policy{Base: carry, Rules: &a.shared.rules})
	headers := &wire.Headers{Base: a.shared.plan.over(record), UserAgent: "transship/" + version}
	loopback := &wire.Loopback{Base: headers}
	if s.docker && s.tls.Insecure {
		loopback.Insecure = s.host
	}
	limit := &wire.Limit{Base: loopback, Congestion: a.congestion(s)}
	retry := &wire.Retry{Base: limit, OnWait: a.onWait, Sleep: a.sleep}
	made := &session{app: a, plainHTTP: s.plainHTTP, clients: map[string]*distribution.Client{}}
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
		c.OnWarning = func(text string) { s.app.note("warning: %s", text) }
		c.Sleep, c.OnWait = s.app.sleep, s.app.onWait
		s.clients[host] = c
	}
	return c
}

// has tells whether there is a client for a host.
func (s *session) has(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.clients[host]
	return ok
}

// repository returns the repository of a reference on a side, with what the run will do there.
func (a *app) repository(ctx context.Context, s *side, ref reference.Reference, actions ...string) (*distribution.Repository, error) {
	s.host = ref.Host()
	on, err := a.session(ctx, s)
	if err != nil {
		return nil, err
	}
	return &distribution.Repository{
		Client: on.client(ref.Host()),
		Name:   ref.Path,
		Image:  ref.Familiar(),
		Scope:  auth.Repository(ref.Path, actions...),
	}, nil
}
