package run

import (
	"context"
	"sync"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
)

// transports are the transports of a run, one for each account and protocol.
type transports struct {
	http1 bool // none uses HTTP/2

	mu    sync.Mutex
	byKey map[transportKey]*distribution.Transport
}

// transportKey tells apart what must not be shared: an account or a client certificate that was given for one registry.
type transportKey struct {
	creds     string
	tls       wire.TLS
	plainHTTP bool
	http1     bool
	http2     bool
	fixed     bool
	buffer    int
	host      string // only where there is something that is for this host alone
}

func (m *Remote) key() transportKey {
	k := transportKey{creds: m.Creds, tls: m.tls, plainHTTP: m.plainHTTP, http1: m.HTTP1, http2: m.HTTP2, fixed: m.Unlimited, buffer: m.Buffer}
	if m.Creds != "" || m.tls != (wire.TLS{}) || m.plainHTTP {
		k.host = m.label + " " + m.Host
	}
	return k
}

// transport returns the remote's transport: the same for both remotes of a copy where nothing sets them apart, so that
// they share tokens and connections.
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
	made := distribution.NewTransport(m.options(credentials))
	if all.byKey == nil {
		all.byKey = map[transportKey]*distribution.Transport{}
	}
	all.byKey[m.key()] = made
	return made, nil
}

// knows reports whether the run has called the host as a registry.
func (t *transports) knows(host string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.byKey {
		if one.HasClient(host) {
			return true
		}
	}
	return false
}

// options are what the flags and the configuration say of the remote.
func (m *Remote) options(credentials auth.Credentials) distribution.Options {
	r := m.run
	o := distribution.OptionsFromEnv(r.Env)
	o.Credentials = credentials
	o.Registry, o.TLS, o.PlainHTTP, o.InsecureHTTP = m.Host, m.tls, m.plainHTTP, m.DockerInsecure && m.tls.Insecure
	o.HTTP1, o.HTTP2, o.Buffer = r.transports.http1 || m.HTTP1, m.HTTP2, m.Buffer
	o.Stall = time.Duration(r.speed.stall)
	o.Congestion = r.congestion(m)
	o.Unlimited = o.Congestion == nil
	o.UserAgent = "transship/" + cli.Version
	o.Record, o.Rules, o.Plan = r.recorder(), &r.rules, r.Plan.Wire()
	o.OnWarning = func(text string) { r.Note("warning: %s", text) }
	o.OnWait, o.Sleep = r.onWait, r.Sleep
	return o
}

// Repository returns the repository of a reference, with the actions that the run needs there.
func (m *Remote) Repository(ctx context.Context, ref reference.Reference, actions ...string) (*distribution.Repository, error) {
	m.Host = ref.Host()
	t, err := m.transport(ctx)
	if err != nil {
		return nil, err
	}
	repo := t.Repository(ref, actions...)
	repo.ChunkSize = int64(m.chunk)
	return repo, nil
}

// Ping checks with the registry that it takes the credentials.
func (m *Remote) Ping(ctx context.Context, credentials auth.Credentials) error {
	return distribution.NewTransport(m.options(credentials)).Client(m.Host).Ping(ctx)
}
