// Package serve is the command that serves bundles and folders as a registry: [Serve] returns it.
package serve

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/listen"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/serve/htpasswd"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/wire"
)

// gcPercent is the default of GOGC while requests are served. The heap is so small that main's default has its garbage
// collected every few requests, which takes a quarter of the CPU time of a push.
const gcPercent = 100

// serveCommand is serve and its flags.
type serveCommand struct {
	listen listen.Flags
	pushes pushFlags
	access accessFlags
	gate   gate.Gate
	key    image.KeyFlag
}

// Serve returns the command serve.
func Serve() run.Command {
	return run.Command{
		Name: "serve", Args: "FILE|DIR [FILE|DIR...]", Min: 1, Max: -1,
		Short: "serve the images in bundles and folders as a registry",
		Long: `docker, podman, containerd, crane and all other registry clients can pull from it. FILE is a bundle, as
transship save writes it (of several volumes their common name or the first), any other OCI image layout in a tar, or
what docker save writes; DIR is an OCI image layout. The image docker.io/hczjl/halo:1.6 is served as
HOST:PORT/hczjl/halo:1.6 and as HOST:PORT/docker.io/hczjl/halo:1.6. Clients that use it as a mirror find it as
docker.io/hczjl/halo:1.6; docs/serve.md has their settings. Several arguments are one registry: if several have a tag,
the first of them counts. A bundle of save --since must be served together with the bundles that it builds on.

Nothing is written, unless --writable lets clients push to DIR and delete there. There must be exactly one DIR then.
It is created if it is missing, and its tags come before those of the FILEs. A pushed index or image that refers to
content that was not pushed is refused with MANIFEST_BLOB_UNKNOWN, unless --sparse accepts it. Content that no image
needs any more stays in DIR until "TRANSSHIP_STORE=DIR transship prune", which may run meanwhile.

Without --htpasswd everybody may pull and, with --writable, push. With it users need their password for both;
--anonymous-pull lets everybody pull, and --push-users says which users may push and delete.

With --require-signature nothing is served unless the policy accepts every image that is there at the start. What
clients push is not checked. With --require-key every argument must be a bundle that is signed with that key, and every
byte of it is read at the start.

--tls-new makes a CA and a certificate for this machine's names, once, and prints where clients need the CA. A later
start makes a new certificate if a name is missing or the old one ends within 30 days; the CA stays.

The registry's URL is printed on standard output once it answers. A browser shows there which images it has, and curl
prints them; /metrics has counts for Prometheus, and requires the password that pulls require; /healthz says without
one that the server answers. An interrupt (Ctrl-C) or SIGTERM stops it: requests in progress have ten seconds to finish, and the exit
code is 0. A second signal stops it at once.`,
		Example: `transship serve monday.tar tuesday.tar
transship serve --writable --listen 127.0.0.1:0 images/
transship serve --listen 0.0.0.0:5000 --tls-new certs --tls-name registry.example.com monday.tar
transship serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --htpasswd users monday.tar`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &serveCommand{listen: listen.Flags{Default: "127.0.0.1:5000"}}
			c.listen.Register(fs)
			c.pushes.register(fs)
			c.access.register(fs)
			c.gate.Flag(fs, r)
			c.key.Register(fs, r)
			r.AuditFlag(fs, "request")
			fs.BoolVar(&r.Quiet, "quiet", false, "print only the URL and errors")
			cli.Alias(fs, "q", "quiet")
			fs.BoolVar(&r.Verbose, "verbose", false, "print one line for each request on standard error")
			cli.Alias(fs, "v", "verbose")
			return func(ctx context.Context, r *run.Run, args []string) error {
				if err := c.pushes.check(fs); err != nil {
					return err
				}
				if c.key.IsOn() && c.pushes.writable {
					return image.NoFileError()
				}
				if err := c.access.check(c.pushes.writable); err != nil {
					return err
				}
				return c.run(ctx, r, args)
			}
		},
	}
}

func (c *serveCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if err := c.listen.Check(); err != nil {
		return err
	}
	users, err := c.access.open(r)
	if err != nil {
		return err
	}
	images, err := c.openImages(ctx, r, args)
	if err != nil {
		return err
	}
	defer images.close()
	if err := images.admit(ctx, &c.gate); err != nil {
		return err
	}
	l, err := c.listen.Open(ctx, r)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := c.announce(ctx, r, l, images); err != nil {
		return err
	}
	h := c.handler(r, l, images, users)
	if record := r.AuditServed(); record != nil {
		recorder := &wire.ServedRecorder{Handler: h, OnCall: record, Command: r.Command}
		defer recorder.Close()
		h = recorder
	}
	if r.Env("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	}
	return l.Serve(ctx, r, h)
}

// handler returns the handler of all requests.
func (c *serveCommand) handler(r *run.Run, l *listen.Listener, images *servedImages, users *htpasswd.File) http.Handler {
	var h http.Handler = &registry.Handler{
		Store:        images.union,
		RefuseSparse: !c.pushes.sparse,
		MaxBlobSize:  int64(c.pushes.maxBlob),
		OnError:      serverErrors(r.Streams),
	}
	h = newPage(h, images, l.Name(), c.access.pullsNeedLogin(), serverErrors(r.Streams))
	m := newMonitor()
	h = m.count(c.access.handler(m.page(h), users))
	if r.Verbose {
		h = &requestLog{next: h, print: func(line string) { r.Stderr.Line("%s", line) }}
	}
	return h
}

// serverErrors returns a function that prints why a request failed, unless the client has closed
// the connection.
func serverErrors(s *cli.Streams) func(r *http.Request, err error) {
	return func(r *http.Request, err error) {
		if r.Context().Err() == nil && !cli.Has[*net.OpError](err) {
			s.PrintFailure(cli.OneLine(r.Method+" "+r.URL.RequestURI()), err)
		}
	}
}

// announce prints what is served and where.
func (c *serveCommand) announce(ctx context.Context, r *run.Run, l *listen.Listener, images *servedImages) error {
	what, example, err := images.summary(ctx)
	if err != nil {
		return err
	}
	c.warn(r, l)
	how := "read-only"
	if c.pushes.writable {
		how = "writable"
	}
	r.Note("serving %s at %s (%s)", what, l.URL, how)
	switch {
	case example != "":
		r.Note("try: %sdocker pull %s/%s", loginFirst("docker", l, c.access.pullsNeedLogin()), l.Name(), example)
	case c.pushes.writable:
		login := loginFirst("transship", l, c.access.htpasswd != "")
		r.Note("try: %stransship copy alpine:3.20 %s/alpine:3.20", login, l.Name())
	}
	c.listen.ExplainCA(r, l.Name())
	_, err = fmt.Fprintln(r.Stdout, l.URL)
	return err
}

// loginFirst returns the start of a command line that logs in with program, if clients must.
func loginFirst(program string, l *listen.Listener, must bool) string {
	if !must {
		return ""
	}
	return program + " login " + l.Name() + " && "
}

// warn warns of what others on the network can do.
func (c *serveCommand) warn(r *run.Run, l *listen.Listener) {
	if l.IsLoopback() {
		return
	}
	if !l.HasTLS() {
		text := "others on the network can read and change what is sent in plain HTTP"
		if c.access.htpasswd != "" {
			text += ", including passwords"
		}
		r.Note("warning: %s; clients must be told that the registry is insecure", text)
	}
	if c.pushes.writable && c.access.htpasswd == "" {
		r.Note("warning: anyone who can reach the registry can push and delete; --htpasswd requires passwords")
	}
}
