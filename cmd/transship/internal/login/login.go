// Package login is the commands about a registry as a whole: [Login] and [Logout] return those that
// store and remove its credentials, and [Config] returns config, which shows how it would be reached.
package login

import (
	"context"
	"flag"
	"fmt"
	"sync/atomic"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

// maxPassword is the maximum size in bytes of a password on standard input.
const maxPassword = 1 << 20

// loginCommand is login and its flags.
type loginCommand struct {
	registry *run.Remote
	username string
	password string
	stdin    bool
}

// Login returns the command login.
func Login() run.Command {
	return run.Command{
		Name: "login", Args: "[HOST]", Min: 0, Max: 1,
		Short: "check credentials with a registry and store them",
		Long: `Stores the credentials only if the registry accepts them: in the credential helper that the
configuration file or docker's config.json names for the host, or else in config.json itself (mode 0600), or in the
file of --authfile. As with docker, HOST may be a URL such as https://registry.example.com/v2/, and is Docker Hub if
it is left out. The user name and the password are asked for on the terminal unless flags give them.`,
		Example: `transship login registry.example.com
echo "$PASSWORD" | transship login --username me --password-stdin docker.io`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &loginCommand{registry: r.RemoteFlags(fs, "", "the registry")}
			fs.StringVar(&c.username, "username", "", "user `name`")
			cli.Alias(fs, "u", "username")
			fs.StringVar(&c.password, "password", "",
				"`password` or token, which other users can see in the list of processes; - is --password-stdin")
			cli.Alias(fs, "p", "password")
			fs.BoolVar(&c.stdin, "password-stdin", false, "read the password from standard input")
			r.CommonFlags(fs)
			return c.run
		},
	}
}

func (c *loginCommand) run(ctx context.Context, r *run.Run, args []string) error {
	ref, err := hostArgument(args)
	if err != nil {
		return err
	}
	cred, err := c.credential(ctx, r)
	if err != nil {
		return err
	}
	checked, err := c.check(ctx, ref, cred)
	if err != nil {
		return err
	}
	if !checked {
		r.Note("warning: %s did not ask for credentials, so they were not checked", ref.Domain)
	}
	where, err := r.AuthConfig().Store(ctx, ref.Host(), cred)
	if err != nil {
		return fmt.Errorf("storing the credentials for %s: %w", ref.Domain, err)
	}
	r.Note("logged in to %s as %s; the credentials are stored in %s", ref.Domain, cred.Username, where)
	return nil
}

// hostArgument returns the registry that the arguments name, Docker Hub if there are none.
func hostArgument(args []string) (reference.Reference, error) {
	if len(args) == 0 {
		args = []string{"docker.io"}
	}
	return cli.ParseRegistry(args[0])
}

// check calls the registry with the credentials, and reports whether it asked for them.
func (c *loginCommand) check(ctx context.Context, ref reference.Reference, cred auth.Credential) (bool, error) {
	c.registry.Host = ref.Host()
	c.registry.Creds = "" // cred has them
	c.registry.DeniedHint = "check the user name and the password; " +
		"with two-factor authentication the password is an access token"
	watched := &watchedCredentials{Static: auth.Static(cred)}
	err := c.registry.PingAs(ctx, watched)
	return watched.used.Load(), err
}

// watchedCredentials remembers whether the credentials were asked for.
type watchedCredentials struct {
	auth.Static
	used atomic.Bool
}

// Credential implements auth.Credentials.
func (w *watchedCredentials) Credential(ctx context.Context, host, repository string) (auth.Credential, error) {
	w.used.Store(true)
	return w.Static.Credential(ctx, host, repository)
}

// credential takes user name and password from flags, standard input or the terminal.
func (c *loginCommand) credential(ctx context.Context, r *run.Run) (auth.Credential, error) {
	if c.password == "-" {
		c.password, c.stdin = "", true
	}
	if err := c.checkFlags(r.Stdin.Terminal); err != nil {
		return auth.Credential{}, err
	}
	if c.registry.Creds != "" {
		return c.registry.FlagCredential(ctx)
	}
	var err error
	if c.username == "" {
		if c.username, err = r.Ask(ctx, "Username: ", false); err != nil {
			return auth.Credential{}, err
		}
	}
	switch {
	case c.stdin:
		c.password, err = r.Stdin.ReadAll(ctx, maxPassword)
	case c.password == "":
		c.password, err = r.Ask(ctx, "Password: ", true)
	}
	if err == nil && (c.username == "" || c.password == "") {
		err = &cli.UsageError{Message: "the user name or the password is empty"}
	}
	return auth.Credential{Username: c.username, Password: c.password, Source: "the command line"}, err
}

// checkFlags refuses flags that contradict each other, and flags that leave out what only a
// terminal could be asked for.
func (c *loginCommand) checkFlags(terminal bool) error {
	switch {
	case c.registry.Creds != "" && (c.username != "" || c.password != "" || c.stdin):
		return &cli.UsageError{Message: "--creds has the user name and the password: leave out the other flags"}
	case c.stdin && c.password != "":
		return &cli.UsageError{Message: "--password and --password-stdin cannot be used together"}
	case c.stdin && c.username == "":
		return &cli.UsageError{Message: "--password-stdin needs --username"}
	case c.registry.Creds == "" && !terminal && (c.username == "" || c.password == "" && !c.stdin):
		return &cli.UsageError{
			Message: "a user name and a password are needed",
			Advice:  "use --username with --password-stdin in scripts",
		}
	}
	return nil
}

// Logout returns the command logout.
func Logout() run.Command {
	return run.Command{
		Name: "logout", Args: "[HOST]", Min: 0, Max: 1,
		Short:   "remove the stored credentials for a registry",
		Long:    "HOST is read as login reads it, and is Docker Hub if it is left out.",
		Example: "transship logout registry.example.com",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			r.AuthFileFlag(fs)
			return logout
		},
	}
}

func logout(ctx context.Context, r *run.Run, args []string) error {
	ref, err := hostArgument(args)
	if err != nil {
		return err
	}
	found, err := r.AuthConfig().Erase(ctx, ref.Host())
	switch {
	case err != nil:
		return err
	case !found:
		r.Note("not logged in to %s", ref.Domain)
	default:
		r.Note("removed the credentials for %s", ref.Domain)
	}
	return nil
}
