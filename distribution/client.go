package distribution

import (
	"bytes"
	"context"
	"encoding/json"
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

// Client makes the calls of the protocol to one registry. [Transport.Client] returns one that is
// ready. Its methods may be called concurrently; it must not be copied.
//
// A Client does not authenticate: it marks each request with the scope that the call needs
// (auth.WithScope), for an auth.Transport in HTTP.
type Client struct {
	Host      string             // host[:port] as in URLs, such as registry-1.docker.io
	PlainHTTP bool               // http:// instead of https://
	HTTP      *http.Client       // nil is http.DefaultClient
	Redirects wire.RedirectRules // checks the Locations of uploads
	// OnWarning gets each different Warning of the registry once, at most 50 of them. It may be nil.
	OnWarning func(text string)
	// OnWait gets each pause before a call that this client repeats, as wire.Retry's does for the
	// calls that Retry repeats. It may be nil.
	OnWait func(wire.RetryWait)
	// Sleep waits for d before a call is repeated, or until ctx is done and then returns why. Nil
	// waits on the clock.
	Sleep func(ctx context.Context, d time.Duration) error
	// MaxWait is how long the registry may ask one upload to wait; wire.DefaultMaxWait if zero.
	MaxWait time.Duration

	mu             sync.Mutex
	warned         map[string]bool
	mounts         mountMemory
	uploadLimit    uploadLimit
	noReferrersAPI bool                     // the registry lacks it
	tagsIgnored    bool                     // the registry ignores the tags of a PUT by digest
	referrers      map[string]chan struct{} // referrers tags being rewritten; closed when that is done
}

// resource is a path and query of the API, with the scope that a call to it needs.
type resource struct {
	path  endpoint.Path
	query url.Values
	scope auth.Scope
}

// resourceAt returns the resource at a path, for a call that needs actions on the path's
// repository.
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

// request builds a request for a resource, without GetBody.
func (c *Client) request(ctx context.Context, method string, at resource, body io.Reader) (*http.Request, error) {
	u := c.url(at)
	if registry := namespaceOf(ctx); registry != "" && (method == http.MethodGet || method == http.MethodHead) {
		query := u.Query()
		query.Set("ns", registry) // distribution-spec, "Registry proxying", as containerd sends it
		u.RawQuery = query.Encode()
	}
	return c.requestTo(ctx, method, u, at.scope, body)
}

// requestTo builds a request for a URL, such as one that the registry gave out.
func (c *Client) requestTo(
	ctx context.Context, method string, u *url.URL, scope auth.Scope, body io.Reader,
) (*http.Request, error) {
	ctx = auth.WithScope(wire.WithCallLinks(ctx), c.Host, scope)
	req, err := http.NewRequestWithContext(ctx, method, "", body)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = u, u.Host
	return req, nil
}

// do sends a request and returns the response if its status is one of ok, else an *Error or a
// *RequestError. The caller closes the body.
func (c *Client) do(req *http.Request, ok ...int) (*http.Response, error) {
	return c.doWith(c.http(), req, ok...)
}

func (c *Client) http() *http.Client {
	if c.HTTP == nil {
		return http.DefaultClient
	}
	return c.HTTP
}

// doWith is do with another client than HTTP.
func (c *Client) doWith(client *http.Client, req *http.Request, ok ...int) (*http.Response, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, newRequestError(req, err)
	}
	c.warn(resp)
	if slices.Contains(ok, resp.StatusCode) {
		return resp, nil
	}
	defer wire.Drain(resp)
	failed := newError(resp)
	failed.Storage = c.isStorage(resp)
	return nil, failed
}

// doDiscard is do for a response whose body is not needed.
func (c *Client) doDiscard(req *http.Request, ok ...int) (*http.Response, error) {
	resp, err := c.do(req, ok...)
	if err == nil {
		wire.Drain(resp)
	}
	return resp, err
}

// call sends a request without a body, and discards the body of the response. With a POST, net/http
// sends the Content-Length: 0 that the specification requires.
func (c *Client) call(ctx context.Context, method string, at resource, ok ...int) (*http.Response, error) {
	req, err := c.request(ctx, method, at, nil)
	if err != nil {
		return nil, err
	}
	return c.doDiscard(req, ok...)
}

// readAttempts is how often a document is requested if its body breaks off.
const readAttempts = 3

// read sends a GET for a document of JSON and reads the body of the response, up to maxSize+1 bytes.
// It repeats the request if the body breaks off; wire.Retry does for failures before the body. A body
// that ends inside the JSON has been cut short on the way, and is requested once more. The second
// such body is returned: it may be what the registry has.
func (c *Client) read(req *http.Request, maxSize int64) (*http.Response, []byte, error) {
	var asked time.Duration
	for failures := 1; ; failures++ {
		resp, err := c.do(req, http.StatusOK)
		if err != nil {
			return nil, nil, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxSize+1))
		wire.Drain(resp)
		if err == nil && failures == 1 && endsEarly(body) {
			err = io.ErrUnexpectedEOF
		}
		if err == nil {
			return resp, body, nil
		}
		err = newRequestError(req, err)
		if failures == readAttempts || !isTransient(err) {
			return nil, nil, err
		}
		if err := c.wait(req.Context(), err, failures, &asked); err != nil {
			return nil, nil, err
		}
	}
}

// endsEarly reports whether a body is the start of a JSON document.
func endsEarly(body []byte) bool {
	err := json.NewDecoder(bytes.NewReader(body)).Decode(new(json.RawMessage))
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// warn reports the Warning headers of a response (distribution-spec, "Warnings").
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

// warnOnce reports a text that was not reported before.
func (c *Client) warnOnce(text string) {
	if c.OnWarning != nil && c.isNewWarning(text) {
		c.OnWarning(text)
	}
}

// warningText returns the text of the warning 299 - "text", and "" for any other warning.
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

// maxWarnings is how many different warnings are reported: a text with the time in it differs each
// time.
const maxWarnings = 50

// isNewWarning reports whether a warning is to be reported, and remembers it.
func (c *Client) isNewWarning(text string) bool {
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

// ErrNotRegistry is the cause of a [*RequestError] if a host answers GET /v2/ or a listing with a web page, such
// as the login page of a proxy.
var ErrNotRegistry = errors.New("the answer is a web page, which no registry sends")

// Ping checks that the host speaks the protocol (end-1: GET /v2/). A 401 means that it does and
// wants credentials: it is an *[Error] that is fs.ErrPermission. A page of HTML is
// [ErrNotRegistry]. The body of a registry's 200 is not specified: most send {}, quay.io "true" as
// text/html.
func (c *Client) Ping(ctx context.Context) error {
	req, err := c.request(ctx, http.MethodGet, resource{path: endpoint.Base()}, nil)
	if err != nil {
		return err
	}
	resp, err := c.do(req, http.StatusOK)
	if err != nil {
		return err
	}
	defer wire.Drain(resp)
	start, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
	if isWebPage(start) {
		return newRequestError(resp.Request, ErrNotRegistry)
	}
	return nil
}

// isWebPage reports whether a body begins as HTML does.
func isWebPage(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, "\ufeff \t\r\n"), []byte("<"))
}
