package distribution

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/wire"
)

// Code is an error code of a registry. It is an error itself, so that errors.Is(err, BlobUnknown) works on an [*Error].
type Code string

// Error returns the code as the specification writes it.
func (c Code) Error() string { return string(c) }

// The codes of distribution-spec, "Error Codes" (code-1 to code-14), and UNKNOWN of docker's registry.
const (
	BlobUnknown         Code = "BLOB_UNKNOWN"
	BlobUploadInvalid   Code = "BLOB_UPLOAD_INVALID"
	BlobUploadUnknown   Code = "BLOB_UPLOAD_UNKNOWN"
	DigestInvalid       Code = "DIGEST_INVALID"
	ManifestBlobUnknown Code = "MANIFEST_BLOB_UNKNOWN"
	ManifestInvalid     Code = "MANIFEST_INVALID"
	ManifestUnknown     Code = "MANIFEST_UNKNOWN"
	NameInvalid         Code = "NAME_INVALID"
	NameUnknown         Code = "NAME_UNKNOWN"
	SizeInvalid         Code = "SIZE_INVALID"
	Unauthorized        Code = "UNAUTHORIZED"
	Denied              Code = "DENIED"
	Unsupported         Code = "UNSUPPORTED"
	TooManyRequests     Code = "TOOMANYREQUESTS"
	Unknown             Code = "UNKNOWN"
)

// Detail is one error of a registry's answer.
type Detail struct {
	Code    Code            `json:"code"`
	Message string          `json:"message"`
	Detail  json.RawMessage `json:"detail,omitempty"`
}

// maxErrorBody is how much of a failed answer is read, in bytes.
const maxErrorBody = 8 << 10

// Error is an answer of a registry with another status than the call expects.
type Error struct {
	Method     string
	URL        string // secrets in its query redacted
	StatusCode int
	Header     http.Header
	Errors     []Detail    // what the registry says, where it answered in the specification's JSON
	Body       []byte      // the answer's first 8 KiB, without the credentials that the call was made with
	Auth       *auth.Error // of a 401 or 403: which credentials were refused, nil when none took part
}

// Error names the call, the status, and what the registry said.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.StatusCode, http.StatusText(e.StatusCode))
	if said := e.said(); said != "" {
		s += ": " + said
	}
	if e.Auth != nil {
		s += fmt.Sprintf(" (%s)", account(e.Auth))
	}
	return s
}

// Unwrap returns Auth, so that errors.As finds it.
func (e *Error) Unwrap() error {
	if e.Auth == nil {
		return nil
	}
	return e.Auth
}

// said is the registry's own words: its error list, or the first line of a plain text, or the title of the page that a
// proxy answers with, where it is not just the status, or the message of an object storage's XML.
func (e *Error) said() string {
	var parts []string
	for _, d := range e.Errors {
		parts = append(parts, oneLine(string(d.Code)+" "+d.Message))
	}
	if len(parts) > 0 {
		return oneLine(strings.Join(parts, "; "))
	}
	text := strings.TrimSpace(string(e.Body))
	if strings.HasPrefix(text, "<") {
		if message := element(text, "Message"); message != "" {
			return message
		}
		said := strings.TrimSpace(strings.TrimPrefix(element(text, "title"), fmt.Sprint(e.StatusCode)))
		return strings.TrimPrefix(said, http.StatusText(e.StatusCode))
	}
	if strings.HasPrefix(text, "{") {
		return "" // unknown JSON says nothing to a person
	}
	return oneLine(text)
}

// element is the text of the first element of that name in HTML or XML, "" where there is none.
func element(page, name string) string {
	_, rest, _ := strings.Cut(page, "<"+name+">")
	text, _, ended := strings.Cut(rest, "</"+name+">")
	if !ended {
		return ""
	}
	return oneLine(html.UnescapeString(text))
}

// oneLine keeps the first line of a text, printable characters only, 200 at the most.
func oneLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "..."
	}
	return s
}

// Is makes errors.Is work on a [Code], on fs.ErrNotExist for 404, and on fs.ErrPermission for 401 and 403.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.StatusCode == http.StatusNotFound
	case fs.ErrPermission:
		return e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusForbidden
	}
	for _, d := range e.Errors {
		if d.Code == target {
			return true
		}
	}
	return false
}

// newError reads a failed answer. The caller closes the body.
func newError(resp *http.Response) *Error {
	e := &Error{StatusCode: resp.StatusCode, Header: resp.Header, Auth: auth.Refusal(resp)}
	if resp.Request != nil {
		e.Method, e.URL = resp.Request.Method, wire.Redact(resp.Request.URL)
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	e.Body = []byte(auth.Redact(resp, string(body)))
	var said struct{ Errors []Detail }
	if json.Unmarshal(body, &said) == nil {
		e.Errors = said.Errors
	}
	for i := range e.Errors {
		e.Errors[i].Message = auth.Redact(resp, e.Errors[i].Message)
		e.Errors[i].Detail = json.RawMessage(auth.Redact(resp, string(e.Errors[i].Detail)))
	}
	return e
}

// RequestError is a request that got no answer: the host was not reached, the connection broke, TLS failed.
type RequestError struct {
	Method string
	URL    string // secrets in its query redacted
	Err    error
}

// Error names the call and what went wrong. An error that says itself which registry it is about stands alone.
func (e *RequestError) Error() string {
	switch e.Err.(type) {
	case *auth.Error, *auth.CredentialsError, *wire.RetryAfterError, *wire.RedirectError, *wire.CertificateError, *wire.PlanError:
		return e.Err.Error()
	}
	if errors.Is(e.Err, net.ErrClosed) {
		// By net/http, which says nothing more, because the peer had.
		return fmt.Sprintf("%s %s: the connection was closed", e.Method, e.URL)
	}
	return fmt.Sprintf("%s %s: %v", e.Method, e.URL, e.Err)
}

// Unwrap returns the error of net/http, without the URL that it names.
func (e *RequestError) Unwrap() error { return e.Err }

// newRequestError takes the URL, which may hold secrets, out of net/http's error.
func newRequestError(req *http.Request, err error) *RequestError {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &RequestError{Method: req.Method, URL: wire.Redact(req.URL), Err: wire.RedactError(err)}
}

// isAuthError tells whether a request was not sent because no token was to be had for it.
func isAuthError(err error) bool {
	var refused *auth.Error
	return errors.As(err, &refused)
}

// hasStatus tells whether err is an answer with one of the statuses.
func hasStatus(err error, statuses ...int) bool {
	var e *Error
	return errors.As(err, &e) && slices.Contains(statuses, e.StatusCode)
}

// account says who was refused.
func account(e *auth.Error) string {
	if e.User == "" {
		return "as anonymous"
	}
	return fmt.Sprintf("as %s from %s", e.User, e.Source)
}
