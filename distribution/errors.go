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
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// ErrorCode is an error code of a registry. It is an error, so that errors.Is(err, BlobUnknown)
// works on an [*Error].
type ErrorCode string

// Error returns the code as in the specification.
func (c ErrorCode) Error() string { return string(c) }

// The codes of distribution-spec, "Error Codes" (code-1 to code-14), and UNKNOWN of CNCF
// distribution.
const (
	BlobUnknown         ErrorCode = "BLOB_UNKNOWN"
	BlobUploadInvalid   ErrorCode = "BLOB_UPLOAD_INVALID"
	BlobUploadUnknown   ErrorCode = "BLOB_UPLOAD_UNKNOWN"
	DigestInvalid       ErrorCode = "DIGEST_INVALID"
	ManifestBlobUnknown ErrorCode = "MANIFEST_BLOB_UNKNOWN"
	ManifestInvalid     ErrorCode = "MANIFEST_INVALID"
	ManifestUnknown     ErrorCode = "MANIFEST_UNKNOWN"
	NameInvalid         ErrorCode = "NAME_INVALID"
	NameUnknown         ErrorCode = "NAME_UNKNOWN"
	SizeInvalid         ErrorCode = "SIZE_INVALID"
	Unauthorized        ErrorCode = "UNAUTHORIZED"
	Denied              ErrorCode = "DENIED"
	Unsupported         ErrorCode = "UNSUPPORTED"
	TooManyRequests     ErrorCode = "TOOMANYREQUESTS"
	Unknown             ErrorCode = "UNKNOWN"
)

// ErrorDetail is one error in the body of a response.
type ErrorDetail struct {
	Code    ErrorCode       `json:"code"`
	Message string          `json:"message"`
	Detail  json.RawMessage `json:"detail,omitempty"`
}

// maxErrorBody is how many bytes are read of the body of an error response.
const maxErrorBody = 8 << 10

// Error is a response with a status that the call did not expect.
type Error struct {
	Method     string
	URL        string // with secrets in the query redacted
	StatusCode int
	Header     http.Header
	Errors     []ErrorDetail // from the body, if it is the specification's JSON
	Body       []byte        // its first 8 KiB, without the credentials of the request
	Auth       *auth.Error   // of a 401 or 403: which credentials were refused; nil if none were sent
	// Storage reports that not the registry answered but a storage that it redirects to, or has
	// uploads sent to. Such addresses are signed and expire.
	Storage bool
}

// Error returns the call, the status, and the message of the registry.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.StatusCode, http.StatusText(e.StatusCode))
	if message := e.message(); message != "" {
		s += ": " + message
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

// message returns the message in the body: that of the JSON errors, the Message of an object
// storage's XML, the title of a proxy's HTML unless it is only the status, or the first line of
// plain text.
func (e *Error) message() string {
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
		title := strings.TrimSpace(strings.TrimPrefix(element(text, "title"), fmt.Sprint(e.StatusCode)))
		return strings.TrimPrefix(title, http.StatusText(e.StatusCode))
	}
	if strings.HasPrefix(text, "{") {
		return "" // unknown JSON
	}
	return oneLine(text)
}

// element returns the text of the first element with a name in HTML or XML, "" if there is none.
func element(page, name string) string {
	_, rest, _ := strings.Cut(page, "<"+name+">")
	text, _, ended := strings.Cut(rest, "</"+name+">")
	if !ended {
		return ""
	}
	return oneLine(html.UnescapeString(text))
}

// oneLine returns the printable characters of the first line of a text, at most 200.
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

// Is makes errors.Is work on a [ErrorCode], on fs.ErrNotExist for 404, and on fs.ErrPermission for
// 401 and 403, unless a storage has refused an address: no account helps against that.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.StatusCode == http.StatusNotFound
	case fs.ErrPermission:
		return !e.isExpired() && (e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusForbidden)
	}
	for _, d := range e.Errors {
		if d.Code == target {
			return true
		}
	}
	return false
}

// isExpired reports whether a storage does not serve an address, or no longer does. One that asks
// for credentials wants an account.
func (e *Error) isExpired() bool {
	return e.Storage && e.StatusCode/100 == 4 && e.StatusCode != http.StatusTooManyRequests &&
		e.Header.Get("WWW-Authenticate") == ""
}

// isExpired reports whether err is a response that is; see [Error.isExpired].
func isExpired(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.isExpired()
}

// isStorage reports whether another host than the registry has answered, or the registry has at an
// address outside its API that it redirects to.
func (c *Client) isStorage(resp *http.Response) bool {
	req := resp.Request
	return req.URL.Host != c.Host || req.Response != nil && endpoint.Parse(req.URL.Path).Kind == endpoint.KindNone
}

// newError returns the error of a response. The caller closes the body.
func newError(resp *http.Response) *Error {
	e := &Error{StatusCode: resp.StatusCode, Header: resp.Header, Auth: auth.Refusal(resp)}
	if resp.Request != nil {
		e.Method, e.URL = resp.Request.Method, wire.Redact(resp.Request.URL)
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	e.Body = []byte(auth.Redact(resp, string(body)))
	var parsed struct{ Errors []ErrorDetail }
	if json.Unmarshal(body, &parsed) == nil {
		e.Errors = parsed.Errors
	}
	for i := range e.Errors {
		e.Errors[i].Message = auth.Redact(resp, e.Errors[i].Message)
		e.Errors[i].Detail = json.RawMessage(auth.Redact(resp, string(e.Errors[i].Detail)))
	}
	return e
}

// RequestError is a request without a response: the host was not reached, the connection broke, or
// TLS failed.
type RequestError struct {
	Method string
	URL    string // with secrets in the query redacted
	Err    error
}

// Error returns the call and the error, or only the error if that names the registry itself.
func (e *RequestError) Error() string {
	switch e.Err.(type) {
	case *auth.Error, *auth.CredentialsError,
		*wire.RetryAfterError, *wire.RedirectError, *wire.CertificateError, *wire.PlanError:
		return e.Err.Error()
	}
	if errors.Is(e.Err, net.ErrClosed) {
		// net/http closed it because the peer had, and its text does not say so.
		return fmt.Sprintf("%s %s: the connection was closed", e.Method, e.URL)
	}
	return fmt.Sprintf("%s %s: %v", e.Method, e.URL, e.Err)
}

// Unwrap returns the error of net/http, without its URL.
func (e *RequestError) Unwrap() error { return e.Err }

// newRequestError removes the URL, which may have secrets, from net/http's error.
func newRequestError(req *http.Request, err error) *RequestError {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &RequestError{Method: req.Method, URL: wire.Redact(req.URL), Err: wire.RedactError(err)}
}

// isAuthError reports whether a request was not sent because there was no token for it.
func isAuthError(err error) bool {
	var refused *auth.Error
	return errors.As(err, &refused)
}

// hasStatus reports whether err is a response with one of the statuses.
func hasStatus(err error, statuses ...int) bool {
	var e *Error
	return errors.As(err, &e) && slices.Contains(statuses, e.StatusCode)
}

// account names the account that was refused.
func account(e *auth.Error) string {
	if e.User == "" {
		return "as anonymous"
	}
	return fmt.Sprintf("as %s from %s", e.User, e.Source)
}
