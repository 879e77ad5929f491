package run

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/wire"
)

// policyFlags registers what a run can be held to.
func (r *Run) policyFlags(fs *flag.FlagSet) {
	rules := &r.rules
	fs.Func("allow-host", "call no other `host` than these, as name[:port],... or *.example.com: registries, token servers, storage; may be repeated",
		func(text string) error { return allowHosts(rules, text) })
	fs.BoolVar(&rules.ReadOnly, "read-only", false, "make no call that may change something at a registry")
	fs.Var((*callCount)(&rules.MaxCalls), "max-calls", "make at most `N` calls, each attempt, redirect and token call counted")
	fs.Var((*cli.ByteSize)(&rules.MaxBytes), "max-bytes", "send and receive at most this `size` in bodies, such as 2GiB")
	fs.Func("expect", "make the calls listed in this `file` and no others: METHOD PATH a line, with {name}, {digest}, {tag}, {session} and *, and xN or * behind it for how often; empty lines part what comes one after the other",
		func(name string) (err error) { rules.Expect, err = readExpectation(name); return err })
}

func allowHosts(r *wire.Rules, text string) error {
	for host := range strings.SplitSeq(text, ",") {
		p, err := wire.ParseHostPattern(strings.TrimSpace(host))
		if err != nil {
			return err
		}
		r.Hosts = append(r.Hosts, p)
	}
	return nil
}

func readExpectation(name string) (*wire.Expectation, error) {
	file, err := os.Open(name)
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

// callCount is a flag's number of things, at least one.
type callCount int64

// String implements flag.Value.
func (l *callCount) String() string { return (*cli.ByteSize)(l).String() }

// Set implements flag.Value.
func (l *callCount) Set(s string) error {
	var n cli.Count
	if err := n.Set(s); err != nil {
		return err
	}
	*l = callCount(n)
	return nil
}

// stopped is why a run's context ends whose audit cannot be written, or that was refused a call. It says nothing else:
// other calls that it ends were not refused themselves.
type stopped struct{}

// Error implements error.
func (stopped) Error() string { return "the run was stopped" }

// verdict returns what became of a run that has ended with err: the call that was refused, or that is missing.
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

// auditHint says what to try where it is the audit or a policy that a run has failed for, and false elsewhere.
func auditHint(err error) (hint string, ok bool) {
	var policy *wire.PolicyError
	switch {
	case errors.As(err, &policy):
		return policyHint(policy), true
	case cli.Has[*audit.FileError](err):
		return "a run that cannot be recorded does not go on: give --audit a file on a disk with room, in a folder that is yours", true
	}
	return "", false
}

// policyHint says how a run is let do more.
func policyHint(err *wire.PolicyError) string {
	switch err.Policy {
	case "allow-host":
		return fmt.Sprintf("nothing of it was sent; --allow-host %s lets it pass", err.Host)
	case "read-only":
		return "nothing of it was sent; leave out --read-only for a command that writes to a registry"
	case "expect":
		return "the list that --expect names does not fit this run; -v shows its calls"
	}
	return fmt.Sprintf("raise --%s, or leave it out", err.Policy)
}
