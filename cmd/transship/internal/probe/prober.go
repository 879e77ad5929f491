package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

const (
	maxCalls = 60      // of a run, on the wire
	maxBody  = 4 << 20 // bytes that are read of an answer
)

// errTooMany is the error of a call that is not made, so that there are no more than maxCalls.
var errTooMany = fmt.Errorf("it would take more than %d calls", maxCalls)

// prober makes the calls of a run, one at a time, and keeps what the probes of later rows need.
type prober struct {
	client *distribution.Client
	repo   string // the repository that is probed; "" if none is known
	from   string // the repository that a blob is mounted from
	scope  auth.Scope
	write  bool
	report Report
	// windows asks for the windows of HTTP/2.
	windows func(context.Context) (wire.HTTP2Windows, error)

	mu   sync.Mutex
	seen []wire.Call // in the order of their ends

	base        *answer // to GET /v2/
	catalog     *answer // the first page of repositories
	session     *session
	uploaded    *answer // to the PUT of the blob
	status      *answer // of a session that has got cut bytes
	cut         int
	mountable   content // a blob of the other repository
	blobDeleted *answer
	imageMade   content     // the manifest that is written
	artifact    blob.Digest // of the manifest that refers to it
	listed      *answer     // the first page of tags
	nextPage    *answer
	hasNextLast bool    // nextPage is that of last=TAG
	tag         string  // of the manifest that is read; "" if there is none
	manifest    *answer // to its GET
	missing     *answer // to the GET of a manifest that is missing
	blob        content // a blob of it
	blobHead    *answer
	ranged      *answer // to a range of the blob
	referrers   *answer
	wrote       writes
}

func newProber(registry, repo string) *prober {
	return &prober{
		repo: repo, scope: auth.Repository(repo, auth.Pull),
		report: Report{Registry: registry, Repository: repo, Rows: []Row{}, Calls: []Call{}, Left: []string{}},
	}
}

// allowWrites makes p write to its repository and to from, "" for the one beside it.
func (p *prober) allowWrites(from string) {
	if from == "" {
		from = p.repo + "-from"
	}
	p.write, p.from = true, from
	actions := []string{auth.Pull, auth.Push, auth.Delete}
	p.scope = auth.Repository(p.repo, actions...).Union(auth.Repository(from, actions...))
}

// observe gets each call once it has ended.
func (p *prober) observe(c wire.Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, c)
}

// calls returns the calls that have ended, from the nth on.
func (p *prober) calls(n int) []wire.Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen[n:])
}

// request is a call as a probe spells it.
type request struct {
	method string
	url    *url.URL
	header http.Header
	body   []byte
}

// answer is what a call brought.
type answer struct {
	status int // 0 if err is set
	proto  string
	header http.Header
	body   []byte   // its first maxBody bytes
	url    *url.URL // that was asked, behind redirects
	tls    *tls.ConnectionState
	failed *distribution.Error // of a status of 400 and above
	err    error               // there is no answer
	cut    bool                // the body of an error ends early
	calls  []wire.Call         // that were made for it
}

// to returns a request for a path, with a query of names and values.
func to(method string, path endpoint.Path, query ...string) request {
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		values.Add(query[i], query[i+1])
	}
	return request{method: method, url: &url.URL{Path: path.String(), RawQuery: values.Encode()}}
}

// with returns the request with another header.
func (q request) with(name, value string) request {
	header := q.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set(name, value)
	q.header = header
	return q
}

// send makes a call, unless the rest of the calls is needed to clean up.
func (p *prober) send(ctx context.Context, q request) *answer {
	if len(p.calls(0)) >= maxCalls-p.wrote.count() {
		return &answer{err: errTooMany}
	}
	return p.sendAnyway(ctx, q)
}

func (p *prober) sendAnyway(ctx context.Context, q request) *answer {
	before := len(p.calls(0))
	a := p.exchange(auth.WithScope(ctx, p.client.Host, p.scope), q)
	a.calls = p.calls(before)
	return a
}

func (p *prober) exchange(ctx context.Context, q request) *answer {
	call := distribution.RawCall{Method: q.method, URL: q.url, Header: q.header}
	if q.body != nil {
		call.Size = int64(len(q.body))
		call.Body = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(q.body)), nil }
	}
	resp, err := p.client.Call(ctx, call)
	if err != nil {
		return &answer{err: err}
	}
	a := &answer{
		status: resp.StatusCode, proto: resp.Proto, header: resp.Header, url: resp.Request.URL, tls: resp.TLS,
	}
	if a.status >= http.StatusBadRequest {
		a.cut = isCut(resp)
		a.body, a.failed = p.client.ReadError(resp)
		return a
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
	wire.Drain(resp)
	if err != nil {
		a.err = wire.RedactError(err)
	}
	return a
}

// isCut reads the body of an error, leaves it as it was, and reports whether it ends early.
func isCut(resp *http.Response) bool {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), resp.Body}
	return err != nil
}

// is reports whether the answer has one of the statuses.
func (a *answer) is(statuses ...int) bool {
	return a != nil && a.err == nil && !a.cut && slices.Contains(statuses, a.status)
}

// text returns the status, or the error, as a report has it.
func (a *answer) text() string {
	switch {
	case errors.Is(a.err, errTooMany):
		return a.err.Error()
	case a.err != nil:
		return "no answer: " + a.err.Error()
	}
	text := fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
	if a.failed != nil && len(a.failed.Errors) > 0 {
		text += " " + string(a.failed.Errors[0].Code)
	}
	if a.cut {
		text += ", and its body ends early"
	}
	return text
}

// digest returns the answer's Docker-Content-Digest.
func (a *answer) digest() blob.Digest { return blob.Digest(a.header.Get("Docker-Content-Digest")) }

// isLogin reports whether the registry wants an account, or another one.
func (a *answer) isLogin() bool { return a.is(http.StatusUnauthorized, http.StatusForbidden) }

// isHTML reports whether the body is a page for people.
func (a *answer) isHTML() bool {
	return bytes.HasPrefix(bytes.TrimLeft(a.body, "\ufeff \t\r\n"), []byte("<"))
}
