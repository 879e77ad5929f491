package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// answered is a response that no server has given.
func answered(req *http.Request, status int, length int64, body io.ReadCloser, header ...string) *http.Response {
	resp := &http.Response{
		Status:        strconv.Itoa(status) + " " + http.StatusText(status),
		StatusCode:    status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        make(http.Header),
		ContentLength: length,
		Body:          body,
		Request:       req,
	}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	if req.Method == http.MethodHead {
		resp.Body = http.NoBody
	}
	return resp
}

// errPlannedBlob is what reading a blob ends with that is not there yet.
var errPlannedBlob = errors.New("the blob is not there before the plan is carried out")

// errorBody is a body that cannot be read.
type errorBody struct{ err error }

// Read fails with err. Of an empty p it is not asked for any bytes, and does not fail.
func (b errorBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return 0, b.err
}

// Close has nothing to release.
func (errorBody) Close() error { return nil }

// laterBody makes the call that it is the body of when it is first read.
type laterBody struct {
	open func() (*http.Response, error)
	body io.ReadCloser
	err  error
}

// Read makes the call when there is none yet, and gives its body from then on. The error of a call that failed, or was not
// answered with 200, comes again with each Read.
func (b *laterBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.body == nil && b.err == nil {
		b.body, b.err = b.begin()
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.body.Read(p)
}

func (b *laterBody) begin() (io.ReadCloser, error) {
	resp, err := b.open()
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		discard(resp)
		return nil, fmt.Errorf("the blob's first byte was to be had, but all of it is answered with %d", resp.StatusCode)
	}
	return resp.Body, nil
}

// Close closes the call's body. Where no call was made none will be: Read then fails with http.ErrBodyReadAfterClose.
func (b *laterBody) Close() error {
	if b.body == nil {
		b.err = http.ErrBodyReadAfterClose
		return nil
	}
	return b.body.Close()
}
