package record

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/wire"
)

// relay passes calls of other programs on, as they are.
type relay struct {
	run     context.Context // it ends when a call was refused or could not be recorded
	command string
	send    http.RoundTripper                                 // to the call's host
	scheme  func(u *url.URL) string                           // in which send calls u; nil for that of u
	record  func(answers http.RoundTripper) http.RoundTripper // records calls that do not go out
	allows  func(u *url.URL) bool                             // whether the host of a call may be called at all
	fail    func(call string, err error)                      // is told of a call that had no answer

	known known
	small blob.Buffers
	large largeBuffers
}

// destination is where a call goes.
type destination struct {
	url    *url.URL
	host   string                    // the header Host
	answer func(resp *http.Response) // changes the answer for the client; nil leaves it
}

// serve passes a call on and its answer back. A call that cannot be passed on is answered in the form of
// the specification's errors: 403 if a policy refuses it, 502 if there was no answer.
func (p *relay) serve(w http.ResponseWriter, in *http.Request, to destination) {
	if strings.EqualFold(in.Header.Get("Upgrade"), "h2c") { // an offer that servers do not take (RFC 9110, section 7.8)
		in.Header.Del("Upgrade")
		in.Header.Del("HTTP2-Settings")
	}
	if in.Header.Get("Upgrade") != "" {
		p.decline(w, in, to.url, http.StatusNotImplemented, "another protocol than HTTP cannot be recorded")
		return
	}
	p.pass(w, in, to, p.send)
}

// decline answers a call that record cannot carry, and says why. It is on the record with that answer,
// as a call to u, which may lack scheme and host.
func (p *relay) decline(w http.ResponseWriter, in *http.Request, u *url.URL, status int, reason string) {
	to := *u
	to.Scheme, to.Host = cmp.Or(u.Scheme, "http"), cmp.Or(u.Host, in.Host)
	to.Scheme = p.schemeOf(&to)
	if p.run.Err() == nil {
		p.fail(in.Method+" "+wire.Redact(&to), errors.New(reason))
	}
	p.pass(w, in, destination{url: &to, host: in.Host}, p.record(declined{status, reason}))
}

// schemeOf returns the scheme in which a call to u goes.
func (p *relay) schemeOf(u *url.URL) string {
	if p.scheme == nil {
		return u.Scheme
	}
	return p.scheme(u)
}

// name returns what a call that was sent is called in messages.
func (p *relay) name(method string, u *url.URL) string {
	sent := *u
	sent.Scheme = p.schemeOf(u)
	return method + " " + wire.Redact(&sent)
}

// pass sends a call by a transport and its answer back.
func (p *relay) pass(w http.ResponseWriter, in *http.Request, to destination, transport http.RoundTripper) {
	if p.run.Err() != nil {
		refuse(w, http.StatusForbidden, "the recorded run has ended")
		return
	}
	var proxy httputil.ReverseProxy
	proxy = httputil.ReverseProxy{
		Rewrite:      func(pr *httputil.ProxyRequest) { p.rewrite(pr, to) },
		Transport:    transport,
		BufferPool:   &p.small,
		ErrorLog:     newErrorLog(func(err error) { p.failedBody(p.name(in.Method, to.url), err) }),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { p.failed(w, in, to.url, err) },
		ModifyResponse: func(resp *http.Response) error {
			p.known.note(resp)
			if resp.ContentLength >= blob.LargeSize && in.Method != http.MethodHead {
				proxy.BufferPool, resp.Body = &p.large, &fullReader{ReadCloser: resp.Body}
			}
			if to.answer != nil {
				to.answer(resp)
			}
			return nil
		},
	}
	proxy.ServeHTTP(w, in)
}

// isPreface reports whether a client speaks HTTP/2 without TLS: then its preface comes as a request (RFC
// 9113, section 3.4).
func isPreface(in *http.Request) bool { return in.Method == "PRI" }

// declinePreface answers a client that speaks HTTP/2 without TLS to a host.
func (p *relay) declinePreface(w http.ResponseWriter, in *http.Request, scheme, host string) {
	to := &url.URL{Scheme: scheme, Host: host, Path: "*"}
	p.decline(w, in, to, http.StatusHTTPVersionNotSupported, "HTTP/2 without TLS cannot be recorded")
}

// rewrite makes the request that goes out.
func (p *relay) rewrite(pr *httputil.ProxyRequest, to destination) {
	ctx := wire.WithPurpose(pr.Out.Context(), wire.PathPurpose(p.command, to.url.Path))
	out := pr.Out.WithContext(ctx)
	out.URL, out.Host = to.url, to.host
	pr.Out = p.known.label(out)
}

// failed answers a call that had no answer.
func (p *relay) failed(w http.ResponseWriter, in *http.Request, to *url.URL, err error) {
	var refusal *wire.PolicyError
	switch {
	case errors.As(err, &refusal):
		refuse(w, http.StatusForbidden, refusal.Error())
	case in.Context().Err() != nil: // the client has gone
		w.WriteHeader(http.StatusBadGateway)
	default:
		p.fail(p.name(in.Method, to), err)
		refuse(w, http.StatusBadGateway, to.Host+" gave no answer")
	}
}

// declined answers calls that do not go out.
type declined struct {
	status int
	reason string
}

// RoundTrip implements http.RoundTripper.
func (d declined) RoundTrip(req *http.Request) (*http.Response, error) {
	wire.CloseBody(req)
	body := specError(d.status, d.reason)
	return &http.Response{
		Status: http.StatusText(d.status), StatusCode: d.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// failedBody reports an answer whose body ended early. The run's own end says so by itself.
func (p *relay) failedBody(call string, err error) {
	if p.run.Err() == nil {
		p.fail(call, errors.New(strings.TrimPrefix(err.Error(), "httputil: ReverseProxy read error during body copy: ")))
	}
}

// newErrorLog returns the log of a server or a proxy of net/http: fail gets what it logs.
func newErrorLog(fail func(err error)) *log.Logger {
	return log.New(logWriter(func(text string) { fail(errors.New(cli.OneLine(text))) }), "", 0)
}

type logWriter func(text string)

// Write implements io.Writer.
func (w logWriter) Write(text []byte) (int, error) {
	w(string(text))
	return len(text), nil
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(specError(status, message)) // the client has gone, or reads it
}

// specError returns an error in the form of distribution-spec, "Error Codes".
func specError(status int, message string) []byte {
	code := "UNSUPPORTED"
	switch status {
	case http.StatusForbidden:
		code = "DENIED"
	case http.StatusBadGateway: // as CNCF distribution has it; the specification has no code for that
		code = "UNAVAILABLE"
	}
	type entry struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, _ := json.Marshal(map[string][]entry{"errors": {{code, message}}}) // strings always have JSON
	return body
}
