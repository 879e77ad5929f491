package distribution

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
)

// Options say how registries are called. The zero value calls them without an account, over HTTPS
// (a loopback host over HTTP if it speaks that), retries failures that may pass, and limits the
// calls under way to what each host takes. [OptionsFromEnv] adds what docker and podman have
// configured.
type Options struct {
	// Credentials finds accounts: an [auth.Config], or one account as [auth.Static]. Nil is anonymous.
	Credentials auth.Credentials

	// Registry is the only host, with its port if the URL has one, that TLS's client certificate is
	// for, and InsecureHTTP.
	Registry string
	// TLS holds for all hosts, token servers and storage hosts among them; its client certificate
	// only for Registry.
	TLS wire.TLSOptions
	// CertsDirs are searched for a directory with a host's name and certificates for it, such as
	// /etc/docker/certs.d.
	CertsDirs []string
	// InsecureHTTP asks Registry over HTTP where it has no TLS, as docker does for what it calls
	// insecure registries. Credentials may then go out unencrypted.
	InsecureHTTP bool
	// PlainHTTP has every client speak HTTP without TLS.
	PlainHTTP bool

	HTTP1 bool // do not use HTTP/2
	HTTP2 bool // use HTTP/2 for large bodies too, which otherwise have connections of their own
	// Dial opens the connections, as net.Dialer.DialContext does; nil uses a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Buffer is how many bytes of a large body are sent at a time; wire.DefaultSendBuffer if zero.
	Buffer int
	// SendCongestion is the congestion control of TCP for connections that upload large bodies.
	SendCongestion wire.SendCongestion
	// Stall is how long an answer's header or the next byte of a body may take before the attempt
	// fails; wire.DefaultStallTimeout if zero. The answer to the call that closes an upload may take
	// longer: see [wire.WithClosedUpload]. A document must be complete within Stall, or a minute if that
	// is longer.
	Stall time.Duration
	// Attempts is how often at most a call is sent that fails for a reason that may pass, 6 if zero. A
	// mirror is best asked once: others are there.
	Attempts int
	// Unanswered is how often at most a call is sent whose answer takes longer than Stall, 3 if zero.
	Unanswered int
	// MaxWait is how long a registry may ask one call to wait (Retry-After); wire.DefaultMaxWait if
	// zero. A call that is to wait longer fails at once with a *wire.RetryAfterError.
	MaxWait time.Duration
	// Congestion is what is known of how many calls each host takes at once; transports that share it
	// share that limit. Nil is one of the transport's own.
	Congestion *wire.Congestion
	// Unlimited sends every call at once, whatever Congestion knows.
	Unlimited bool

	UserAgent string // such as "transship/1.0.0"; "transship" if empty
	// Redirects decides which redirects, and which Locations of uploads, are followed.
	Redirects wire.RedirectRules
	// Record reports each call, with the sequence of all transports that share it. Nil reports none.
	Record *wire.Recorder
	// Rules refuse the calls that they do not allow; nil allows all.
	Rules *wire.PolicyRules
	// Plan answers writes itself, so that no registry is changed; nil sends them.
	Plan *wire.Planner

	// Mirrors are the mirrors of registries, by host as in URLs (registry-1.docker.io), in the order in
	// which they are asked. They serve the repositories that are for auth.Pull alone; see
	// [Repository.Mirrors]. Each is reached as the transport says that it is from.
	Mirrors map[string][]*Mirror
	// OnMirror is told who has served each manifest and blob of a registry that has mirrors. It may be
	// called concurrently.
	OnMirror func(MirrorEvent)

	// OnWarning gets each different Warning of a registry once (distribution-spec, "Warnings").
	OnWarning func(text string)
	// OnTokenServer is told before credentials are sent for the first time to a token server on
	// another host than the registry's. It may be called concurrently.
	OnTokenServer func(registry, tokenServer string)
	// OnWait gets each pause between attempts when it begins. It may be called concurrently.
	OnWait func(wire.RetryWait)
	// Sleep waits between attempts for d, or until ctx is done and then returns why. Nil waits on the
	// clock.
	Sleep func(ctx context.Context, d time.Duration) error
}

// OptionsFromEnv returns the Options that an environment describes, as os.Getenv returns it: the
// accounts of docker and podman ([auth.ConfigFromEnv]), and their directories of certificates.
// Files are read when they are needed.
func OptionsFromEnv(env func(string) string) Options {
	dirs := []string{"/etc/docker/certs.d", "/etc/containers/certs.d"}
	if dir := env("DOCKER_CONFIG"); dir != "" {
		dirs = append(dirs, filepath.Join(dir, "certs.d"))
	} else if home := auth.HomeDir(env); home != "" {
		dirs = append(dirs, filepath.Join(home, ".docker", "certs.d"))
	}
	return Options{Credentials: auth.ConfigFromEnv(env), CertsDirs: dirs}
}

