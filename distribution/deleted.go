package distribution

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"

	"github.com/hczjl/transship/distribution/wire"
)

// NotDeletedError is a page of HTML that answers a DELETE with a success, of which a HEAD does not
// show that it was done. A proxy or a login page has answered in the registry's place.
type NotDeletedError struct {
	Method     string
	URL        string // of the call, with secrets in the query redacted
	StatusCode int    // 2xx
	Err        error  // of the HEAD; nil if the registry still has the content
}

// Error names the call, its response, and what the HEAD found.
func (e *NotDeletedError) Error() string {
	s := fmt.Sprintf("%s %s: %d %s with text/html", e.Method, e.URL, e.StatusCode, http.StatusText(e.StatusCode))
	if e.Err != nil {
		return fmt.Sprintf("%s, which does not show that it was deleted: %v", s, e.Err)
	}
	return s + ", but the registry still has it"
}

// Unwrap returns Err.
func (e *NotDeletedError) Unwrap() error { return e.Err }

// confirmDeleted returns an error if the response to a DELETE is a page of HTML, which no registry
// sends, and head finds the content or another page. Any other success counts without a call: the
// specification wants a 202, and says nothing about its body.
func confirmDeleted(resp *http.Response, head func() error) error {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mediaType != "text/html" {
		return nil
	}
	err := head()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return &NotDeletedError{resp.Request.Method, wire.Redact(resp.Request.URL), resp.StatusCode, err}
}
