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

// side is how one registry of a command is reached: a copy has a source and a destination side, other commands one.
type side struct {
	label     string // "src", "dst", or "" for the only one
	host      string // the registry, once the command has parsed its references
	creds     string
	tls       wire.TLS
	plainHTTP bool
	docker    bool   // insecure means what it means to docker: plain HTTP too
	http1     bool   // do not use HTTP/2
	http2     bool   // use it for large bodies too
	buffer    int    // bytes of a large body that are sent at a time, 0 for the default
	refused   string // what to try where the registry refuses the credentials, "" for the usual hint
	fixed     bool   // the caller knows how many calls there may be at once, whatever the host takes
}

// newSide registers the flags of a side.
func (a *app) newSide(fs *flag.FlagSet, label, whose string) *side {
	s := &side{label: label}
	a.sides = append(a.sides, s)
	fs.Func(s.flag("creds"), fmt.Sprintf("`user:password` for %s, or - to read them from a line of standard input (default: what login stored)", whose), s.setCreds)
	fs.StringVar(&s.tls.CAFile, s.flag("ca"), "", fmt.Sprintf("`file` of PEM certificates to trust for %s, beside the system's", whose))
	fs.StringVar(&s.tls.CertFile, s.flag("cert"), "", fmt.Sprintf("`file` with the client certificate for %s (PEM)", whose))
	fs.StringVar(&s.tls.KeyFile, s.flag("key"), "", fmt.Sprintf("`file` with the client certificate's key for %s (PEM)", whose))
	fs.BoolVar(&s.tls.Insecure, s.flag("insecure"), false, fmt.Sprintf("do not verify the TLS certificate of %s", whose))
	fs.BoolVar(&s.plainHTTP, s.flag("plain-http"), false, fmt.Sprintf("speak HTTP without TLS to %s (loopback hosts need no flag)", whose))
	return s
}

// setCreds takes the value of the flag. Its form is looked at later: the errors of package flag repeat the value.
func (s *side) setCreds(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	s.creds = value
	return nil
}

// flag returns the name of one of the side's flags, without dashes.
func (s *side) flag(name string) string {
	if s.label == "" {
		return name
	}
	return s.label + "-" + name
}

// credentials finds who to be on this side.
func (s *side) credentials(ctx context.Context, a *app) (auth.Credentials, error) {
	if s.creds == "" {
		return a.config(), nil
	}
	c, err := s.given(ctx, a)
	return auth.Static(c), err
}

// given is what the flag says, or standard input if the flag says so.
func (s *side) given(ctx context.Context, a *app) (auth.Credential, error) {
	name, text := "--"+s.flag("creds"), s.creds
	if text == "-" {
		line, err := a.ask(ctx, "user:password for "+name+": ", true)
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

// on returns the way to another registry. What was given for one registry alone does not go there.
func (s *side) on(host string) *side {
	other := *s
	if host != s.host {
		other.host, other.creds, other.plainHTTP = host, "", false
		other.tls.CertFile, other.tls.KeyFile = "", ""
	}
	return &other
}

// towards is the way to a registry of a command that may speak to several: what was given for one alone is for the first.
func (s *side) towards(host string) *side {
	if s.host == "" && host != "" {
		s.host = host
	}
	return s.on(host)
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
