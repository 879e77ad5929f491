package serve

import (
	"flag"
	"net/http"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/serve/htpasswd"
	"github.com/hczjl/transship/distribution/registry"
)

// accessFlags are the flags that say who may pull and push.
type accessFlags struct {
	htpasswd      string // "" for everybody
	anonymousPull bool
	pushUsers     cli.StringList // empty for all users
}

func (a *accessFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&a.htpasswd, "htpasswd", "",
		"accept only users in this `file`, with bcrypt or $apr1$ hashes as htpasswd -B and htpasswd write them "+
			"(default: everybody)")
	fs.BoolVar(&a.anonymousPull, "anonymous-pull", false,
		"let everybody pull without a password; needs --htpasswd and --writable")
	fs.Var(&a.pushUsers, "push-users",
		"let only these `users` of --htpasswd push and delete, such as ci,admin; needs --writable (default all users)")
}

// check refuses flags that contradict each other.
func (a *accessFlags) check(writable bool) error {
	for i, user := range a.pushUsers {
		a.pushUsers[i] = strings.TrimSpace(user)
	}
	switch {
	case slices.Contains(a.pushUsers, ""):
		return &cli.UsageError{
			Message: "--push-users has an empty name",
			Advice:  "name users of the password file, separated by commas",
		}
	case a.htpasswd == "" && (a.anonymousPull || len(a.pushUsers) > 0):
		return &cli.UsageError{
			Message: "without --htpasswd there are no users: everybody may pull and, with --writable, push",
			Advice:  "add --htpasswd FILE, or leave out --anonymous-pull and --push-users",
		}
	case a.anonymousPull && !writable:
		return &cli.UsageError{
			Message: "--anonymous-pull without --writable leaves nothing that needs a password",
			Advice:  "add --writable, or leave out --htpasswd and --anonymous-pull",
		}
	}
	return nil
}

// open opens the password file, nil without one, and says which of --push-users are not in it.
func (a *accessFlags) open(r *run.Run) (*htpasswd.File, error) {
	if a.htpasswd == "" {
		return nil, nil
	}
	users, err := htpasswd.Open(a.htpasswd)
	if err != nil {
		return nil, err
	}
	users.OnError = func(err error) {
		r.Stderr.Line("warning: %s; the users read before stay valid", cli.OneLine(err.Error()))
	}
	for _, user := range a.pushUsers {
		if !users.Has(user) {
			r.Note("warning: --push-users names %q, whom %s does not have", user, a.htpasswd)
		}
	}
	return users, nil
}

// handler returns a handler that serves next to those who may.
func (a *accessFlags) handler(next http.Handler, users *htpasswd.File) http.Handler {
	if users == nil {
		return next
	}
	b := &registry.Basic{Handler: next, Realm: "transship", Check: users.Authenticate, AnonymousPull: a.anonymousPull}
	if len(a.pushUsers) > 0 {
		b.MayPush = func(user string) bool { return slices.Contains(a.pushUsers, user) }
	}
	return b
}

// pullsNeedLogin reports whether a client must log in before it pulls.
func (a *accessFlags) pullsNeedLogin() bool { return a.htpasswd != "" && !a.anonymousPull }
