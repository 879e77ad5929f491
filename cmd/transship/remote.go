package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/wire"
)

// remote is how one registry of a command is reached: a copy has two, its source's and its target's, other commands one.
type remote struct {
	run       *app
	label     string // "src", "dst", or "" for the only one
	host      string // the registry, once the command has parsed its references
	creds     string
	tls       wire.TLS
	plainHTTP bool
	docker    bool     // insecure means what it means to docker: plain HTTP too
	http1     bool     // do not use HTTP/2
	http2     bool     // use it for large bodies too
	buffer    int      // bytes of a large body that are sent at a time, 0 for the default
	refused   string   // what to try where the registry refuses the credentials, "" for the usual hint
	chunk     byteSize // of uploads; 0 sends each blob in one request
	fixed     bool     // the caller knows how many calls there may be at once, whatever the host takes
}

// newRemote returns the way to a registry as nothing but the configuration sets it.
func (a *app) newRemote(label string) *remote {
	s := &remote{run: a, label: label}
	a.remotes = append(a.remotes, s)
	return s
}

// remoteFlags registers the flags of a remote.
func (a *app) remoteFlags(fs *flag.FlagSet, label, whose string) *remote {
	s := a.newRemote(label)
	fs.Func(s.flag("creds"), fmt.Sprintf("`user:password` for %s, or - to read them from a line of standard input (default: what login stored)", whose), s.setCreds)
	fs.StringVar(&s.tls.CAFile, s.flag("ca"), "", fmt.Sprintf("`file` of PEM certificates to trust for %s, beside the system's", whose))
	fs.StringVar(&s.tls.CertFile, s.flag("cert"), "", fmt.Sprintf("`file` with the client certificate for %s (PEM)", whose))
	fs.StringVar(&s.tls.KeyFile, s.flag("key"), "", fmt.Sprintf("`file` with the client certificate's key for %s (PEM)", whose))
	fs.BoolVar(&s.tls.Insecure, s.flag("insecure"), false, fmt.Sprintf("do not verify the TLS certificate of %s", whose))
	fs.BoolVar(&s.plainHTTP, s.flag("plain-http"), false, fmt.Sprintf("speak HTTP without TLS to %s (loopback hosts need no flag)", whose))
	return s
}

// setCreds takes the value of the flag. Its form is looked at later: the errors of package flag repeat the value.
func (s *remote) setCreds(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	s.creds = value
	return nil
}

// flag returns the name of one of the remote's flags, without dashes.
func (s *remote) flag(name string) string {
	if s.label == "" {
		return name
	}
	return s.label + "-" + name
}

// credentials finds the account for this remote.
func (s *remote) credentials(ctx context.Context) (auth.Credentials, error) {
	if s.creds == "" {
		return s.run.config(), nil
	}
	c, err := s.given(ctx)
	return auth.Static(c), err
}

// given is what the flag says, or standard input if the flag says so.
func (s *remote) given(ctx context.Context) (auth.Credential, error) {
	name, text := "--"+s.flag("creds"), s.creds
	if text == "-" {
		line, err := s.run.ask(ctx, "user:password for "+name+": ", true)
		if errors.Is(err, io.EOF) {
			return auth.Credential{}, &usageError{message: fmt.Sprintf("%s -: standard input has no line for it", name)}
		}
		if err != nil {
			return auth.Credential{}, fmt.Errorf("%s -: %w", name, err)
		}
		text = line
	}
	c, err := auth.ParseUserPass(text)
	if err != nil {
		return c, &usageError{message: fmt.Sprintf("%s: %v", name, err)}
	}
	c.Source = name
	return c, nil
}

// forHost returns the way to another registry. What was given for one registry alone does not go there.
func (s *remote) forHost(host string) *remote {
	other := *s
	if host != s.host {
		other.host, other.creds, other.plainHTTP = host, "", false
		other.tls.CertFile, other.tls.KeyFile = "", ""
	}
	return &other
}

// bindHost returns the way to a registry of a command that may speak to several: what was given for one alone is for the
// first that is bound.
func (s *remote) bindHost(host string) *remote {
	if s.host == "" && host != "" {
		s.host = host
	}
	return s.forHost(host)
}

// certsDirs lists where per-host certificates are looked for.
func certsDirs(env func(string) string) []string {
	dirs := []string{"/etc/docker/certs.d", "/etc/containers/certs.d"}
	if dir := dockerConfigDir(env); dir != "" {
		dirs = append(dirs, filepath.Join(dir, "certs.d"))
	}
	return dirs
}

// dockerConfigDir is $DOCKER_CONFIG or ~/.docker, "" when neither is known.
func dockerConfigDir(env func(string) string) string {
	if dir := env("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	if home := env("HOME"); home != "" {
		return filepath.Join(home, ".docker")
	}
	return ""
}
