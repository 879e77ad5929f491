package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// newResponse returns a response to req that no server has sent. header holds names and values in
// turns.
func newResponse(req *http.Request, status int, length int64, body io.ReadCloser, header ...string) *http.Response {
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

// errPlannedBlob is the error for reading a blob that is only planned.
var errPlannedBlob = errors.New("the blob does not exist until the plan is carried out")

// errorBody is a body that cannot be read.
type errorBody struct{ err error }

// Read fails with err, unless p is empty.
func (b errorBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return 0, b.err
}

// Close has nothing to release.
func (errorBody) Close() error { return nil }

// lazyBody is the body of a call that is made when the body is first read.
type lazyBody struct {
	open func() (*http.Response, error)
	body io.ReadCloser
	err  error
}

// Read makes the call first if it was not made, and then reads its body. If the call fails or its
// status is not 200, each Read returns that error.
func (b *lazyBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.body == nil && b.err == nil {
		b.body, b.err = b.call()
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.body.Read(p)
}

func (b *lazyBody) call() (io.ReadCloser, error) {
	resp, err := b.open()
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		Drain(resp)
		return nil, fmt.Errorf("the blob's first byte can be read, but the request for all of it got status %d",
			resp.StatusCode)
	}
	return resp.Body, nil
}

// Close closes the call's body. If no call was made, none will be: Read then fails with
// http.ErrBodyReadAfterClose.
func (b *lazyBody) Close() error {
	if b.body == nil {
		b.err = http.ErrBodyReadAfterClose
		return nil
	}
	return b.body.Close()
}
