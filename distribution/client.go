package distribution

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// Client makes the calls of the protocol to one registry. Its methods may be used concurrently; it must not be copied.
//
// Authorization is not its business: it marks each request with the scope that the call needs (auth.WithScope), and
// HTTP's transport acts on that.
type Client struct {
	Host      string       // host[:port] as it stands in URLs, such as registry-1.docker.io
	PlainHTTP bool         // http:// in place of https://
	HTTP      *http.Client // nil is http.DefaultClient
	Redirects wire.Redirects
	OnWarning func(text string) // told each different warning of the registry once, 50 at the most; nil drops them
	OnWait    func(wire.Wait)   // told of each pause before it begins, as wire.Retry does for other calls; may be nil
	// Sleep waits before an upload or a broken download of a document is taken up again, or until ctx is done and then
	// returns why. Nil waits on the clock.
	Sleep func(ctx context.Context, d time.Duration) error

	mu        sync.Mutex
	warned    map[string]bool
	mounts    mountRecord
	limit     requestLimit
	fallback  bool                     // the registry has no referrers API
	referrers map[string]chan struct{} // the referrers tags being rewritten; closed when that is done
}

// resource is a path and query of the API, and the scope that a call to it needs.
type resource struct {
	path  endpoint.Path
	query url.Values
	scope auth.Scope
}

// resourceAt returns a resource on whose repository a call needs these actions.
func resourceAt(path endpoint.Path, actions ...string) resource {
	return resource{path: path, scope: auth.Repository(path.Repository, actions...)}
}

func (r resource) with(query url.Values) resource {
	r.query = query
	return r
}

// url returns the URL of a resource on this registry.
func (c *Client) url(at resource) *url.URL {
	u := &url.URL{Scheme: "https", Host: c.Host, Path: at.path.String(), RawQuery: at.query.Encode()}
	if c.PlainHTTP {
		u.Scheme = "http"
	}
	return u
}

// request builds a call to a resource. GetBody is left unset: who can repeat a body sets it.
func (c *Client) request(ctx context.Context, method string, at resource, body io.Reader) (*http.Request, error) {
	return c.requestTo(ctx, method, c.url(at), at.scope, body)
}

// requestTo builds a call to an address that the registry gave out.
func (c *Client) requestTo(ctx context.Context, method string, u *url.URL, scope auth.Scope, body io.Reader) (*http.Request, error) {
	ctx = auth.WithScope(wire.Linked(ctx), c.Host, scope)
	req, err := http.NewRequestWithContext(ctx, method, "", body)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = u, u.Host
	return req, nil
}

// do sends the request and returns the answer if its status is one of ok; else an *Error or a *RequestError.
// The caller closes the body.
func (c *Client) do(req *http.Request, ok ...int) (*http.Response, error) {
	return c.doBy(c.http(), req, ok...)
}

func (c *Client) http() *http.Client {
	if c.HTTP == nil {
		return http.DefaultClient
	}
	return c.HTTP
}

// doBy is do by another client than HTTP.
func (c *Client) doBy(client *http.Client, req *http.Request, ok ...int) (*http.Response, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, newRequestError(req, err)
	}
	c.warn(resp)
	if slices.Contains(ok, resp.StatusCode) {
		return resp, nil
	}
	defer drain(resp)
	return nil, newError(resp)
}

// call sends a request without a body of its own to a resource and drops what the answer's body holds.
func (c *Client) call(ctx context.Context, method string, at resource, ok ...int) (*http.Response, error) {
	req, err := c.request(ctx, method, at, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.do(req, ok...)
	if err != nil {
		return nil, err
	}
	drain(resp)
	return resp, nil
}

// readAttempts is how often a document is asked for whose body breaks off.
const readAttempts = 3

// read sends a GET and reads the answer's body, up to one byte more than limit. A body that breaks off is asked for
// again; all else that may pass is repeated by the transport.
func (c *Client) read(req *http.Request, limit int64) (*http.Response, []byte, error) {
	for failures := 1; ; failures++ {
		resp, err := c.do(req, http.StatusOK)
		if err != nil {
			return nil, nil, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
		drain(resp)
		if err == nil {
			return resp, body, nil
		}
		err = newRequestError(req, err)
		if failures == readAttempts || !isPassing(err) {
			return nil, nil, err
		}
		if waitErr := c.wait(req.Context(), err, failures); waitErr != nil {
			return nil, nil, errors.Join(err, waitErr)
		}
	}
}

// maxDrain is how many unread bytes are read away to keep a connection usable.
const maxDrain = 64 << 10

func drain(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, maxDrain)
	resp.Body.Close()
}

// warn hands out the texts of Warning headers, each once (distribution-spec, "Warnings").
func (c *Client) warn(resp *http.Response) {
	if c.OnWarning == nil {
		return
	}
	for _, w := range resp.Header.Values("Warning") {
		if text := oneLine(auth.Redact(resp, warningText(w))); text != "" {
			c.warnOnce(text)
		}
	}
}

// warnOnce hands out a text the first time it comes up.
func (c *Client) warnOnce(text string) {
	if c.OnWarning != nil && c.first(text) {
		c.OnWarning(text)
	}
}

// warningText returns what stands between the quotes of 299 - "text", "" for any other warning.
func warningText(header string) string {
	quoted, ok := strings.CutPrefix(header, `299 - "`)
	if !ok {
		return ""
	}
	var text strings.Builder
	for i := 0; i < len(quoted) && quoted[i] != '"'; i++ {
		if quoted[i] == '\\' && i+1 < len(quoted) {
			i++
		}
		text.WriteByte(quoted[i])
	}
	return text.String()
}

// maxWarnings is how many different warnings are handed out: one with the time in it never ends.
const maxWarnings = 50

// first tells whether a warning is to be handed out.
func (c *Client) first(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.warned[text] || len(c.warned) == maxWarnings {
		return false
	}
	if c.warned == nil {
		c.warned = map[string]bool{}
	}
	c.warned[text] = true
	return true
}

// Ping asks whether the host speaks the protocol (end-1: GET /v2/). A 401 means that it does and wants credentials;
// it is returned as an *[Error] that is fs.ErrPermission.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.call(ctx, http.MethodGet, resource{path: endpoint.Base()}, http.StatusOK)
	return err
}
