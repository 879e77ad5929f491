package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"

	"github.com/hczjl/transship/cmd/transship/internal/serve/htpasswd"
	"github.com/hczjl/transship/distribution/registry"
)

// serving is the command serve.
type serving struct {
	at       listening
	writable bool
	htpasswd string
}

func serveCommand() command {
	return command{
		name: "serve", args: "FILE|DIR [FILE|DIR...]", min: 1, max: -1,
		short: "be a registry of the images in bundles and folders, without unpacking them",
		long: `docker, podman, containerd, crane and all other clients of registries pull from it. FILE is a bundle, one of its volumes'
common name or the first volume, any OCI image layout in a tar, or what docker save writes; DIR is a layout in a folder.
The image docker.io/hczjl/halo:1.6 is HOST:PORT/hczjl/halo:1.6 there, and HOST:PORT/docker.io/hczjl/halo:1.6 too. Several are
one registry, in which the first that has a tag counts; a bundle that builds on others is served together with those.

Nothing is written, unless --writable lets clients push to the one DIR among the arguments, and delete there. It is
made if it is missing, and goes before the others.

The registry's URL is printed on standard output once it answers. An interrupt or SIGTERM stops it: requests under way
have ten seconds, and the exit code is 0. A second one ends it at once.`,
		example: `transship serve monday.tar tuesday.tar
transship serve --writable --listen 127.0.0.1:0 images/
transship serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --htpasswd users monday.tar`,
		setup: func(fs *flag.FlagSet, a *app) action {
			s := &serving{}
			s.at.flags(fs)
			fs.BoolVar(&s.writable, "writable", false, "let clients push to the folder, and delete there")
			fs.StringVar(&s.htpasswd, "htpasswd", "", "let in only users of this `file`, with bcrypt or $apr1$ as htpasswd -B and htpasswd write them")
			fs.BoolVar(&a.quiet, "quiet", false, "print nothing but the URL and errors")
			alias(fs, "q", "quiet")
			fs.BoolVar(&a.verbose, "verbose", false, "print one line for each request on standard error")
			alias(fs, "v", "verbose")
			return s.run
		},
	}
}

func (s *serving) run(ctx context.Context, a *app, args []string) error {
	if err := s.at.check(); err != nil {
		return err
	}
	users, err := s.users(a)
	if err != nil {
		return err
	}
	images, err := s.open(args)
	if err != nil {
		return err
	}
	defer images.close()
	l, err := s.at.listen(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := s.announce(ctx, a, l, images); err != nil {
		return err
	}
	return l.serve(ctx, a, s.handler(a, images, users))
}

// users opens the password file, if there is to be one.
func (s *serving) users(a *app) (*htpasswd.File, error) {
	if s.htpasswd == "" {
		return nil, nil
	}
	users, err := htpasswd.Open(s.htpasswd)
	if err != nil {
		return nil, err
	}
	users.OnError = func(err error) { a.stderr.line("warning: %s; the users stay who they were", oneLine(err.Error())) }
	return users, nil
}

// handler is what answers requests.
func (s *serving) handler(a *app, images *servedImages, users *htpasswd.File) http.Handler {
	var h http.Handler = &registry.Handler{
		Store:        images.union,
		RefuseSparse: true, // no client may leave an image that is not whole
		OnError:      serverErrors(a.streams),
	}
	if users != nil {
		h = &registry.Basic{Handler: h, Realm: "transship", Check: users.Authenticate}
	}
	if a.verbose {
		h = &requestLog{next: h, print: func(line string) { a.stderr.line("%s", line) }}
	}
	return h
}

// serverErrors returns what prints why a request failed, unless its client has gone away.
func serverErrors(s *streams) func(r *http.Request, err error) {
	return func(r *http.Request, err error) {
		if r.Context().Err() == nil && !as[*net.OpError](err) {
			s.failed(oneLine(r.Method+" "+r.URL.RequestURI()), err)
		}
	}
}

// announce says what is served and where.
func (s *serving) announce(ctx context.Context, a *app, l *listener, images *servedImages) error {
	what, example, err := images.summary(ctx)
	if err != nil {
		return err
	}
	s.warn(a, l)
	how := "read-only"
	if s.writable {
		how = "writable"
	}
	a.note("serving %s at %s (%s)", what, l.url, how)
	switch {
	case example != "":
		a.note("try: docker pull %s/%s", l.name(), example)
	case s.writable:
		a.note("try: transship copy alpine:3.20 %s/alpine:3.20", l.name())
	}
	_, err = fmt.Fprintln(a.stdout, l.url)
	return err
}

// warn tells of what others can do.
func (s *serving) warn(a *app, l *listener) {
	if l.local() {
		return
	}
	if l.tls == nil {
		text := "whoever is on the way can read and change what passes in plain HTTP"
		if s.htpasswd != "" {
			text += ", passwords among it"
		}
		a.note("warning: %s; clients must be told that the registry is insecure", text)
	}
	if s.writable && s.htpasswd == "" {
		a.note("warning: whoever reaches the registry can push and delete; --htpasswd asks for passwords")
	}
}
