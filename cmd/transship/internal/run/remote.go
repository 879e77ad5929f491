package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/wire"
)

// Remote is how one registry of a command is reached: a copy has two, its source's and its target's, other commands one.
type Remote struct {
	run            *Run
	label          string // "src", "dst", or "" for the only one
	Host           string // the registry, once the command has parsed its references
	Creds          string
	tls            wire.TLS
	plainHTTP      bool
	DockerInsecure bool         // insecure means what it means to docker: plain HTTP too
	HTTP1          bool         // do not use HTTP/2
	HTTP2          bool         // use it for large bodies too
	Buffer         int          // bytes of a large body that are sent at a time, 0 for the default
	DeniedHint     string       // what to try where the registry refuses the credentials, "" for the usual hint
	chunk          cli.ByteSize // of uploads; 0 sends each blob in one request
	Unlimited      bool         // the caller knows how many calls there may be at once, whatever the host takes
}

// NewRemote returns the way to a registry as nothing but the configuration sets it.
func (r *Run) NewRemote(label string) *Remote {
	m := &Remote{run: r, label: label}
	r.remotes = append(r.remotes, m)
	return m
}

// RemoteFlags registers the flags of a remote.
func (r *Run) RemoteFlags(fs *flag.FlagSet, label, whose string) *Remote {
	m := r.NewRemote(label)
	fs.Func(m.flag("creds"), fmt.Sprintf("`user:password` for %s, or - to read them from a line of standard input (default: what login stored)", whose), m.setCreds)
	fs.StringVar(&m.tls.CAFile, m.flag("ca"), "", fmt.Sprintf("`file` of PEM certificates to trust for %s, beside the system's", whose))
	fs.StringVar(&m.tls.CertFile, m.flag("cert"), "", fmt.Sprintf("`file` with the client certificate for %s (PEM)", whose))
	fs.StringVar(&m.tls.KeyFile, m.flag("key"), "", fmt.Sprintf("`file` with the client certificate's key for %s (PEM)", whose))
	fs.BoolVar(&m.tls.Insecure, m.flag("insecure"), false, fmt.Sprintf("do not verify the TLS certificate of %s", whose))
	fs.BoolVar(&m.plainHTTP, m.flag("plain-http"), false, fmt.Sprintf("speak HTTP without TLS to %s (loopback hosts need no flag)", whose))
	return m
}

// setCreds takes the value of the flag. Its form is looked at later: the errors of package flag repeat the value.
func (m *Remote) setCreds(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	m.Creds = value
	return nil
}

// flag returns the name of one of the remote's flags, without dashes.
func (m *Remote) flag(name string) string {
	if m.label == "" {
		return name
	}
	return m.label + "-" + name
}

// credentials finds the account for this remote.
func (m *Remote) credentials(ctx context.Context) (auth.Credentials, error) {
	if m.Creds == "" {
		return m.run.AuthConfig(), nil
	}
	c, err := m.FlagCredential(ctx)
	return auth.Static(c), err
}

// FlagCredential is what the flag says, or standard input if the flag says so.
func (m *Remote) FlagCredential(ctx context.Context) (auth.Credential, error) {
	name, text := "--"+m.flag("creds"), m.Creds
	if text == "-" {
		line, err := m.run.Ask(ctx, "user:password for "+name+": ", true)
		if errors.Is(err, io.EOF) {
			return auth.Credential{}, &cli.UsageError{Message: fmt.Sprintf("%s -: standard input has no line for it", name)}
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

// ForHost returns the way to another registry. What was given for one registry alone does not go there.
func (m *Remote) ForHost(host string) *Remote {
	other := *m
	if host != m.Host {
		other.Host, other.Creds, other.plainHTTP = host, "", false
		other.tls.CertFile, other.tls.KeyFile = "", ""
	}
	return &other
}

// BindHost returns the way to a registry of a command that may speak to several: what was given for one alone is for the
// first that is bound.
func (m *Remote) BindHost(host string) *Remote {
	if m.Host == "" && host != "" {
		m.Host = host
	}
	return m.ForHost(host)
}

// DockerConfigDir is $DOCKER_CONFIG or ~/.docker, "" when neither is known.
func DockerConfigDir(env func(string) string) string {
	if dir := env("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	if home := env("HOME"); home != "" {
		return filepath.Join(home, ".docker")
	}
	return ""
}