// Transport carries calls to registries. The calls of all its clients share their tokens,
// connections and limits. Its methods may be called concurrently.
type Transport struct {
	// HTTP sends a request through the whole chain that the comment of package wire describes, from
	// auth to [wire.Transport], and follows the redirects that Options.Redirects allows. A request
	// that is made without a Client is authenticated if its context names the registry: see
	// [auth.WithScope].
	HTTP *http.Client

	options Options
	mu      sync.Mutex
	clients map[string]*Client
}

// NewTransport returns a Transport. It makes no call and reads no file.
func NewTransport(o Options) *Transport {
	return &Transport{
		HTTP:    &http.Client{Transport: o.chain(), CheckRedirect: o.Redirects.CheckRedirect},
		options: o,
		clients: map[string]*Client{},
	}
}

// RoundTripper returns the lowest layers alone, for requests of other programs: each is recorded, held
// against the Rules and sent once as it is, without an account, a retry or a time limit.
func (o Options) RoundTripper() http.RoundTripper { return o.recorded(o.sender()) }

func (o Options) sender() *wire.Transport {
	return &wire.Transport{
		Registry: o.Registry, TLS: o.TLS, CertsDirs: o.CertsDirs, HTTP1: o.HTTP1, HTTP2: o.HTTP2, SendBuffer: o.Buffer,
		SendCongestion: o.SendCongestion, Dial: o.Dial,
	}
}

// recorded puts the policies and the record over what sends.
func (o Options) recorded(next http.RoundTripper) http.RoundTripper {
	next = &wire.Policy{Base: next, Rules: o.Rules}
	if o.Record != nil {
		next = o.Record.Over(next)
	}
	return next
}

// chain puts the layers together, the innermost first. The comment of package wire says why in this
// order.
func (o Options) chain() http.RoundTripper {
	next := o.recorded(&wire.Timeout{Base: o.sender(), Header: o.Stall, Stall: o.Stall})
	if o.Plan != nil {
		next = o.Plan.Over(next)
	}
	next = &wire.Headers{Base: next, UserAgent: o.UserAgent}
	next = &wire.Loopback{Base: next, Insecure: o.insecureHost()}
	next = &wire.Limiter{Base: next, Congestion: o.congestion()}
	next = &wire.Retry{
		Base: next, Attempts: o.Attempts, Unanswered: o.Unanswered, MaxWait: o.MaxWait, OnWait: o.OnWait, Sleep: o.Sleep,
	}
	return &auth.Transport{Base: next, Credentials: o.Credentials, OnTokenServer: o.OnTokenServer}
}

func (o Options) insecureHost() string {
	if o.InsecureHTTP {
		return o.Registry
	}
	return ""
}

func (o Options) congestion() *wire.Congestion {
	switch {
	case o.Unlimited:
		return nil
	case o.Congestion == nil:
		return &wire.Congestion{}
	}
	return o.Congestion
}

// Client returns the client for a host, with its port if the URL has one, such as
// registry-1.docker.io. It is always the same for the same host, since it remembers what the
// registry can do.
func (t *Transport) Client(host string) *Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.clients[host]
	if !ok {
		o := t.options
		c = &Client{
			Host: host, PlainHTTP: o.PlainHTTP, HTTP: t.HTTP, Redirects: o.Redirects,
			OnWarning: o.OnWarning, OnWait: o.OnWait, Sleep: o.Sleep, MaxWait: o.MaxWait,
		}
		t.clients[host] = c
	}
	return c
}

// Image parses the name of an image as docker does (halo is docker.io/library/halo:latest) and
// returns its repository, as [Transport.Repository] does, and the tag or digest that the name has.
// The error is a *[reference.SyntaxError].
func (t *Transport) Image(name string, actions ...string) (repo *Repository, ref string, err error) {
	r, err := reference.Parse(name)
	if err != nil {
		return nil, "", err
	}
	return t.Repository(r, actions...), r.Identifier(), nil
}

// Repository returns the repository of a reference, for what will be done there: auth.Pull,
// auth.Push, auth.Delete. A token is then asked for all of it at once; without actions, for each
// call as it comes.
func (t *Transport) Repository(ref reference.Reference, actions ...string) *Repository {
	repo := &Repository{
		Client:   t.Client(ref.Host()),
		Name:     ref.Path,
		Image:    ref.Familiar(),
		Scope:    auth.Repository(ref.Path, actions...),
		Registry: ref.Domain,
	}
	if slices.Equal(actions, []string{auth.Pull}) {
		repo.Mirrors, repo.OnMirror = t.options.Mirrors[ref.Host()], t.options.OnMirror
	}
	return repo
}

// HTTP2Windows asks a host for its windows; see [wire.Transport.HTTP2Windows]. The connection is not on
// the record, since there is no request on it, and no rule is held against it.
func (o Options) HTTP2Windows(ctx context.Context, host string) (wire.HTTP2Windows, error) {
	return o.sender().HTTP2Windows(ctx, host)
}
