package serve

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// requestLog is a handler that prints a line for each request once next has answered it.
type requestLog struct {
	next  http.Handler
	print func(line string)
}

// ServeHTTP implements http.Handler.
func (l *requestLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	response := &countedResponse{ResponseWriter: w}
	body := &countedBody{ReadCloser: r.Body}
	r.Body = body
	l.next.ServeHTTP(response, r)
	l.print(requestLine(r, response, body.n, time.Since(start)))
}

// requestLine describes a request in the form that calls have with -v in other commands.
func requestLine(r *http.Request, response *countedResponse, received int64, took time.Duration) string {
	line := fmt.Sprintf("%d %-6s %7.1fms %s", cmp.Or(response.status, http.StatusOK), r.Method,
		float64(took.Microseconds())/1000, r.URL.RequestURI())
	if response.n > 0 && r.Method != http.MethodHead {
		line += " sent " + cli.FormatBytes(response.n)
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

// countedResponse counts the bytes of a response's body.
type countedResponse struct {
	http.ResponseWriter
	status int // 0 if the handler has not set it: 200
	n      int64
}

// WriteHeader implements http.ResponseWriter.
func (c *countedResponse) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (c *countedResponse) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}

// Unwrap is for [http.ResponseController].
func (c *countedResponse) Unwrap() http.ResponseWriter { return c.ResponseWriter }

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
