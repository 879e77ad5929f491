package run

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/config"
	"github.com/hczjl/transship/distribution/wire"
)

// authFileFlag is the flag of every command that the configuration file is for.
const authFileFlag = "authfile"

// AuthFileFlag registers --authfile, once for a command. The command then reads the configuration file.
func (r *Run) AuthFileFlag(fs *flag.FlagSet) {
	if fs.Lookup(authFileFlag) == nil {
		fs.StringVar(&r.authFile, authFileFlag, "",
			"look for accounts in this `file` alone, an auth.json or a config.json (default: docker's and podman's files)")
	}
}

// configure reads the configuration file for a command that takes accounts, and sets the flags that it
// has a default for and that are not given.
func (r *Run) configure(ctx context.Context, fs *flag.FlagSet) error {
	if fs.Lookup(authFileFlag) == nil {
		return nil
	}
	if err := r.checkAuthFile(fs); err != nil {
		return err
	}
	if err := r.checkKeyPairs(fs); err != nil {
		return err
	}
	file, err := config.Load(ctx, r.Env)
	if err != nil {
		return err
	}
	r.config = *file
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range file.Defaults {
		f := fs.Lookup(name)
		if f == nil || given[name] || !takesDefault(f.Value) {
			continue
		}
		if err := f.Value.Set(value); err != nil {
			return fmt.Errorf("%s: defaults.%s: %w", file.Path, name, err)
		}
	}
	return nil
}

// takesDefault reports whether a flag is the one that the configuration file means: bench's --jobs is
// another.
func takesDefault(v flag.Value) bool {
	switch v.(type) {
	case *cli.Count, *cli.ByteRate, *cli.Timeout:
		return true
	}
	return false
}

// checkAuthFile checks that --authfile names a file. Login may create it.
func (r *Run) checkAuthFile(fs *flag.FlagSet) error {
	given := false
	fs.Visit(func(f *flag.Flag) { given = given || f.Name == authFileFlag })
	if !given {
		return nil
	}
	if r.authFile == "" {
		return &cli.UsageError{Message: "--authfile: the name is empty"}
	}
	info, err := os.Stat(r.authFile)
	switch {
	case err != nil && r.Command == "login" && os.IsNotExist(err):
		return nil
	case err != nil:
		return fmt.Errorf("--authfile: %w", err)
	case !info.Mode().IsRegular():
		return &cli.UsageError{Message: fmt.Sprintf("--authfile: %s is not a file", r.authFile)}
	}
	return nil
}

// checkKeyPairs checks that --cert and --key come together. Alone they would have no effect on a file or over
// HTTP, and --key looks like the key of a signature, as it is in cosign verify and in audit verify.
func (r *Run) checkKeyPairs(fs *flag.FlagSet) error {
	for _, m := range r.remotes {
		if (m.tls.CertFile == "") == (m.tls.KeyFile == "") {
			continue
		}
		cert, key := m.flag("cert"), m.flag("key")
		if m.tls.KeyFile == "" {
			return &cli.UsageError{Message: fmt.Sprintf("--%s needs --%s, the key of the client certificate", cert, key)}
		}
		advice := ""
		switch bundle, policy := fs.Lookup("require-key") != nil, fs.Lookup("require-signature") != nil; {
		case bundle && policy:
			advice = "signatures are checked by --require-key PUBLIC-KEY, of a bundle, and --require-signature POLICY, of images"
		case policy:
			advice = "signatures are checked by --require-signature POLICY"
		}
		return &cli.UsageError{
			Message: fmt.Sprintf("--%s is the key of the client certificate of --%s, which is missing", key, cert),
			Advice:  advice,
		}
	}
	return nil
}

// settings is how a remote's host is reached.
type settings struct {
	tls          wire.TLSOptions
	plainHTTP    bool
	insecureHTTP bool // HTTP is tried too
}

// settings returns what the flags say and, for what they leave out, the configuration file.
func (m *Remote) settings() settings {
	s := settings{m.tls, m.plainHTTP, m.DockerInsecure && m.tls.Insecure}
	h := m.run.config.Host(m.Host)
	if s.tls.CAFile == "" {
		s.tls.CAFile = h.CA
	}
	if s.tls.CertFile == "" && s.tls.KeyFile == "" {
		s.tls.CertFile, s.tls.KeyFile = h.Cert, h.Key
	}
	if !m.isGiven("insecure") && h.Insecure {
		s.tls.Insecure, s.insecureHTTP = true, h.InsecureHTTP
	}
	if h.PlainHTTP && (m.other || !m.isGiven("plain-http")) {
		s.plainHTTP = true
	}
	return s
}
