package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/wire"
)

// policyFlags registers the flags that restrict the calls of a run.
func (r *Run) policyFlags(fs *flag.FlagSet) {
	rules := &r.rules
	fs.Func("allow-host", "refuse calls to any other `host`: name[:port],... or *.example.com. "+
		"Token servers and storage hosts count too; may be repeated (default any host)",
		func(text string) error { return allowHosts(rules, text) })
	fs.BoolVar(&rules.ReadOnly, "read-only", false, "refuse calls that may change something at a registry")
	fs.Var((*callCount)(&rules.MaxCalls), "max-calls",
		"refuse calls after the first `N`; retries, redirects and token calls count too (default no limit)")
	fs.Var((*cli.ByteSize)(&rules.MaxBytes), "max-bytes",
		"limit the bytes of all request and response bodies together to this `size`, such as 2GiB (default no limit)")
	fs.Func("expect", "refuse calls that this `file` does not list, and fail if one is not made; "+
		"--plan=expect makes it, transship help expect explains it",
		func(name string) (err error) { rules.Expect, err = readExpectation(name); return err })
}

// allowHosts adds the hosts of a value of --allow-host.
func allowHosts(r *wire.PolicyRules, text string) error {
	for host := range strings.SplitSeq(text, ",") {
		p, err := wire.ParseHostPattern(strings.TrimSpace(host))
		if err != nil {
			return err
		}
		r.Hosts = append(r.Hosts, p)
	}
	return nil
}

// readExpectation reads the file of --expect.
func readExpectation(name string) (*wire.ExpectedCalls, error) {
	file, err := cli.OpenFile(context.Background(), name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	e, err := wire.ParseExpectation(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return e, nil
}

// callCount is a [cli.Count] with the type of wire.PolicyRules.MaxCalls.
type callCount int64

// String implements flag.Value.
func (c *callCount) String() string { return strconv.FormatInt(int64(*c), 10) }

// Set implements flag.Value.
func (c *callCount) Set(s string) error {
	var n cli.Count
	if err := n.Set(s); err != nil {
		return err
	}
	*c = callCount(n)
	return nil
}

// errStopped is the cancellation cause of a run whose audit failed or that had a call refused. It
// names neither: the calls that it ends were not refused themselves.
var errStopped = errors.New("the run was stopped")

// verdict returns the error of a run that ended with err: a refused call, err itself, or a call
// that --expect lists and the run did not make.
func (r *Run) verdict(err error) error {
	rules := &r.rules
	if refusal := rules.Refusal(); refusal != nil {
		return refusal
	}
	if missing := rules.Missing(); err == nil && missing != nil {
		return missing
	}
	return err
}

// auditHint returns the hint for a failed audit or a refused call; ok is false for other errors.
func auditHint(err error) (hint string, ok bool) {
	var policy *wire.PolicyError
	switch {
	case errors.As(err, &policy):
		return policyHint(policy), true
	case errors.Is(err, audit.ErrInUse):
		return "give this run a file of its own", true
	case cli.Has[*audit.FileError](err):
		return "a run that cannot be recorded is stopped: " +
			"give --audit a file on a disk with free space, in a folder that you may write to", true
	}
	return "", false
}

// policyHint says which flag lets the refused call pass.
func policyHint(err *wire.PolicyError) string {
	switch err.Policy {
	case "allow-host":
		return fmt.Sprintf("the call was not sent; --allow-host %s allows it", err.Host)
	case "read-only":
		return "the call was not sent; leave out --read-only for a command that writes to a registry"
	case "expect":
		return "the list in the file of --expect does not match this run; -v shows its calls"
	}
	return fmt.Sprintf("raise --%s, or leave it out", err.Policy)
}

// AllowsHost reports whether --allow-host allows calls to the host of a URL.
func (r *Run) AllowsHost(u *url.URL) bool { return r.rules.AllowsHost(u) }
