package run

import (
	"cmp"
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

// transports has the transports of a run by what sets them apart.
type transports struct {
	http1      bool // --http1: none uses HTTP/2
	congestion congestion

	mu    sync.Mutex
	byKey map[transportKey]*distribution.Transport
}

// transportKey keeps apart what must not be shared: an account or a client certificate that is for
// one registry.
type transportKey struct {
	creds        string
	tls          wire.TLSOptions
	plainHTTP    bool
	insecureHTTP bool
	http1        bool
	http2        bool
	unlimited    bool
	buffer       int
	attempts     int
	host         string // with the remote's prefix; "" if nothing is for this host alone
}

func (m *Remote) key() transportKey {
	s := m.settings()
	k := transportKey{
		creds: m.Creds, tls: s.tls, plainHTTP: s.plainHTTP, insecureHTTP: s.insecureHTTP,
		http1: m.HTTP1, http2: m.HTTP2, unlimited: m.Unlimited, buffer: m.Buffer,
		attempts: m.Attempts,
	}
	if m.Creds != "" || s.tls != (wire.TLSOptions{}) || s.plainHTTP {
		k.host = m.prefix + " " + m.Host
	}
	return k
}

// transport returns the remote's transport. The two remotes of a copy have the same one if nothing
// sets them apart: they share tokens and connections.
func (m *Remote) transport(ctx context.Context) (*distribution.Transport, error) {
	all := &m.run.transports
	all.mu.Lock()
	defer all.mu.Unlock()
	if found, ok := all.byKey[m.key()]; ok {
		return found, nil
	}
	credentials, err := m.credentials(ctx)
	if err != nil {
		return nil, err
	}
	o := m.options(credentials)
	o.Mirrors, o.OnMirror = m.run.mirrorsByHost(), m.run.onMirror
	t := distribution.NewTransport(o)
	if all.byKey == nil {
		all.byKey = map[transportKey]*distribution.Transport{}
	}
	all.byKey[m.key()] = t
	return t, nil
}

// options returns the transport's options from the flags, the configuration file and the
// environment.
func (m *Remote) options(credentials auth.Credentials) distribution.Options {
	r, s := m.run, m.settings()
	o := distribution.OptionsFromEnv(r.Env)
	o.Credentials = credentials
	o.Registry, o.TLS, o.PlainHTTP, o.InsecureHTTP = m.Host, s.tls, s.plainHTTP, s.insecureHTTP
	o.HTTP1, o.HTTP2, o.Buffer = r.transports.http1 || m.HTTP1, m.HTTP2, m.Buffer
	o.Attempts = m.Attempts
	o.Stall, o.MaxWait = time.Duration(r.speed.stall), time.Duration(r.speed.maxWait)
	o.Unanswered = r.speed.unanswered()
	o.SendCongestion = wire.SendCongestion(r.transports.congestion)
	o.Congestion = r.congestion(m)
	o.Unlimited = o.Congestion == nil
	o.UserAgent = "transship/" + cli.Version
	o.Record, o.Rules, o.Plan = r.recorder(), &r.rules, r.Plan.Wire()
	o.OnWarning = func(text string) { r.Note("warning: %s", text) }
	o.OnWait, o.Sleep, o.Dial = r.onWait, r.Sleep, r.Dial
	if r.Verbose || r.headers {
		o.OnTokenServer = r.onTokenServer
	}
	return o
}

// Scheme returns that of the remote's URLs: http with --plain-http.
func (m *Remote) Scheme() string {
	if m.settings().plainHTTP {
		return "http"
	}
	return "https"
}

// RoundTripper returns what sends requests of other programs to the remote: each is recorded with the
// digest of its body, also of a blob's, held against the policies, and sent once as it is. The error is that
// of a certificate or key file.
func (m *Remote) RoundTripper() (http.RoundTripper, error) {
	m.run.recorder().HashBlobs = true
	o := m.options(nil)
	return o.RoundTripper(), o.TLS.Check(cmp.Or(m.Host, m.whose))
}

// Repository returns the repository of a reference. actions are those that the run needs there: see
// auth.Pull and the like.
func (m *Remote) Repository(
	ctx context.Context, ref reference.Reference, actions ...string,
) (*distribution.Repository, error) {
	m.Host = ref.Host()
	t, err := m.transport(ctx)
	if err != nil {
		return nil, err
	}
	repo := t.Repository(ref, actions...)
	repo.ChunkSize = int64(m.chunk)
	return repo, nil
}

// Target returns the repository of a reference that images are copied to.
func (m *Remote) Target(ctx context.Context, ref reference.Reference) (*distribution.Repository, error) {
	repo, err := m.Repository(ctx, ref, auth.Pull, auth.Push)
	if err != nil {
		return nil, err
	}
	repo.Target = true
	m.run.noteUploads(repo)
	return repo, nil
}

// Client returns the client of a reference's registry, for calls that are not about one repository.
func (m *Remote) Client(ctx context.Context, ref reference.Reference) (*distribution.Client, error) {
	m.Host = ref.Host()
	t, err := m.transport(ctx)
	if err != nil {
		return nil, err
	}
	return t.Client(m.Host), nil
}

// PingAs checks with the registry at Host that it takes the credentials (end-1), which need not be
// those of the run.
func (m *Remote) PingAs(ctx context.Context, credentials auth.Credentials) error {
	return distribution.NewTransport(m.options(credentials)).Client(m.Host).Ping(ctx)
}

// HTTP2Windows asks the registry at Host how far a client may be ahead over HTTP/2. The registry must have
// been called before: no policy is held against the connection that this takes.
func (m *Remote) HTTP2Windows(ctx context.Context) (wire.HTTP2Windows, error) {
	return m.options(nil).HTTP2Windows(ctx, m.Host)
}
