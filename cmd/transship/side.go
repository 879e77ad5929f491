package main

import (
	"flag"
	"fmt"
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
	docker    bool // insecure means what it means to docker: plain HTTP too
}

// newSide registers the flags of a side.
func (a *app) newSide(fs *flag.FlagSet, label, whose string) *side {
	s := &side{label: label}
	a.sides = append(a.sides, s)
	fs.StringVar(&s.creds, s.flag("creds"), "", fmt.Sprintf("`user:password` for %s, or - to read a line of standard input (default: what login stored)", whose))
	fs.StringVar(&s.tls.CAFile, s.flag("ca"), "", fmt.Sprintf("`file` of PEM certificates to trust for %s, beside the system's", whose))
	fs.StringVar(&s.tls.CertFile, s.flag("cert"), "", fmt.Sprintf("`file` with the client certificate for %s (PEM)", whose))
	fs.StringVar(&s.tls.KeyFile, s.flag("key"), "", fmt.Sprintf("`file` with the client certificate's key for %s (PEM)", whose))
	fs.BoolVar(&s.tls.Insecure, s.flag("insecure"), false, fmt.Sprintf("do not verify the TLS certificate of %s", whose))
	fs.BoolVar(&s.plainHTTP, s.flag("plain-http"), false, fmt.Sprintf("speak HTTP without TLS to %s (loopback hosts need no flag)", whose))
	return s
}

// flag returns the name of one of the side's flags, without dashes.
func (s *side) flag(name string) string {
	if s.label == "" {
		return name
	}
	return s.label + "-" + name
}

// credentials finds who to be on this side.
func (s *side) credentials(a *app) (auth.Credentials, error) {
	if s.creds == "" {
		config := auth.ConfigFromEnv(a.env)
		config.HelperOutput = a.stderr
		return config, nil
	}
	text := s.creds
	if text == "-" {
		line, err := a.stdin.next()
		if err != nil {
			return nil, fmt.Errorf("--%s -: %w", s.flag("creds"), err)
		}
		text = line
	}
	c, err := auth.ParseUserPass(text)
	if err != nil {
		return nil, &usageError{message: fmt.Sprintf("--%s: %v", s.flag("creds"), err)}
	}
	c.Source = "--" + s.flag("creds")
	return auth.Static(c), nil
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
