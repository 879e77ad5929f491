package serve

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// requestLog prints a line for each request that was answered.
type requestLog struct {
	next  http.Handler
	print func(line string)
}

// ServeHTTP implements http.Handler.
func (l *requestLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	answer := &countedAnswer{ResponseWriter: w}
	body := &countedBody{ReadCloser: r.Body}
	r.Body = body
	l.next.ServeHTTP(answer, r)
	l.print(requestLine(r, answer, body.n, time.Since(start)))
}

// requestLine is a request for people, in the form that calls have in other commands.
func requestLine(r *http.Request, answer *countedAnswer, received int64, took time.Duration) string {
	line := fmt.Sprintf("%d %-6s %7.1fms %s", cmp.Or(answer.status, http.StatusOK), r.Method, float64(took.Microseconds())/1000, r.URL.RequestURI())
	if answer.n > 0 && r.Method != http.MethodHead {
		line += " sent " + cli.FormatBytes(answer.n)
	}
	if received > 0 {
		line += " received " + cli.FormatBytes(received)
	}
	line += " " + r.RemoteAddr
	if user, _, given := r.BasicAuth(); given {
		line += fmt.Sprintf(" user %q", user)
	}
	return cli.OneLine(line)
}

// countedAnswer counts the bytes of an answer's body.
type countedAnswer struct {
	http.ResponseWriter
	status int // 0 where the handler left it at 200
	n      int64
}

// WriteHeader implements http.ResponseWriter.
func (c *countedAnswer) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (c *countedAnswer) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom, by which the server sends a file without looking at its bytes.
func (c *countedAnswer) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.ResponseWriter, r)
	c.n += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *countedAnswer) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// countedBody counts the bytes of a request's body.
type countedBody struct {
	io.ReadCloser
	n int64
}

// Read implements io.Reader.
func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}
