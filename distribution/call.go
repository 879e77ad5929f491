package distribution

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// RawCall is a call as its caller spells it, to any path below /v2/.
type RawCall struct {
	Method string
	URL    *url.URL    // its path and query count: scheme and host are the client's
	Header http.Header // may be nil
	// Body opens the request's body, again for each attempt; nil sends none.
	Body func() (io.ReadCloser, error)
	Size int64 // of the body in bytes, -1 if unknown
	Once bool  // Body can be opened only once
}

// maxErrorPage is how many bytes ReadError returns of a body.
const maxErrorPage = 1 << 20

// Call sends a raw call and returns the response, whatever its status. The caller closes the body.
// The scope of its token follows from the path: pull for reads; pull and push for writes and for
// upload sessions; pull and delete for DELETE. A manifest is asked for in every type that this
// package knows, and a body is application/octet-stream, unless Header says otherwise. A redirect
// to another host takes no header of the caller's along but Accept and Range.
//
// The token server is found by the answer to the call itself. If its body can be sent only once, a
// GET /v2/ (end-1) comes first. The error is a *[RequestError], as of every call without a response.
func (c *Client) Call(ctx context.Context, call RawCall) (*http.Response, error) {
	if call.Once {
		if err := c.Ping(ctx); err != nil && !errors.As(err, new(*Error)) {
			return nil, err
		}
	}
	req, err := c.rawRequest(ctx, call)
	if err != nil {
		return nil, err
	}
	resp, err := c.rawClient(call.Header).Do(req)
	if err != nil {
		return nil, newRequestError(req, err)
	}
	c.warn(resp)
	return resp, nil
}

// rawRequest builds the request of a raw call.
func (c *Client) rawRequest(ctx context.Context, call RawCall) (*http.Request, error) {
	u := *call.URL
	u.Scheme, u.Host, u.User = "https", c.Host, nil
	if c.PlainHTTP {
		u.Scheme = "http"
	}
	path := endpoint.Parse(u.Path)
	if call.Method == http.MethodPut && u.Query().Has("digest") {
		ctx = wire.WithClosedUpload(ctx, max(call.Size, 0), nil)
	}
	if endpoint.ID(call.Method, &u) == "" {
		ctx = wire.WithRow(ctx, &u, wire.RowOther)
	}
	req, err := c.requestTo(aboutPath(ctx, path), call.Method, &u, rawScope(call.Method, path, u.Query()), nil)
	if err != nil {
		return nil, err
	}
	if path.Kind == endpoint.KindManifest {
		req.Header.Set("Accept", strings.Join(manifest.Accept(), ", "))
	}
	if call.Body != nil {
		if err := setRawBody(req, call); err != nil {
			return nil, err
		}
	}
	for name, values := range call.Header {
		req.Header[name] = values
	}
	return req, nil
}

// setRawBody opens the body of a raw call.
func setRawBody(req *http.Request, call RawCall) error {
	body, err := call.Body()
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Body, req.ContentLength = body, call.Size
	if call.Size == 0 {
		body.Close()
		req.Body = http.NoBody
	}
	if !call.Once {
		req.GetBody = call.Body
	}
	return nil
}

// aboutPath says for a record what a raw call is for.
func aboutPath(ctx context.Context, path endpoint.Path) context.Context {
	switch path.Kind {
	case endpoint.KindBlob:
		return aboutBlob(ctx, blob.Digest(path.Reference))
	case endpoint.KindManifest:
		return aboutManifest(ctx, path.Reference)
	}
	return ctx
}

// rawScope returns the scope that a call needs. It is empty for a path that is not the API's: then
// the registry's challenge names one.
func rawScope(method string, path endpoint.Path, query url.Values) auth.Scope {
	repo := path.Repository
	upload := path.Kind == endpoint.KindUploads || path.Kind == endpoint.KindSession
	switch {
	case path.Kind == endpoint.KindCatalog:
		return auth.Catalog()
	case repo == "":
		return auth.Scope{}
	case upload:
		return auth.Repository(repo, auth.Pull, auth.Push).Union(auth.Repository(query.Get("from"), auth.Pull))
	case method == http.MethodGet || method == http.MethodHead:
		return auth.Repository(repo, auth.Pull)
	case method == http.MethodDelete:
		return auth.Repository(repo, auth.Pull, auth.Delete)
	}
	return auth.Repository(repo, auth.Pull, auth.Push)
}

// rawClient returns a client whose redirects to other hosts drop the headers in given, which may
// hold a key for the registry.
func (c *Client) rawClient(given http.Header) *http.Client {
	client := *c.http()
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		for name := range given {
			if req.URL.Host != c.Host && name != "Accept" && name != "Range" {
				req.Header.Del(name)
			}
		}
		return c.Redirects.CheckRedirect(req, via)
	}
	return &client
}

// ReadError reads the body of a response whose status is 400 or more, and closes it. It returns the
// first MiB of the body, without credentials that the server echoes, and the *[Error].
func (c *Client) ReadError(resp *http.Response) ([]byte, *Error) {
	defer wire.Drain(resp)
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorPage))
	whole := resp.Body
	resp.Body = io.NopCloser(bytes.NewReader(body))
	failed := newError(resp)
	failed.Storage = c.isStorage(resp)
	resp.Body = whole
	return []byte(auth.Redact(resp, string(body))), failed
}
