package registry

import (
	"io"
	"net/http"
)

// faultyWriter applies a rule to a response.
type faultyWriter struct {
	http.ResponseWriter
	request     *http.Request
	rule        *activeRule
	left        int64 // bytes of the body until the cut
	wroteHeader bool
	corrupted   bool
}

// Unwrap lets http.ResponseController reach the connection.
func (w *faultyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *faultyWriter) WriteHeader(status int) {
	if w.wroteHeader {
		return
	}
	w.wroteHeader = true
	header := w.Header()
	for name, value := range w.rule.Header {
		header.Set(name, value)
	}
	if w.rule.Edit != nil {
		w.rule.Edit(header)
	}
	if w.rule.Cut == CutSilently {
		header.Del("Content-Length")
	}
	if w.rule.Cut != CutResponse || w.rule.After > 0 {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write implements io.Writer.
func (w *faultyWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	out := w.corrupt(p)
	if w.rule.Pause > 0 && w.request.Method != http.MethodHead {
		return w.writeSlowly(out)
	}
	if w.rule.Cut == CutNone {
		return w.ResponseWriter.Write(out)
	}
	out = out[:min(int64(len(out)), w.left)]
	w.left -= int64(len(out))
	if len(out) > 0 {
		if n, err := w.ResponseWriter.Write(out); err != nil {
			return n, err
		}
	}
	if w.left == 0 && w.rule.Cut == CutResponse {
		w.end()
	}
	return len(p), nil
}

// writeSlowly sends each byte after a pause, until the client is gone.
func (w *faultyWriter) writeSlowly(p []byte) (int, error) {
	for i := range p {
		_ = http.NewResponseController(w.ResponseWriter).Flush() // Write returns the error
		wait(w.request, w.rule.Pause)
		if _, err := w.ResponseWriter.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// corrupt returns p, with the first byte changed if it is the first of the body and the rule says
// so.
func (w *faultyWriter) corrupt(p []byte) []byte {
	if !w.rule.Corrupt || w.corrupted || len(p) == 0 {
		return p
	}
	w.corrupted = true
	return append([]byte{^p[0]}, p[1:]...)
}

// end ends the response, and the connection if the rule says so.
func (w *faultyWriter) end() {
	w.WriteHeader(http.StatusOK)
	if w.rule.Cut != CutResponse {
		return
	}
	if w.rule.After > 0 {
		_ = http.NewResponseController(w.ResponseWriter).Flush() // else the client would get nothing
	}
	panic(http.ErrAbortHandler)
}

// truncatedBody fails after left bytes.
type truncatedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *truncatedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// discardWriter drops a response.
type discardWriter struct{ header http.Header }

// Header implements http.ResponseWriter.
func (w *discardWriter) Header() http.Header { return w.header }

// Write implements http.ResponseWriter.
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (w *discardWriter) WriteHeader(int) {}
