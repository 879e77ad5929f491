// Package demo is the command that shows a copy between two registries inside the program: [Demo]
// returns it.
package demo

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/mirror"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/wire"
)

// The names that the demo copies from and to, as in the README.
const (
	fromName = "halohub/halo:1.6"
	toName   = "hczjl/halo:1.6"
)

// Demo returns the command demo.
func Demo() run.Command {
	return run.Command{
		Name: "demo", Min: 0, Max: 0,
		Short: "copy a small image inside this program, and show every call",
		Long: `Needs no network, no docker and no registry: it starts two registries on loopback, pushes a small image
for three platforms to the first, and copies it to the second.`,
		Example: "transship demo\ntransship demo --audit demo.har",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			r.AuditFlags(fs)
			return demo
		},
	}
}

// demo copies an image between two registries of its own and prints every call.
func demo(ctx context.Context, r *run.Run, _ []string) error {
	source, stopSource, err := startRegistry()
	if err != nil {
		return err
	}
	defer stopSource()
	target, stopTarget, err := startRegistry()
	if err != nil {
		return err
	}
	defer stopTarget()
	from, to := source+"/"+fromName, target+"/"+toName

	var quiet atomic.Bool
	r.PrintCall = func(c wire.Call) {
		if !quiet.Load() {
			fmt.Fprintln(r.Stdout, callLine(c, source, target))
		}
	}
	// A run of its own fills the first registry: those calls are neither shown nor in the audit.
	if err := fill(ctx, run.New(cli.NewStreams(r.Env, nil, io.Discard, io.Discard)), from); err != nil {
		return fmt.Errorf("filling the first registry: %w", err)
	}
	fmt.Fprintf(r.Stdout, "Two registries run on loopback. "+
		"The first has a real image for three platforms, %s.\n\n"+
		"$ transship copy %s %s\n", from, from, to)
	if err := mirror.CopyOne(ctx, r, from, to); err != nil {
		return err
	}
	quiet.Store(true)
	fmt.Fprintf(r.Stdout, "\nThe index has arrived byte for byte, and so has everything that it refers to:\n\n"+
		"$ transship inspect --raw %s\n", to)
	if err := showRaw(ctx, r, to); err != nil {
		return err
	}
	fmt.Fprint(r.Stdout, "\n\nNow with your own images:\n"+
		"  transship copy alpine:3.20 registry.example.com/alpine:3.20\n"+
		"  transship help\n")
	return nil
}

// callLine describes a call in a line short enough for a terminal, with the registries' roles in
// place of their addresses.
func callLine(c wire.Call, source, target string) string {
	text, err := url.QueryUnescape(c.URL)
	if err != nil {
		text = c.URL
	}
	text = strings.NewReplacer("http://"+source, "source ", "http://"+target, "target ").Replace(text)
	text = regexp.MustCompile(`uploads/([0-9a-f]{8})[0-9a-f-]+`).ReplaceAllString(text, "uploads/$1...")
	return fmt.Sprintf("  %d %-4s %s", c.StatusCode, c.Method, cli.ShortenDigests(text))
}

// startRegistry serves an empty registry in memory on a free loopback port.
func startRegistry() (host string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: &registry.Handler{}, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	return listener.Addr().String(), func() { server.Close() }, nil
}

func showRaw(ctx context.Context, r *run.Run, arg string) error {
	_, m, _, err := image.FetchManifest(ctx, r.NewRemote(""), arg)
	if err != nil {
		return err
	}
	_, err = r.Stdout.Write(m.Raw)
	return err
}
