package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
)

// helperPrefix begins the name of every credential helper program.
const helperPrefix = "docker-credential-"

// HelperError is a credential helper program that could not be run, or that
// failed. It wraps exec.ErrNotFound when the program is not there.
type HelperError struct {
	// Program is the program's name, "docker-credential-pass" for instance.
	Program string

	// Origin is the setting that asks for it and the file that it is in.
	Origin string

	// Action is what it was to do: "get", "store" or "erase".
	Action string

	// Message is what it printed, in one line, shortened when it is long.
	Message string

	// Err is how it failed.
	Err error
}

// Error describes the failure in one line.
func (e *HelperError) Error() string {
	if errors.Is(e.Err, exec.ErrNotFound) {
		return fmt.Sprintf("credential helper %s is not installed, or not in $PATH: install it, or remove it from %s", e.Program, e.Origin)
	}
	text := fmt.Sprintf("credential helper %s (%s): %s: %v", e.Program, e.Origin, e.Action, e.Err)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Unwrap returns Err.
func (e *HelperError) Unwrap() error { return e.Err }

// helper is a credential helper and the server that it is asked about. The zero
// value is no helper, and holds nothing.
type helper struct {
	name   string // as configured, without helperPrefix
	origin string
	server string
	path   string
	output io.Writer
}

func (h helper) program() string {
	if h.name == "" {
		return ""
	}
	return helperPrefix + h.name
}

// get asks the helper for the credential. One that it does not have is
// anonymous.
func (h helper) get(ctx context.Context) (Credential, error) {
	if h.name == "" {
		return Credential{}, nil
	}
	run := &helperRun{helper: h, ctx: ctx}
	found, err := client.Get(run.program, h.server)
	switch {
	case credentials.IsErrCredentialsNotFound(err):
		return Credential{}, nil
	case err != nil:
		return Credential{}, run.failed("get", err)
	case found.Username == "" && found.Secret == "":
		return Credential{}, nil
	}
	source := h.program() + " (" + h.origin + ")"
	if found.Username == tokenUser {
		return Credential{IdentityToken: found.Secret, Source: source}, nil
	}
	return Credential{Username: found.Username, Password: found.Secret, Source: source}, nil
}

// store hands a credential to the helper. A registry token has no form there.
func (h helper) store(ctx context.Context, c Credential) error {
	secret := &credentials.Credentials{ServerURL: h.server, Username: c.Username, Secret: c.Password}
	switch {
	case c.IdentityToken != "":
		secret.Username, secret.Secret = tokenUser, c.IdentityToken
	case c.RegistryToken != "":
		return fmt.Errorf("credential helper %s cannot keep a registry token", h.program())
	}
	run := &helperRun{helper: h, ctx: ctx}
	if err := client.Store(run.program, secret); err != nil {
		return run.failed("store", err)
	}
	return nil
}

// erase removes the credential, and reports whether there was one. Helpers
// differ in what they say to the removal of nothing, so they are asked first.
func (h helper) erase(ctx context.Context) (found bool, err error) {
	held, err := h.get(ctx)
	if err != nil || held.Anonymous() {
		return false, err
	}
	run := &helperRun{helper: h, ctx: ctx}
	if err := client.Erase(run.program, h.server); err != nil {
		return true, run.failed("erase", err)
	}
	return true, nil
}

// helperRun is one run of a helper. The client package keeps of an error no
// more than its text, so the error itself is kept here.
type helperRun struct {
	helper helper
	ctx    context.Context
	cmd    *exec.Cmd
	output []byte
	stderr tail
	err    error
}

// program implements client.ProgramFunc.
func (r *helperRun) program(args ...string) client.Program {
	program, err := findProgram(r.helper.program(), r.helper.path)
	r.err = err
	r.cmd = exec.CommandContext(r.ctx, program, args...)
	r.cmd.WaitDelay = time.Second // for children that keep the pipes open
	r.cmd.Stderr = &r.stderr
	if r.helper.output != nil {
		r.cmd.Stderr = io.MultiWriter(&r.stderr, r.helper.output)
	}
	return r
}

// Input implements client.Program.
func (r *helperRun) Input(in io.Reader) { r.cmd.Stdin = in }

// Output implements client.Program.
func (r *helperRun) Output() ([]byte, error) {
	if r.err == nil {
		r.output, r.err = r.cmd.Output()
	}
	if errors.Is(r.err, exec.ErrWaitDelay) {
		r.err = nil // it succeeded, and has left a daemon behind
	}
	return r.output, r.err
}

// failed is the error for a run of which the client package says err. Helpers
// explain themselves on standard output, some on standard error.
func (r *helperRun) failed(action string, err error) *HelperError {
	e := &HelperError{Program: r.helper.program(), Origin: r.helper.origin, Action: action, Err: r.err}
	if r.err == nil {
		e.Err = err // it ran, but what it printed is no credential
		return e
	}
	if cause := context.Cause(r.ctx); cause != nil {
		e.Err = cause
	}
	e.Message = oneLine(string(r.output) + " " + r.stderr.String())
	return e
}

// findProgram looks for a program in the directories of path. A name with a
// directory of its own does not come from a helper's setting.
func findProgram(name, path string) (string, error) {
	if filepath.Base(name) != name || strings.ContainsAny(name, `/\`) {
		return "", fmt.Errorf("%q is not the name of a program", name)
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if program, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return program, nil
		}
	}
	return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
}

// tail keeps the last bytes that are written to it.
type tail struct{ bytes.Buffer }

// Write takes all of p, and keeps no more than the last 4 KiB of everything written. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	t.Buffer.Write(p)
	if extra := t.Len() - most; extra > 0 {
		t.Next(extra)
	}
	return len(p), nil
}

// helperKey is what a helper's answer depends on.
type helperKey struct{ name, server string }
