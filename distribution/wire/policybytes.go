package wire

import (
	"io"
	"net/http"
	"sync"
)

// announcedBy is how long a request's body is said to be, 0 where that is not
// known.
func announcedBy(req *http.Request) int64 {
	if !hasBody(req) {
		return 0
	}
	return max(0, req.ContentLength)
}

// grant takes up to n bytes off what is left.
func (r *Rules) grant(n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = max(0, min(n, r.MaxBytes-r.bytes))
	r.bytes += n
	return n
}

// giveBack returns bytes that were granted and did not pass.
func (r *Rules) giveBack(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes -= n
}

// meterRequest returns req with its body held to MaxBytes.
func (r *Rules) meterRequest(req *http.Request) *http.Request {
	if r.MaxBytes == 0 || !hasBody(req) {
		return req
	}
	out := req.WithContext(req.Context())
	out.Body = r.meter(req, req.Body, announcedBy(req))
	if req.GetBody != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			return r.meter(req, body, 0), nil
		}
	}
	return out
}

// meterResponse returns resp with its body held to MaxBytes, or a refusal of
// one that is announced to be too long.
func (r *Rules) meterResponse(req *http.Request, resp *http.Response) (*http.Response, error) {
	if r.MaxBytes == 0 || resp.Body == nil || resp.Body == http.NoBody {
		return resp, nil
	}
	announced := max(0, resp.ContentLength)
	granted := r.grant(announced)
	if granted < announced {
		r.giveBack(granted)
		_ = resp.Body.Close()
		refusal := refusalOf(req, "max-bytes", "its answer has %d bytes, and %d of %d are left", announced, granted, r.MaxBytes)
		refusal.StatusCode = resp.StatusCode
		return nil, r.refused(refusal)
	}
	resp.Body = r.meter(req, resp.Body, granted)
	return resp, nil
}

func (r *Rules) meter(req *http.Request, body io.ReadCloser, granted int64) io.ReadCloser {
	return &meteredBody{ReadCloser: body, rules: r, request: req, granted: granted}
}

// meteredBody is a body that may not be longer than what is left.
type meteredBody struct {
	io.ReadCloser
	rules   *Rules
	request *http.Request

	mu      sync.Mutex // net/http may close a request's body while it is read
	granted int64      // bytes it may have without asking
}

// Read implements io.Reader.
func (b *meteredBody) Read(p []byte) (int, error) {
	room := b.reserve(int64(len(p)))
	if room == 0 && len(p) > 0 {
		return b.atLimit()
	}
	n, err := b.ReadCloser.Read(p[:room])
	b.keep(room - int64(n))
	return n, err
}

// reserve returns how many of n bytes may be read.
func (b *meteredBody) reserve(n int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.granted == 0 {
		b.granted = b.rules.grant(n)
	}
	n = min(n, b.granted)
	b.granted -= n
	return n
}

// keep takes back what was reserved and not read.
func (b *meteredBody) keep(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.granted += n
}

// atLimit cuts the body off, if it has not ended just here.
func (b *meteredBody) atLimit() (int, error) {
	var one [1]byte
	n, err := b.ReadCloser.Read(one[:])
	if n == 0 {
		return 0, err
	}
	return 0, b.rules.refused(refusalOf(b.request, "max-bytes", "its body was cut off, %d bytes being the most", b.rules.MaxBytes))
}

// Close gives back what was not used.
func (b *meteredBody) Close() error {
	b.mu.Lock()
	left := b.granted
	b.granted = 0
	b.mu.Unlock()
	b.rules.giveBack(left)
	return b.ReadCloser.Close()
}
