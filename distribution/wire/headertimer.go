package wire

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// closingRate is the rate in bytes per second at which a registry at least hashes and stores an
// upload when it is closed.
const closingRate = 8 << 20

// closedUpload is the upload that a call closes.
type closedUpload struct {
	size   int64
	onLate func(left time.Duration)
}

type closedUploadKey struct{}

// WithClosedUpload returns a context for the call that closes an upload of size bytes. A registry
// hashes and stores a blob before it answers, so [Timeout] waits for that answer longer than for
// others, by a second for each 8 MiB. onLate, which may be nil, is called on a goroutine of its own
// once the answer is later than that of other calls may be; left is how much longer it is waited for.
func WithClosedUpload(ctx context.Context, size int64, onLate func(left time.Duration)) context.Context {
	return context.WithValue(ctx, closedUploadKey{}, closedUpload{size, onLate})
}

// headerTimer ends a call whose header is late.
type headerTimer struct {
	wait   time.Duration
	late   *timeoutError
	upload closedUpload // the one that the call closes, if it does
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer // nil until the request has been sent
	expired bool
	stopped bool
}

func newHeaderTimer(wait time.Duration, req *http.Request, cancel context.CancelCauseFunc) *headerTimer {
	upload, _ := req.Context().Value(closedUploadKey{}).(closedUpload)
	total := wait + upload.extra()
	return &headerTimer{wait: wait, upload: upload, cancel: cancel, late: &timeoutError{
		text: fmt.Sprintf("%s: no answer within %s", req.URL.Host, total.Round(time.Millisecond)), unanswered: true,
	}}
}

// extra is how much longer than for another answer the one to the close of an upload is waited for.
func (u closedUpload) extra() time.Duration {
	return time.Duration(float64(u.size) / closingRate * float64(time.Second))
}

// start begins the wait. It may be called concurrently and more than once.
func (h *headerTimer) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer == nil && !h.stopped {
		h.timer = time.AfterFunc(h.wait, h.expire)
	}
}

// expire ends the call, unless it closes an upload and has more time.
func (h *headerTimer) expire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return
	}
	extra := h.upload.extra()
	if extra == 0 {
		h.expired = true
		h.cancel(h.late)
		return
	}
	if h.upload.onLate != nil {
		go h.upload.onLate(extra)
	}
	h.upload = closedUpload{}
	h.timer = time.AfterFunc(extra, h.expire)
}

// stop ends the wait, and reports whether that came before its end.
func (h *headerTimer) stop() (inTime bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	if h.timer != nil {
		h.timer.Stop()
	}
	return !h.expired
}
