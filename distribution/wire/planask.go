package wire

import (
	"mime"
	"net/http"
	"net/url"

	"github.com/hczjl/transship/distribution/endpoint"
)

// question makes a call that the run does not make.
func (l *planLayer) question(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.questions++
	l.mu.Unlock()
	return l.send(req)
}

// send makes a call, and notes when its host wants credentials for it.
func (l *planLayer) send(req *http.Request) (*http.Response, error) {
	resp, err := base(l.base).RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && req.Header.Get("Authorization") == "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		set(&l.refusals, req.URL.Host, resp.Header.Values("Www-Authenticate"))
	}
	return resp, err
}

// refuses reports whether a host that does not let itself be read without
// credentials is to be written to without them.
func (p *Plan) refuses(req *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, refuses := p.refusals[req.URL.Host]
	return refuses && req.Header.Get("Authorization") == ""
}

// refuse answers as that host would.
func (l *planLayer) refuse(req *http.Request) *http.Response {
	resp := l.take(req, http.StatusUnauthorized)
	l.mu.Lock()
	defer l.mu.Unlock()
	resp.Header["Www-Authenticate"] = l.refusals[req.URL.Host]
	return resp
}

// reading is a read of a path on the registry of req, with its credentials.
func reading(req *http.Request, method string, path endpoint.Path) *http.Request {
	out := req.WithContext(req.Context())
	out.Method, out.Body, out.GetBody, out.ContentLength = method, nil, nil, 0
	out.URL = &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: path.String()}
	out.Header = http.Header{"Accept-Encoding": {"identity"}}
	for _, name := range []string{"Authorization", "User-Agent"} {
		if values, ok := req.Header[name]; ok {
			out.Header[name] = values
		}
	}
	return out
}

// finding is the answer to a question. Where it is not about what was asked
// but about the client or the moment, it is the answer to the call that made
// the plan ask: Retry and auth know what to do about it.
type finding struct {
	yes    bool
	size   int64
	answer *http.Response
}

// unsettled reports whether an answer says nothing but to come again, with
// credentials or later. It becomes the answer to req then.
func unsettled(req *http.Request, resp *http.Response) bool {
	again := transientStatus(resp.StatusCode) ||
		resp.StatusCode == http.StatusUnauthorized && req.Header.Get("Authorization") == ""
	if again {
		resp.Request = req
	}
	return again
}

// hasBlob asks whether a repository has a blob, on behalf of the write req.
// Refusals count as no: a repository that is not there may look forbidden.
func (l *planLayer) hasBlob(req *http.Request, what content) (finding, error) {
	l.mu.Lock()
	size, known := l.there[what]
	l.mu.Unlock()
	if known {
		return finding{yes: true, size: size}, nil
	}
	found, err := l.askBlob(req, http.MethodHead, what)
	if err == nil && found.yes {
		l.mu.Lock()
		set(&l.there, what, found.size)
		l.mu.Unlock()
	}
	return found, err
}

func (l *planLayer) askBlob(req *http.Request, method string, what content) (finding, error) {
	resp, err := l.question(reading(req, method, endpoint.Blob(what.repository, what.reference)))
	if err != nil || unsettled(req, resp) {
		return finding{answer: resp}, err
	}
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusMethodNotAllowed && method == http.MethodHead {
		return l.askBlob(req, http.MethodGet, what)
	}
	return finding{yes: isThere(resp), size: sizeIn(resp)}, nil
}

// hasReferrers asks whether a registry has the referrers API (end-12a), which
// it says of itself in the answer to each manifest with a subject.
func (l *planLayer) hasReferrers(req *http.Request, repository, subject string) (finding, error) {
	l.mu.Lock()
	yes, known := l.referrers[req.URL.Host]
	l.mu.Unlock()
	if known {
		return finding{yes: yes}, nil
	}
	ask := reading(req, http.MethodGet, endpoint.Referrers(repository, subject))
	ask.Header.Set("Accept", "application/vnd.oci.image.index.v1+json")
	resp, err := l.question(ask)
	if err != nil || unsettled(req, resp) {
		return finding{answer: resp}, err
	}
	discard(resp)
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	yes = resp.StatusCode == http.StatusOK && mediaType == "application/vnd.oci.image.index.v1+json"
	l.mu.Lock()
	defer l.mu.Unlock()
	set(&l.referrers, req.URL.Host, yes)
	return finding{yes: yes}, nil
}
