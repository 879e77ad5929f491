package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/reference"
)

// login is the command login.
type login struct {
	at       *remote
	username string
	password string
	stdin    bool
}

func loginCommand() command {
	return command{
		name: "login", args: "HOST", min: 1, max: 1,
		short: "check credentials with a registry and store them",
		long: `Nothing is stored unless the registry accepts the credentials. They go to the credential helper that
docker's config.json names for the host, otherwise into that file itself (mode 0600).`,
		example: `transship login registry.example.com
echo "$PASSWORD" | transship login --username me --password-stdin docker.io`,
		setup: func(fs *flag.FlagSet, a *app) action {
			l := &login{at: a.remoteFlags(fs, "", "the registry")}
			fs.StringVar(&l.username, "username", "", "user `name`")
			alias(fs, "u", "username")
			fs.StringVar(&l.password, "password", "", "`password` or token; it shows in the list of processes, --password-stdin does not")
			alias(fs, "p", "password")
			fs.BoolVar(&l.stdin, "password-stdin", false, "read the password from standard input")
			a.commonFlags(fs)
			a.verboseFlag(fs)
			return l.run
		},
	}
}

func (l *login) run(ctx context.Context, a *app, args []string) error {
	ref, err := parseHost(args[0])
	if err != nil {
		return err
	}
	cred, err := l.credential(ctx, a)
	if err != nil {
		return err
	}
	checked, err := l.check(ctx, ref, cred)
	if err != nil {
		return err
	}
	if !checked {
		a.note("warning: %s asks for no credentials, so these could not be checked", ref.Domain)
	}
	where, err := a.config().Store(ctx, ref.Host(), cred)
	if err != nil {
		return fmt.Errorf("storing the credentials for %s: %w", ref.Domain, err)
	}
	a.note("logged in to %s as %s; the credentials are in %s", ref.Domain, cred.Username, where)
	return nil
}

// parseHost reads the name of a registry; "docker.io" and what it is called in old configurations is Docker Hub.
func parseHost(arg string) (reference.Reference, error) {
	host := strings.TrimPrefix(strings.TrimPrefix(arg, "https://"), "http://")
	host = strings.TrimSuffix(strings.TrimSuffix(host, "/v1/"), "/")
	if host == "registry-1.docker.io" {
		host = "docker.io"
	}
	ref, err := reference.Parse(host + "/x")
	isHub := host == "docker.io" || host == "index.docker.io"
	if err != nil || strings.Contains(host, "/") || ref.Domain != host && !isHub {
		return ref, &usageError{message: fmt.Sprintf("%q is no registry's host", arg), advice: "give a host such as registry.example.com:5000"}
	}
	return ref, nil
}

// check asks the registry, and tells whether it wanted to see the credentials.
func (l *login) check(ctx context.Context, ref reference.Reference, cred auth.Credential) (bool, error) {
	l.at.host = ref.Host()
	l.at.creds = "" // what is checked is what was typed
	l.at.refused = "check the user name and the password; with two-factor authentication the password is an access token"
	static := &witness{Static: auth.Static(cred)}
	err := l.at.ping(ctx, static)
	return static.seen.Load(), err
}

// witness tells whether anybody asked for the credentials.
type witness struct {
	auth.Static
	seen atomic.Bool
}

// Credential implements auth.Credentials.
func (w *witness) Credential(ctx context.Context, host, repository string) (auth.Credential, error) {
	w.seen.Store(true)
	return w.Static.Credential(ctx, host, repository)
}

// credential gathers user name and password from flags, standard input, or whoever sits at the terminal.
func (l *login) credential(ctx context.Context, a *app) (auth.Credential, error) {
	if err := l.checkFlags(a.stdin.terminal); err != nil {
		return auth.Credential{}, err
	}
	if l.at.creds != "" {
		return l.at.given(ctx)
	}
	var err error
	if l.username == "" {
		if l.username, err = a.ask(ctx, "Username: ", false); err != nil {
			return auth.Credential{}, err
		}
	}
	switch {
	case l.stdin:
		l.password, err = a.stdin.all(ctx) // a password may be a key file of many lines
	case l.password == "":
		l.password, err = a.ask(ctx, "Password: ", true)
	}
	if err == nil && (l.username == "" || l.password == "") {
		err = &usageError{message: "the user name or the password is empty"}
	}
	return auth.Credential{Username: l.username, Password: l.password, Source: "the command line"}, err
}

// checkFlags refuses flags that contradict each other, and those that leave something to ask for where nobody answers.
func (l *login) checkFlags(terminal bool) error {
	switch {
	case l.at.creds != "" && (l.username != "" || l.password != "" || l.stdin):
		return &usageError{message: "--creds stands for user name and password: leave out the other flags"}
	case l.stdin && l.password != "":
		return &usageError{message: "--password and --password-stdin exclude each other"}
	case l.stdin && l.username == "":
		return &usageError{message: "--password-stdin needs --username"}
	case l.at.creds == "" && !terminal && (l.username == "" || l.password == "" && !l.stdin):
		return &usageError{message: "a user name and a password are needed", advice: "use --username with --password-stdin in scripts"}
	}
	return nil
}

func logoutCommand() command {
	return command{
		name: "logout", args: "HOST", min: 1, max: 1,
		short:   "remove the stored credentials for a registry",
		example: "transship logout registry.example.com",
		setup: func(fs *flag.FlagSet, a *app) action {
			return func(ctx context.Context, a *app, args []string) error {
				ref, err := parseHost(args[0])
				if err != nil {
					return err
				}
				found, err := a.config().Erase(ctx, ref.Host())
				if err != nil {
					return err
				}
				if !found {
					a.note("not logged in to %s", ref.Domain)
					return nil
				}
				a.note("removed the credentials for %s", ref.Domain)
				return nil
			}
		},
	}
}
