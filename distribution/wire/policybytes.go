package wire

import (
	"io"
	"net/http"
	"sync"
)

// declaredLength returns the Content-Length of a request's body, 0 if it is unknown.
func declaredLength(req *http.Request) int64 {
	if !hasBody(req) {
		return 0
	}
	return max(0, req.ContentLength)
}

// reserve takes up to n bytes of what MaxBytes has left, and returns how many.
func (r *PolicyRules) reserve(n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = max(0, min(n, r.MaxBytes-r.bytes))
	r.bytes += n
	return n
}

// release returns reserved bytes that were not sent or received.
func (r *PolicyRules) release(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes -= n
}

// meterRequest returns req with its body bounded by MaxBytes. check has reserved its declared
// length.
func (r *PolicyRules) meterRequest(req *http.Request) *http.Request {
	if r.MaxBytes == 0 || !hasBody(req) {
		return req
	}
	out := wrapBody(req.Context(), req, func(body io.ReadCloser) io.ReadCloser { return r.meter(req, body, 0) })
	out.Body = r.meter(req, req.Body, declaredLength(req))
	return out
}

// meterResponse returns resp with its body bounded by MaxBytes, or a refusal if its declared length
// is too long.
func (r *PolicyRules) meterResponse(req *http.Request, resp *http.Response) (*http.Response, error) {
	if r.MaxBytes == 0 || !hasContent(resp) {
		return resp, nil
	}
	declared := max(0, resp.ContentLength)
	reserved := r.reserve(declared)
	if reserved < declared {
		r.release(reserved)
		_ = resp.Body.Close()
		refusal := newRefusal(req, "max-bytes", "its answer has %d bytes, and %d of %d are left",
			declared, reserved, r.MaxBytes)
		refusal.StatusCode = resp.StatusCode
		return nil, r.refuse(refusal)
	}
	resp.Body = r.meter(req, resp.Body, reserved)
	return resp, nil
}

func (r *PolicyRules) meter(req *http.Request, body io.ReadCloser, reserved int64) io.ReadCloser {
	return &meteredBody{ReadCloser: body, rules: r, request: req, reserved: reserved}
}

// meteredBody is a body bounded by MaxBytes.
type meteredBody struct {
	io.ReadCloser
	rules   *PolicyRules
	request *http.Request

	mu       sync.Mutex // net/http may close a request's body while it is read
	reserved int64      // bytes that may be read before more are reserved
}

// Read reads what can be reserved. A body that goes on after that fails with a *PolicyError.
func (b *meteredBody) Read(p []byte) (int, error) {
	n := b.take(int64(len(p)))
	if n == 0 && len(p) > 0 {
		return b.readEnd()
	}
	read, err := b.ReadCloser.Read(p[:n])
	b.putBack(n - int64(read))
	return read, err
}

// take returns how many of n bytes may be read.
func (b *meteredBody) take(n int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reserved == 0 {
		b.reserved = b.rules.reserve(n)
	}
	n = min(n, b.reserved)
	b.reserved -= n
	return n
}

// putBack returns bytes that were taken and not read.
func (b *meteredBody) putBack(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reserved += n
}

// readEnd reads a body that may not have more bytes, and refuses one that has.
func (b *meteredBody) readEnd() (int, error) {
	var one [1]byte
	n, err := b.ReadCloser.Read(one[:])
	if n == 0 {
		return 0, err
	}
	return 0, b.rules.refuse(newRefusal(b.request, "max-bytes",
		"its body was cut off at the bound of %d bytes", b.rules.MaxBytes))
}

// Close releases the bytes that were reserved and not read.
func (b *meteredBody) Close() error {
	b.mu.Lock()
	left := b.reserved
	b.reserved = 0
	b.mu.Unlock()
	b.rules.release(left)
	return b.ReadCloser.Close()
}
