// Package record is the command that puts the calls of other programs on the record: [Record] returns it.
package record

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/listen"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/wire"
)

// recordCommand is record and its flags.
type recordCommand struct {
	flags    *flag.FlagSet
	listen   listen.Flags
	upstream *run.Remote
}

// Record returns the command record.
func Record() run.Command {
	return run.Command{
		Name: "record", Args: "HOST|-- COMMAND [ARG...]", Min: 1, Max: -1,
		Short: "record the calls that other programs make to registries",
		Long: `With HOST it is a registry for docker, podman, containerd, crane and all other clients, which passes each call on to
the registry HOST, and the answer back. Clients use the address that is printed in place of HOST, and their own
accounts. Token servers and storage hosts that HOST names in its answers are passed through too, below /-/, so that
every call is recorded. An interrupt (Ctrl-C) or SIGTERM ends it with exit code 0.

With -- it runs COMMAND, with a proxy for HTTP and HTTPS in its environment, and ends with the exit code of COMMAND.
The proxy reads TLS with a certificate authority that it makes for this run. COMMAND trusts it by SSL_CERT_FILE and the
variables of curl, git, Node.js, Python, cargo, deno and the AWS tools; its key is never written. Programs that let a
service make the calls, as docker does, and those that call a loopback address are not seen: use HOST for them. On
macOS and Windows, programs written in Go do not read SSL_CERT_FILE.

The record is that of --audit: bodies are passed on as they come and hashed, also those of blobs, and never kept;
accounts, tokens and signed query parameters are not written. The audit commands read it. --audit FILE is required, or -v
to print the calls. The policies hold for each call: one that they refuse is answered with 403 and not sent, as are all
calls after it, and the exit code is 9.`,
		Example: `transship record --audit docker.har registry.example.com
transship record --audit build.jsonl --read-only docker.io --listen 127.0.0.1:5001
transship record --audit crane.har --allow-host registry.example.com -- crane pull registry.example.com/hczjl/halo:1.6 halo.tar`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &recordCommand{flags: fs, listen: listen.Flags{Default: "127.0.0.1:5001"}}
			c.listen.Register(fs)
			c.upstream = r.UpstreamFlags(fs, "registries")
			r.RecordFlags(fs)
			return c.run
		},
	}
}

func (c *recordCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if !r.Records() {
		return &cli.UsageError{Message: "there is nothing to record in", Advice: "give --audit FILE, or -v to print the calls"}
	}
	if r.Literal > 0 {
		return c.runCommand(ctx, r, args)
	}
	if len(args) > 1 {
		return &cli.UsageError{
			Message: fmt.Sprintf("want one HOST, got %d arguments", len(args)),
			Advice:  "a command comes after --: transship record --audit FILE -- " + strings.Join(args, " "),
		}
	}
	return c.runRegistry(ctx, r, args[0])
}

// runRegistry is a registry that passes calls on, until ctx ends.
func (c *recordCommand) runRegistry(ctx context.Context, r *run.Run, host string) error {
	registry, err := cli.ParseRegistry(host)
	if err != nil {
		return err
	}
	if err := c.listen.Check(); err != nil {
		return err
	}
	c.upstream.Host = registry.Host()
	transport, err := c.upstream.RoundTripper()
	if err != nil {
		return err
	}
	l, err := c.listen.Open(ctx, r)
	if err != nil {
		return err
	}
	defer l.Close()
	upstream := &url.URL{Scheme: c.upstream.Scheme(), Host: registry.Host()}
	if isItself(l.Addr(), upstream.Host) {
		return &cli.UsageError{
			Message: fmt.Sprintf("%s is the address that record itself listens on", host),
			Advice:  "give the registry's own address, or another one with --listen",
		}
	}
	r.Note("recording the calls to %s; clients use %s in its place", registry.Domain, l.Name())
	c.listen.ExplainCA(r, l.Name())
	if _, err := fmt.Fprintln(r.Stdout, l.URL); err != nil {
		return err
	}
	send := &wire.Loopback{Base: transport}
	relay := newRelay(ctx, r, send)
	relay.scheme = send.Scheme
	return l.Serve(ctx, r, &front{upstream: upstream, relay: relay})
}

// isItself reports whether a host is the local address that the listener has, so that a call passed on
// to it would come back.
func isItself(listening net.Addr, host string) bool {
	own := listening.(*net.TCPAddr) // always of this type on a TCP network
	name, port, err := net.SplitHostPort(host)
	if err != nil || port != strconv.Itoa(own.Port) {
		return false
	}
	ip := net.ParseIP(name)
	return wire.IsLoopback(name) || ip != nil && (ip.Equal(own.IP) || ip.IsUnspecified())
}

// runCommand runs a program with a proxy.
func (c *recordCommand) runCommand(ctx context.Context, r *run.Run, args []string) error {
	if len(args) > r.Literal {
		return &cli.UsageError{
			Message: fmt.Sprintf("%s stands before -- COMMAND", args[0]),
			Advice:  "give a HOST to record, or a COMMAND after --",
		}
	}
	if name := c.listen.Given(c.flags); name != "" {
		return &cli.UsageError{
			Message: fmt.Sprintf("--%s is for a HOST; the proxy of a COMMAND is its own alone", name),
			Advice:  "leave it out",
		}
	}
	transport, err := c.upstream.RoundTripper()
	if err != nil {
		return err
	}
	p, err := newProxy(newRelay(ctx, r, transport))
	if err != nil {
		return err
	}
	defer p.close()
	p.start()
	return runProgram(ctx, r, args, p.environment())
}

// newRelay returns the relay of a run.
func newRelay(ctx context.Context, r *run.Run, send http.RoundTripper) *relay {
	fail := func(call string, err error) {
		if !r.Verbose { // else the call has a line with its error
			r.PrintFailure(cli.OneLine(call), err)
		}
	}
	return &relay{run: ctx, command: r.Command, send: send, record: r.RecordAnswers, allows: r.AllowsHost, fail: fail}
}
