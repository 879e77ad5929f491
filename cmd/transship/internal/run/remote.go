package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/wire"
)

// Remote is how a command reaches a registry. A copy has two, for its source and its target, other
// commands have one.
type Remote struct {
	run            *Run
	prefix         string // of its flags: "src", "dst", or "" for the only remote
	whose          string // the remote in the flags' usage texts, such as "the registry"
	Host           string // the registry's, set once the command has parsed its references
	Creds          string // --creds: user:password, "-" for standard input, or "" for what login stored
	tls            wire.TLSOptions
	plainHTTP      bool
	chunk          cli.ByteSize // --chunk-size; 0 sends each blob in one request
	DockerInsecure bool         // --insecure allows plain HTTP too, as docker's does
	HTTP1          bool         // do not use HTTP/2
	HTTP2          bool         // use HTTP/2 for large bodies too
	Buffer         int          // bytes of a large body sent at a time; 0 for the default
	Unlimited      bool         // make all calls at once: the caller sets how many there are
	Attempts       int          // how often a call is sent that fails for a reason that may pass; 0 for the default
	DeniedHint     string       // the hint if the registry denies access; "" for the usual one

	flags *flag.FlagSet // that the remote's flags are of; nil if it has none
	other bool          // the remote is for another host than what is given for one host alone
}

// NewRemote returns a remote without flags. prefix precedes the names of flags in hints: "src",
// "dst" or "".
func (r *Run) NewRemote(prefix string) *Remote {
	m := &Remote{run: r, prefix: prefix}
	r.remotes = append(r.remotes, m)
	return m
}

// RemoteFlags registers the flags of a remote. prefix precedes their names: "src" and "dst" of a
// copy, else "". whose is the remote in usage texts, such as "the registry".
func (r *Run) RemoteFlags(fs *flag.FlagSet, prefix, whose string) *Remote {
	defer r.group(fs, registryFlags)()
	m := r.NewRemote(prefix)
	m.whose = whose
	fs.Func(m.flag("creds"), "`user:password` for "+whose+", which other users can see in the list of processes; "+
		"- reads it from a line of standard input (default: what login stored)", m.setCreds)
	m.tlsFlags(fs)
	r.AuthFileFlag(fs)
	return m
}

// UpstreamFlags registers the flags of a registry whose accounts other programs have.
func (r *Run) UpstreamFlags(fs *flag.FlagSet, whose string) *Remote {
	defer r.group(fs, registryFlags)()
	m := r.NewRemote("")
	m.whose = whose
	m.tlsFlags(fs)
	return m
}

// tlsFlags registers the flags of how a remote is reached.
func (m *Remote) tlsFlags(fs *flag.FlagSet) {
	whose := m.whose
	fs.StringVar(&m.tls.CAFile, m.flag("ca"), "",
		"trust the CA certificates in this `file` (PEM) for "+whose+", besides the system's")
	fs.StringVar(&m.tls.CertFile, m.flag("cert"), "", "use the client certificate in this `file` (PEM) for "+whose)
	fs.StringVar(&m.tls.KeyFile, m.flag("key"), "", "use the client certificate's key in this `file` (PEM) for "+whose)
	fs.BoolVar(&m.tls.Insecure, m.flag("insecure"), false, "do not verify the TLS certificate of "+whose)
	fs.BoolVar(&m.plainHTTP, m.flag("plain-http"), false,
		"use HTTP without TLS for "+whose+" (loopback hosts need no flag)")
	m.flags = fs
}

// isGiven reports whether one of the remote's flags is on the command line.
func (m *Remote) isGiven(name string) bool {
	given := false
	if m.flags != nil {
		m.flags.Visit(func(f *flag.Flag) { given = given || f.Name == m.flag(name) })
	}
	return given
}

// setCreds sets --creds. The value is parsed later: an error from here is printed with the value.
func (m *Remote) setCreds(value string) error {
	if value == "" {
		return errors.New("the value is empty")
	}
	m.Creds = value
	return nil
}

// flag returns the name of one of the remote's flags, without dashes.
func (m *Remote) flag(name string) string {
	if m.prefix == "" {
		return name
	}
	return m.prefix + "-" + name
}

// credentials returns the account of --creds, or the stored credentials.
func (m *Remote) credentials(ctx context.Context) (auth.Credentials, error) {
	if m.Creds == "" {
		return m.run.AuthConfig(), nil
	}
	c, err := m.FlagCredential(ctx)
	return auth.Static(c), err
}

// FlagCredential returns the account of --creds, which it may read from standard input.
func (m *Remote) FlagCredential(ctx context.Context) (auth.Credential, error) {
	name, text := "--"+m.flag("creds"), m.Creds
	if text == "-" {
		line, err := m.run.Ask(ctx, "user:password for "+name+": ", true)
		if errors.Is(err, io.EOF) {
			return auth.Credential{}, &cli.UsageError{Message: name + " -: standard input has no more lines"}
		}
		if err != nil {
			return auth.Credential{}, fmt.Errorf("%s -: %w", name, err)
		}
		text = line
	}
	c, err := auth.ParseUserPass(text)
	if err != nil {
		return c, &cli.UsageError{Message: fmt.Sprintf("%s: %v", name, err)}
	}
	c.Source = name
	return c, nil
}

// ForHost returns a remote for another host. It leaves out what was given for the remote's own host
// alone: credentials, a client certificate and --plain-http.
func (m *Remote) ForHost(host string) *Remote {
	other := *m
	if host != m.Host {
		other.Host, other.Creds, other.plainHTTP, other.other = host, "", false, true
		other.tls.CertFile, other.tls.KeyFile = "", ""
	}
	return &other
}

// BindHost returns a remote for a host of a command that may call several. What is given for one
// host alone is for the first one bound.
func (m *Remote) BindHost(host string) *Remote {
	if m.Host == "" && host != "" {
		m.Host = host
	}
	return m.ForHost(host)
}
