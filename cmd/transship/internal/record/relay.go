package record

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
)

// relay passes calls of other programs on, as they are.
type relay struct {
	run     context.Context // it ends when a call was refused or could not be recorded
	command string
	send    http.RoundTripper
	fail    func(call string, err error) // is told of a call that had no answer

	known known
	small buffers
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
	switch {
	case p.run.Err() != nil:
		refuse(w, http.StatusForbidden, "the recorded run has ended")
		return
	case in.Header.Get("Upgrade") != "":
		p.fail(in.Method+" "+wire.Redact(to.url), errors.New("the client wants another protocol than HTTP, which cannot be recorded"))
		refuse(w, http.StatusNotImplemented, "transship record passes on HTTP alone")
		return
	}
	var proxy httputil.ReverseProxy
	proxy = httputil.ReverseProxy{
		Rewrite:      func(pr *httputil.ProxyRequest) { p.rewrite(pr, to) },
		Transport:    p.send,
		BufferPool:   &p.small,
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

// refusePreface answers a client that speaks HTTP/2 without TLS.
func (p *relay) refusePreface(w http.ResponseWriter) {
	p.fail("a client's connection", errors.New("HTTP/2 without TLS cannot be recorded"))
	refuse(w, http.StatusHTTPVersionNotSupported, "HTTP/2 needs TLS here")
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
		p.fail(in.Method+" "+wire.Redact(to), err)
		refuse(w, http.StatusBadGateway, to.Host+" gave no answer")
	}
}

// refuse answers with an error in the form of distribution-spec, "Error Codes".
func refuse(w http.ResponseWriter, status int, message string) {
	code := "UNSUPPORTED"
	switch status {
	case http.StatusForbidden:
		code = "DENIED"
	case http.StatusBadGateway: // as CNCF distribution has it; the specification has no code for that
		code = "UNAVAILABLE"
	}
	type specError struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, _ := json.Marshal(map[string][]specError{"errors": {{code, message}}}) // strings always have JSON
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone, or reads it
}
