package registry

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"syscall"

	"github.com/hczjl/transship/blob"
)

// Codes of the distribution-spec, "Error Codes". The last stands for what the spec has no code for.
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

// apiError is an answer that says what is wrong.
type apiError struct {
	status  int
	code    string
	message string
	details []any // one error each in the answer; none is one error without a detail
	cause   error // not told to the client
}

// Error is the message of the answer, and after it the cause, which is for the registry's own log.
func (e *apiError) Error() string {
	if e.cause != nil {
		return e.message + ": " + e.cause.Error()
	}
	return e.message
}

// Unwrap returns the cause, nil where there is none.
func (e *apiError) Unwrap() error { return e.cause }

// body is the answer's JSON.
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

// asAPIError turns any error into an answer. What no endpoint has given a code is an error of the store, and none of the
// client's making: a digest that does not match, for one, is damage on the disk.
func asAPIError(err error) *apiError {
	var known *apiError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errors.ErrUnsupported):
		return &apiError{status: http.StatusMethodNotAllowed, code: codeUnsupported, message: "this registry cannot be changed"}
	case isFull(err):
		return &apiError{status: http.StatusInsufficientStorage, code: codeUnknown, message: "the registry's disk is full", cause: err}
	case errors.Is(err, fs.ErrPermission):
		return &apiError{status: http.StatusForbidden, code: codeDenied, message: "the registry may not do that", cause: err}
	}
	return &apiError{status: http.StatusInternalServerError, code: codeUnknown, message: "the registry failed", cause: err}
}

// isFull tells whether a store has no room left.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// orUnknown gives what is not there the endpoint's code.
func orUnknown(err error, code, message string) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &apiError{status: http.StatusNotFound, code: code, message: message}
}

// orMismatch tells the client that what it sent is not what it said.
func orMismatch(err error) error {
	var mismatch *blob.MismatchError
	if errors.As(err, &mismatch) {
		return badRequest(codeDigestInvalid, err.Error())
	}
	return err
}

// parseDigest reads a digest of a request.
func parseDigest(s string) (blob.Digest, error) {
	d := blob.Digest(s)
	if err := d.Validate(); err != nil {
		return "", badRequest(codeDigestInvalid, err.Error())
	}
	return d, nil
}

func tooLarge(limit int64) *apiError {
	message := "this is larger than the " + strconv.FormatInt(limit, 10) + " bytes that are accepted"
	return &apiError{status: http.StatusRequestEntityTooLarge, code: codeSizeInvalid, message: message}
}

func badRequest(code, message string) *apiError {
	return &apiError{status: http.StatusBadRequest, code: code, message: message}
}

// quote shows foreign text in a message, cut to a readable length.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
