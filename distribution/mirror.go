package distribution

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"sync"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// Mirror is another registry that serves the images of a registry: a pull-through cache, or a copy.
// [Transport.Mirror] returns one, for [Options.Mirrors]. What it serves is verified as from any
// registry, and a failure of it is never the error of a read: the next mirror is asked, and at last the
// registry itself.
//
// A mirror that cannot be reached, or that sends other bytes than a digest stands for, is asked no
// more. So is one that fails in another way three times in a row; a 404 is no failure. It must not be
// copied.
type Mirror struct {
	Client *Client // of the mirror
	Prefix string  // precedes the repositories' names there, such as "proxy"; may be empty
	// DigestsOnly asks the mirror for digests alone, and the registry itself for tags, which a mirror
	// may have stale. It is a mirror without "resolve" in containerd's hosts.toml, and
	// pull-from-mirror = "digest-only" in registries.conf.
	DigestsOnly bool

	mu       sync.Mutex
	failures int   // in a row
	dropped  error // why it is asked no more; nil while it is
}

// Mirror returns a mirror at a host, with its port if the URL has one.
func (t *Transport) Mirror(host, prefix string) *Mirror {
	return &Mirror{Client: t.Client(host), Prefix: prefix}
}

// String returns host/prefix.
func (m *Mirror) String() string { return path.Join(m.Client.Host, m.Prefix) }

// MirrorEvent says who has served a manifest or a blob of a registry that has mirrors, or that a
// mirror has not.
type MirrorEvent struct {
	Registry string // whose content it is, as in references: docker.io
	Mirror   string // host[/prefix]; "" for the registry itself
	Image    string // as in [Repository.Image]; may be ""
	Err      error  // why the mirror has not served; nil if it has
	Dropped  bool   // the mirror is asked no more
}

// maxMirrorFailures is how many failures in a row a mirror may have that may pass.
const maxMirrorFailures = 3

// dropReason returns why the mirror is asked no more, or nil.
func (m *Mirror) dropReason() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped
}

// noteSuccess ends a row of failures.
func (m *Mirror) noteSuccess() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures = 0
}

// noteFailure notes a failure, and reports whether it is the reason why the mirror is asked no more.
func (m *Mirror) noteFailure(err error) (dropped bool) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || isAuthError(err) {
		return false // it does not serve this image, but may serve others
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures++
	if m.dropped != nil || m.failures < maxMirrorFailures && hasAnswered(err) {
		return false
	}
	m.dropped = err
	return true
}

// hasAnswered reports whether err is the answer of a registry that may have another one next time.
func hasAnswered(err error) bool {
	var answer *Error
	return errors.As(err, &answer)
}

// drop ends the use of the mirror. It reports false if it has ended before.
func (m *Mirror) drop(err error) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dropped != nil {
		return false
	}
	m.dropped = err
	return true
}

// mirrorUse is what a repository has learned about its mirrors.
type mirrorUse struct {
	mu     sync.Mutex
	lacks  map[*Mirror]error                // does not serve the repository, and why
	served map[blob.Digest]map[*Mirror]bool // has sent bytes of a blob
	broken map[blob.Digest]map[*Mirror]bool // has broken off the bytes of a blob
}

// onMirror returns the repository as it is on a mirror.
func (r *Repository) onMirror(m *Mirror) *Repository {
	name := path.Join(m.Prefix, r.Name)
	return &Repository{
		Client: m.Client, Name: name, Image: r.Image, Scope: auth.Repository(name, auth.Pull),
		mirror: m, namespace: r.registryName(),
	}
}

// registryName returns the registry as references name it.
func (r *Repository) registryName() string {
	if r.Registry != "" {
		return r.Registry
	}
	return r.Client.Host
}

// content is what is read of a repository: a manifest by its tag, or any content by its digest.
type content struct {
	tag    bool
	digest blob.Digest // of a blob; "" for manifests
}

// readFrom reads content from the first of the mirrors that serves it, or else from the registry. The
// context that read gets is for the repository that it gets.
func readFrom[T any](
	ctx context.Context, r *Repository, what content, read func(context.Context, *Repository) (T, error),
) (T, error) {
	var failed []MirrorFailure
	for _, m := range r.Mirrors {
		if why, asked := r.mayServe(m, what); why != nil || !asked {
			failed = appendFailure(failed, m, why)
			continue
		}
		at := r.onMirror(m)
		got, err := read(at.scoped(ctx), at)
		if err == nil {
			r.noteServed(m, what)
			return got, nil
		}
		if ctx.Err() != nil || endsReading(err) {
			return got, err
		}
		r.noteMirrorFailure(m, what, err)
		failed = appendFailure(failed, m, err)
	}
	got, err := read(r.scoped(ctx), r)
	switch {
	case err == nil && len(r.Mirrors) > 0:
		r.noteServed(nil, what)
	case err != nil && len(failed) > 0 && ctx.Err() == nil:
		err = &MirrorError{Err: err, Failures: failed}
	}
	return got, err
}

func appendFailure(failed []MirrorFailure, m *Mirror, err error) []MirrorFailure {
	if err == nil {
		return failed
	}
	return append(failed, MirrorFailure{m.String(), err})
}

// endsReading reports whether no other place is to be asked: the run does not allow the call, or ranges
// are not supported, for which there is another way.
func endsReading(err error) bool {
	var refused *wire.PolicyError
	return errors.As(err, &refused) || errors.Is(err, errors.ErrUnsupported)
}

