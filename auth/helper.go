package auth

import (
	"cmp"
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

// helperPrefix is the start of the name of every credential helper program.
const helperPrefix = "docker-credential-"

// HelperError means that a credential helper program could not be run or failed. It wraps
// exec.ErrNotFound if the program does not exist.
type HelperError struct {
	// Program is the program's name, such as "docker-credential-pass".
	Program string

	// Origin is the setting that names it and the file of the setting.
	Origin string

	// Action is "get", "store" or "erase".
	Action string

	// Message is what the program printed on standard error, in one line of at most 300 characters.
	// Its standard output may have a secret, whether it failed or not.
	Message string

	// Err is the cause.
	Err error
}

// Error returns a message of one line.
func (e *HelperError) Error() string {
	if errors.Is(e.Err, exec.ErrNotFound) {
		return fmt.Sprintf("credential helper %s is not installed, or not in $PATH: install it, or remove it from %s",
			e.Program, e.Origin)
	}
	text := fmt.Sprintf("credential helper %s (%s): %s: %v", e.Program, e.Origin, e.Action, e.Err)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Unwrap returns Err.
func (e *HelperError) Unwrap() error { return e.Err }

// helper is a credential helper and the server whose credential it has. The zero value is no helper
// and has no credential.
type helper struct {
	name   string // as configured, without helperPrefix
	origin string
	server string
	path   string
	output io.Writer
	wait   helperWait
}

const (
	helperSlow    = 5 * time.Second  // a helper that has not answered by then is reported
	helperTimeout = 60 * time.Second // a helper that has not answered by then is killed
	maxHelperData = 1 << 20          // bytes of standard output that are read
)

// helperWait is how long a helper may take. The zero value has the usual times and reports nothing.
type helperWait struct {
	slow    time.Duration // 0 is helperSlow
	timeout time.Duration // 0 is helperTimeout
	onSlow  func(program string)
}

// errHelperOutput is the error of a helper that ended well and printed no credential. What it
// printed is not in it.
var errHelperOutput = errors.New("it printed no credential in JSON")

func (h helper) program() string {
	if h.name == "" {
		return ""
	}
	return helperPrefix + h.name
}

// get returns the helper's credential, or an anonymous one if it has none.
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
		return Credential{}, run.helperError("get")
	case found.Username == "" && found.Secret == "":
		return Credential{}, nil
	}
	source := h.program() + " (" + h.origin + ")"
	if found.Username == tokenUser {
		return Credential{IdentityToken: found.Secret, Source: source}, nil
	}
	return Credential{Username: found.Username, Password: found.Secret, Source: source}, nil
}

// store stores a credential in the helper. Helpers cannot store a registry token.
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
		return run.helperError("store")
	}
	return nil
}

// erase removes the credential and reports whether there was one. It calls get first, since helpers
// differ in their result for a credential that they do not have.
func (h helper) erase(ctx context.Context) (found bool, err error) {
	stored, err := h.get(ctx)
	if err != nil || stored.Anonymous() {
		return false, err
	}
	run := &helperRun{helper: h, ctx: ctx}
	if err := client.Erase(run.program, h.server); err != nil {
		return true, run.helperError("erase")
	}
	return true, nil
}

// helperRun is one run of a helper. It keeps the error, of which the client package keeps only the
// text.
type helperRun struct {
	helper helper
	ctx    context.Context
	cmd    *exec.Cmd
	cancel context.CancelFunc
	stdout limitedBuffer
	stderr tailBuffer
	err    error
}

// program implements client.ProgramFunc.
func (r *helperRun) program(args ...string) client.Program {
	program, err := findProgram(r.helper.program(), r.helper.path)
	r.err = err
	timeout := cmp.Or(r.helper.wait.timeout, helperTimeout)
	r.ctx, r.cancel = context.WithTimeoutCause(r.ctx, timeout, fmt.Errorf("no answer for %v", timeout))
	r.cmd = exec.CommandContext(r.ctx, program, args...)
	r.cmd.WaitDelay = time.Second // for children that keep the pipes open
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	if r.helper.output != nil {
		r.cmd.Stderr = io.MultiWriter(&r.stderr, r.helper.output)
	}
	return r
}

// Input implements client.Program.
func (r *helperRun) Input(in io.Reader) { r.cmd.Stdin = in }

// Output implements client.Program.
func (r *helperRun) Output() ([]byte, error) {
	defer r.cancel()
	if r.err == nil {
		r.err = r.run()
	}
	return r.stdout.data, r.err
}

// run runs the program and reports it if it is slow.
func (r *helperRun) run() error {
	if onSlow := r.helper.wait.onSlow; onSlow != nil {
		slow := time.AfterFunc(cmp.Or(r.helper.wait.slow, helperSlow), func() { onSlow(r.helper.program()) })
		defer slow.Stop()
	}
	err := r.cmd.Run()
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		return nil // it succeeded and started a daemon that keeps the pipes open
	case r.stdout.full:
		return fmt.Errorf("it printed more than %d bytes", maxHelperData)
	case err != nil && r.ctx.Err() != nil:
		return context.Cause(r.ctx)
	}
	return err
}

// helperError returns the error of a run for which the client package returned an error, whose text
// has the program's standard output.
func (r *helperRun) helperError(action string) *HelperError {
	e := &HelperError{Program: r.helper.program(), Origin: r.helper.origin, Action: action, Err: r.err}
	if r.err == nil {
		e.Err = errHelperOutput
		return e
	}
	e.Message = oneLine(r.stderr.String())
	return e
}

// findProgram returns the file of a program in the directories of path. It refuses a name with a
// directory, which would run a program from anywhere.
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

// tailBuffer keeps the last 4 KiB written to it.
type tailBuffer struct{ data []byte }

// Write implements io.Writer. It never fails.
func (t *tailBuffer) Write(p []byte) (int, error) {
	const maxSize = 4 << 10
	t.data = append(t.data, p...)
	t.data = t.data[max(0, len(t.data)-maxSize):]
	return len(p), nil
}

// String returns what is kept.
func (t *tailBuffer) String() string { return string(t.data) }

// limitedBuffer keeps what is written to it, up to maxHelperData.
type limitedBuffer struct {
	data []byte
	full bool // more was written
}

// Write implements io.Writer. It fails if there is more.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > maxHelperData {
		b.full = true
		return 0, io.ErrShortBuffer
	}
	b.data = append(b.data, p...)
	return len(p), nil
}

// helperKey is the cache key of a helper's credential.
type helperKey struct{ name, server string }
