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
	run       *Run
	label     string // "src", "dst", or "" for the only one
	Host      string // the registry, once the command has parsed its references
	Creds     string
	tls       wire.TLS
	plainHTTP bool
	Docker    bool         // insecure means what it means to docker: plain HTTP too
	Http1     bool         // do not use HTTP/2
	Http2     bool         // use it for large bodies too
	Buffer    int          // bytes of a large body that are sent at a time, 0 for the default
	Refused   string       // what to try where the registry refuses the credentials, "" for the usual hint
	chunk     cli.ByteSize // of uploads; 0 sends each blob in one request
	Fixed     bool         // the caller knows how many calls there may be at once, whatever the host takes
}

// NewRemote returns the way to a registry as nothing but the configuration sets it.
func (r *Run) NewRemote(label string) *Remote {
	s := &Remote{run: r, label: label}
	r.remotes = append(r.remotes, s)
	return s
}

// RemoteFlags registers the flags of a remote.
func (r *Run) RemoteFlags(fs *flag.FlagSet, label, whose string) *Remote {
	s := r.NewRemote(label)
	fs.Func(s.flag("creds"), fmt.Sprintf("`user:password` for %s, or - to read them from a line of standard input (default: what login stored)", whose), s.setCreds)
	fs.StringVar(&s.tls.CAFile, s.flag("ca"), "", fmt.Sprintf("`file` of PEM certificates to trust for %s, beside the system's", whose))
	fs.StringVar(&s.tls.CertFile, s.flag("cert"), "", fmt.Sprintf("`file` with the client certificate for %s (PEM)", whose))
	fs.StringVar(&s.tls.KeyFile, s.flag("key"), "", fmt.Sprintf("`file` with the client certificate's key for %s (PEM)", whose))
	fs.BoolVar(&s.tls.Insecure, s.flag("insecure"), false, fmt.Sprintf("do not verify the TLS certificate of %s", whose))
	fs.BoolVar(&s.plainHTTP, s.flag("plain-http"), false, fmt.Sprintf("speak HTTP without TLS to %s (loopback hosts need no flag)", whose))
	return s
}

// setCreds takes the value of the flag. Its form is looked at later: the errors of package flag repeat the value.
func (s *Remote) setCreds(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	s.Creds = value
	return nil
}

// flag returns the name of one of the remote's flags, without dashes.
func (s *Remote) flag(name string) string {
	if s.label == "" {
		return name
	}
	return s.label + "-" + name
}

// credentials finds the account for this remote.
func (s *Remote) credentials(ctx context.Context) (auth.Credentials, error) {
	if s.Creds == "" {
		return s.run.Config(), nil
	}
	c, err := s.Given(ctx)
	return auth.Static(c), err
}

// Given is what the flag says, or standard input if the flag says so.
func (s *Remote) Given(ctx context.Context) (auth.Credential, error) {
	name, text := "--"+s.flag("creds"), s.Creds
	if text == "-" {
		line, err := s.run.Ask(ctx, "user:password for "+name+": ", true)
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
func (s *Remote) ForHost(host string) *Remote {
	other := *s
	if host != s.Host {
		other.Host, other.Creds, other.plainHTTP = host, "", false
		other.tls.CertFile, other.tls.KeyFile = "", ""
	}
	return &other
}

// BindHost returns the way to a registry of a command that may speak to several: what was given for one alone is for the
// first that is bound.
func (s *Remote) BindHost(host string) *Remote {
	if s.Host == "" && host != "" {
		s.Host = host
	}
	return s.ForHost(host)
}

// certsDirs lists where per-host certificates are looked for.
func certsDirs(env func(string) string) []string {
	dirs := []string{"/etc/docker/certs.d", "/etc/containers/certs.d"}
	if dir := DockerConfigDir(env); dir != "" {
		dirs = append(dirs, filepath.Join(dir, "certs.d"))
	}
	return dirs
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