// mayServe reports whether a mirror is to be asked, and why it is not if it has failed before.
func (r *Repository) mayServe(m *Mirror, what content) (why error, asked bool) {
	if why := m.dropReason(); why != nil {
		return why, false
	}
	use := &r.mirrorUse
	use.mu.Lock()
	defer use.mu.Unlock()
	if why := use.lacks[m]; why != nil {
		return why, false
	}
	return nil, !(what.tag && m.DigestsOnly) && !use.broken[what.digest][m]
}

// noteServed notes who has served content: a mirror, or the registry itself if m is nil.
func (r *Repository) noteServed(m *Mirror, what content) {
	ev := MirrorEvent{Registry: r.registryName(), Image: r.Image}
	if m != nil {
		ev.Mirror = m.String()
		m.noteSuccess()
		if what.digest != "" {
			r.mirrorUse.add(&r.mirrorUse.served, what.digest, m)
		}
	}
	r.reportMirror(ev)
}

// noteMirrorFailure notes that a mirror has not served content.
func (r *Repository) noteMirrorFailure(m *Mirror, what content, err error) {
	denied := errors.Is(err, fs.ErrPermission) || isAuthError(err)
	if denied || what.tag && errors.Is(err, fs.ErrNotExist) {
		r.mirrorUse.mu.Lock()
		if r.mirrorUse.lacks == nil {
			r.mirrorUse.lacks = map[*Mirror]error{}
		}
		r.mirrorUse.lacks[m] = err
		r.mirrorUse.mu.Unlock()
	}
	r.reportMirror(MirrorEvent{
		Registry: r.registryName(), Mirror: m.String(), Image: r.Image, Err: err, Dropped: m.noteFailure(err),
	})
}

func (r *Repository) reportMirror(ev MirrorEvent) {
	if r.OnMirror != nil {
		r.OnMirror(ev)
	}
}

// add adds a mirror to those of a blob.
func (u *mirrorUse) add(to *map[blob.Digest]map[*Mirror]bool, d blob.Digest, m *Mirror) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if *to == nil {
		*to = map[blob.Digest]map[*Mirror]bool{}
	}
	if (*to)[d] == nil {
		(*to)[d] = map[*Mirror]bool{}
	}
	(*to)[d][m] = true
}

// takeServed returns the mirrors that have sent bytes of a blob, and forgets them.
func (u *mirrorUse) takeServed(d blob.Digest) map[*Mirror]bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	from := u.served[d]
	delete(u.served, d)
	return from
}

// RejectBlob is called by a reader of a blob whose bytes did not match its digest; why is a
// *[blob.MismatchError]. The mirrors that have sent bytes of it are asked no more, for no content.
// RejectBlob reports whether there were any: then the blob, opened anew, comes from elsewhere.
func (r *Repository) RejectBlob(d manifest.Descriptor, why error) bool {
	from := r.mirrorUse.takeServed(d.Digest)
	for m := range from {
		if m.drop(why) {
			r.reportMirror(MirrorEvent{
				Registry: r.registryName(), Mirror: m.String(), Image: r.Image, Err: why, Dropped: true,
			})
		}
	}
	return len(from) > 0
}

// MirrorFailure is why a mirror has not served something.
type MirrorFailure struct {
	Mirror string // host[/prefix]
	Err    error
}

// String returns the mirror and the reason, briefly.
func (f MirrorFailure) String() string { return f.Mirror + ": " + briefReason(f.Err) }

// briefReason says why a mirror was not of use, without the call's URL.
func briefReason(err error) string {
	var answer *Error
	var request *RequestError
	var mismatch *blob.MismatchError
	var document *manifest.DocumentError
	switch {
	case errors.As(err, &mismatch):
		return "other bytes than " + mismatch.Want.Short()
	case errors.As(err, &document):
		return "a document that is no manifest"
	case errors.As(err, &answer):
		return fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	case errors.As(err, &request):
		return oneLine(request.Err.Error())
	}
	return oneLine(err.Error())
}

// MirrorError is the error of a registry whose mirrors were asked before it. It is the registry's own
// error and, if a mirror has sent other bytes than it was asked for, also that: a *[blob.MismatchError].
// Why else its mirrors failed is only in its text.
type MirrorError struct {
	Err      error           // the registry's own
	Failures []MirrorFailure // in the order of the mirrors
}

// Error returns the registry's error, and why each mirror was not of use.
func (e *MirrorError) Error() string {
	text := e.Err.Error() + " (before that its mirrors failed: "
	for i, f := range e.Failures {
		if i > 0 {
			text += "; "
		}
		text += f.String()
	}
	return text + ")"
}

// Unwrap returns the registry's error, and the mirrors' that are about wrong bytes.
func (e *MirrorError) Unwrap() []error {
	all := []error{e.Err}
	for _, f := range e.Failures {
		var mismatch *blob.MismatchError
		if errors.As(f.Err, &mismatch) {
			all = append(all, f.Err)
		}
	}
	return all
}

type namespaceKey struct{}

// withNamespace says for calls to a mirror whose content they are about.
func withNamespace(ctx context.Context, registry string) context.Context {
	if registry == "" {
		return ctx
	}
	return context.WithValue(ctx, namespaceKey{}, registry)
}

// namespaceOf returns what withNamespace has set, or "".
func namespaceOf(ctx context.Context) string {
	registry, _ := ctx.Value(namespaceKey{}).(string)
	return registry
}
