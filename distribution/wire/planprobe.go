package wire

import (
	"mime"
	"net/http"
	"net/url"

	"github.com/hczjl/transship/distribution/endpoint"
)

// probe sends a request that the run does not send.
func (l *planLayer) probe(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.probes++
	l.mu.Unlock()
	return l.send(req)
}

// send sends a request, and notes the challenge of a host that demands credentials for it.
func (l *planLayer) send(req *http.Request) (*http.Response, error) {
	resp, err := base(l.base).RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && req.Header.Get("Authorization") == "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		set(&l.challenges, req.URL.Host, resp.Header.Values("Www-Authenticate"))
	}
	return resp, err
}

// mustAuthorize reports whether the write req has no credentials and its host has refused a read
// without them.
func (p *Planner) mustAuthorize(req *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, refuses := p.challenges[req.URL.Host]
	return refuses && req.Header.Get("Authorization") == ""
}

// unauthorized answers req with the challenge of its host.
func (l *planLayer) unauthorized(req *http.Request) *http.Response {
	resp := l.accept(req, http.StatusUnauthorized)
	l.mu.Lock()
	defer l.mu.Unlock()
	resp.Header["Www-Authenticate"] = l.challenges[req.URL.Host]
	return resp
}

// newRead returns a request that reads a path on the registry of req, with the credentials of req.
func newRead(req *http.Request, method string, path endpoint.Path) *http.Request {
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

// probeResult is the outcome of a probe. If a response is set, it says nothing about the registry's
// content, but to repeat the request with credentials or later. It is then the response to the
// write that caused the probe: Retry and auth handle it.
type probeResult struct {
	found    bool
	size     int64 // of the blob, -1 if unknown
	response *http.Response
}

// mustRepeat reports whether resp only says to repeat the request, with credentials or later. It
// then becomes a response to req.
func mustRepeat(req *http.Request, resp *http.Response) bool {
	repeat := IsTransientStatus(resp.StatusCode) ||
		resp.StatusCode == http.StatusUnauthorized && req.Header.Get("Authorization") == ""
	if repeat {
		resp.Request = req
	}
	return repeat
}

// hasBlob finds out for the write req whether a repository has a blob. A refusal counts as no,
// since a repository that does not exist may look forbidden.
func (l *planLayer) hasBlob(req *http.Request, what content) (probeResult, error) {
	l.mu.Lock()
	size, known := l.blobSizes[what]
	l.mu.Unlock()
	if known {
		return probeResult{found: true, size: size}, nil
	}
	result, err := l.probeBlob(req, http.MethodHead, what)
	if err == nil && result.found {
		l.mu.Lock()
		set(&l.blobSizes, what, result.size)
		l.mu.Unlock()
	}
	return result, err
}

func (l *planLayer) probeBlob(req *http.Request, method string, what content) (probeResult, error) {
	resp, err := l.probe(newRead(req, method, endpoint.Blob(what.repository, what.reference)))
	if err != nil || mustRepeat(req, resp) {
		return probeResult{response: resp}, err
	}
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusMethodNotAllowed && method == http.MethodHead {
		return l.probeBlob(req, http.MethodGet, what)
	}
	return probeResult{found: blobExists(resp), size: blobSize(resp)}, nil
}

// hasReferrers finds out whether a registry has the referrers API (end-12a). Such a registry says
// so in its response to each manifest with a subject.
func (l *planLayer) hasReferrers(req *http.Request, repository, subject string) (probeResult, error) {
	l.mu.Lock()
	found, known := l.referrers[req.URL.Host]
	l.mu.Unlock()
	if known {
		return probeResult{found: found}, nil
	}
	const index = "application/vnd.oci.image.index.v1+json"
	ask := newRead(req, http.MethodGet, endpoint.Referrers(repository, subject))
	ask.Header.Set("Accept", index)
	resp, err := l.probe(ask)
	if err != nil || mustRepeat(req, resp) {
		return probeResult{response: resp}, err
	}
	Drain(resp)
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	found = resp.StatusCode == http.StatusOK && mediaType == index
	l.mu.Lock()
	defer l.mu.Unlock()
	set(&l.referrers, req.URL.Host, found)
	return probeResult{found: found}, nil
}
