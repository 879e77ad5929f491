package registry

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"syscall"

	"github.com/hczjl/transship/blob"
)

// Codes of the distribution-spec, "Error Codes". The spec does not define codeUnknown.
const (
	codeBlobUnknown         = "BLOB_UNKNOWN"
	codeBlobUploadInvalid   = "BLOB_UPLOAD_INVALID"
	codeBlobUploadUnknown   = "BLOB_UPLOAD_UNKNOWN"
	codeDigestInvalid       = "DIGEST_INVALID"
	codeManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
	codeManifestInvalid     = "MANIFEST_INVALID"
	codeManifestUnknown     = "MANIFEST_UNKNOWN"
	codeNameInvalid         = "NAME_INVALID"
	codeNameUnknown         = "NAME_UNKNOWN"
	codeSizeInvalid         = "SIZE_INVALID"
	codeDenied              = "DENIED"
	codeUnsupported         = "UNSUPPORTED"
	codeTooManyRequests     = "TOOMANYREQUESTS"
	codeUnauthorized        = "UNAUTHORIZED"
	codeUnknown             = "UNKNOWN"
)

// apiError is an error response.
type apiError struct {
	status  int
	code    string
	message string
	details []any // the response has one error for each detail, or one error without a detail
	cause   error // for Handler.OnError; the client does not get it
}

func newError(status int, code, message string) *apiError {
	return &apiError{status: status, code: code, message: message}
}

func (e *apiError) withCause(err error) *apiError {
	e.cause = err
	return e
}

// Error returns the message and the cause.
func (e *apiError) Error() string {
	if e.cause != nil {
		return e.message + ": " + e.cause.Error()
	}
	return e.message
}

// Unwrap returns the cause or nil.
func (e *apiError) Unwrap() error { return e.cause }

// body returns the JSON body of the response.
func (e *apiError) body() []byte {
	type item struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Detail  any    `json:"detail,omitempty"`
	}
	items := []item{{Code: e.code, Message: e.message}}
	for i, detail := range e.details {
		if i > 0 {
			items = append(items, items[0])
		}
		items[i].Detail = detail
	}
	b, _ := json.Marshal(map[string][]item{"errors": items}) // strings and numbers always encode
	return append(b, '\n')
}

// asAPIError turns any error into a response. An error that no endpoint has given a code came from
// the store and is not the client's fault. A digest mismatch, for example, is damage on the disk.
func asAPIError(err error) *apiError {
	var known *apiError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errors.ErrUnsupported):
		return newError(http.StatusMethodNotAllowed, codeUnsupported, "this registry cannot be changed")
	case errors.Is(err, syscall.EDQUOT):
		return newError(http.StatusInsufficientStorage, codeUnknown, "the registry's quota is used up").withCause(err)
	case isFull(err):
		return newError(http.StatusInsufficientStorage, codeUnknown, "the registry's disk is full").withCause(err)
	case errors.Is(err, fs.ErrPermission):
		return newError(http.StatusForbidden, codeDenied, "the registry may not do that").withCause(err)
	}
	return newError(http.StatusInternalServerError, codeUnknown, "the registry failed").withCause(err)
}

// isFull reports whether a store failed because its disk or quota is full.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// asNotFound turns fs.ErrNotExist into a 404 response with that code.
func asNotFound(err error, code, message string) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return newError(http.StatusNotFound, code, message)
}

// asDigestInvalid turns a *blob.MismatchError into a 400 response.
func asDigestInvalid(err error) error {
	var mismatch *blob.MismatchError
	if errors.As(err, &mismatch) {
		return badRequest(codeDigestInvalid, err.Error())
	}
	return err
}

// bodyError turns an error from reading a request's body, which [http.MaxBytesReader] limits, into
// a response. maxSize is the size in bytes that the client is told, code the one for a truncated
// body.
func bodyError(err error, maxSize int64, code string) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge(maxSize)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return newError(http.StatusRequestTimeout, code, "the body stalled: nothing of it came for too long")
	}
	return badRequest(code, "the body broke off").withCause(err)
}

func parseDigest(s string) (blob.Digest, error) {
	d := blob.Digest(s)
	if err := d.Validate(); err != nil {
		return "", badRequest(codeDigestInvalid, err.Error())
	}
	return d, nil
}

func tooLarge(maxSize int64) *apiError {
	message := "this is larger than the " + strconv.FormatInt(maxSize, 10) + " bytes that are accepted"
	return newError(http.StatusRequestEntityTooLarge, codeSizeInvalid, message)
}

func badRequest(code, message string) *apiError {
	return newError(http.StatusBadRequest, code, message)
}

// quote quotes text from a request, cut to 80 bytes.
func quote(s string) string {
	const maxLength = 80
	if len(s) > maxLength {
		return strconv.Quote(s[:maxLength]) + "..."
	}
	return strconv.Quote(s)
}
