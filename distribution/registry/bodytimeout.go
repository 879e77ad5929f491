package registry

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// BodyTimeout limits how long bodies may rest: clients that send or take nothing for that long lose
// their connection, or with HTTP/2 their stream. A request whose body rests gets 408. There is no
// limit on the whole of a transfer.
//
// It must be the outermost handler, so that it also bounds what the [http.Server] reads of a body
// that no handler has read.
type BodyTimeout struct {
	// Handler serves the requests.
	Handler http.Handler
	// Idle is how long a body may rest. Zero means no limit.
	Idle time.Duration
}

// ServeHTTP implements http.Handler.
func (b *BodyTimeout) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.Idle <= 0 {
		b.Handler.ServeHTTP(w, r)
		return
	}
	timed := &timedResponse{w, http.NewResponseController(w), b.Idle}
	timed.arm(0) // clears the deadline of the connection's last request
	// After the handler the server may wait for an unread body, and then sends what it has buffered.
	defer timed.arm(2 * b.Idle)
	if r.Body == nil || r.Body == http.NoBody { // the server reads ahead: a deadline would end its connection
		b.Handler.ServeHTTP(timed, r)
		return
	}
	body := &timedBody{ReadCloser: r.Body, control: timed.control, idle: b.Idle}
	defer body.end()
	r2 := *r
	r2.Body = body
	b.Handler.ServeHTTP(timed, &r2)
}

// timedBody is a request's body. A deadline holds only while it is read: one that passes in between
// would end an HTTP/2 stream while the handler works.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
	idle    time.Duration
	ended   bool // by io.EOF or another error
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(b.idle)) // fails only on writers that are no connection
	n, err := b.ReadCloser.Read(p)
	if !errors.Is(err, os.ErrDeadlineExceeded) { // otherwise the server would wait once more
		_ = b.control.SetReadDeadline(time.Time{})
	}
	b.ended = b.ended || err != nil
	return n, err
}

// end bounds what the server reads of the body when the handler has returned.
func (b *timedBody) end() {
	if !b.ended {
		_ = b.control.SetReadDeadline(time.Now().Add(b.idle))
	}
}

// timedResponse sets a deadline for each write.
type timedResponse struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
}

// Unwrap is for [http.ResponseController].
func (t *timedResponse) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// arm sets the deadline for writing; 0 clears it.
func (t *timedResponse) arm(in time.Duration) {
	var deadline time.Time
	if in > 0 {
		deadline = time.Now().Add(in)
	}
	_ = t.control.SetWriteDeadline(deadline) // fails only on writers that are no connection
}

// Write implements io.Writer.
func (t *timedResponse) Write(p []byte) (int, error) {
	t.arm(t.idle)
	defer t.arm(0)
	return t.ResponseWriter.Write(p)
}
