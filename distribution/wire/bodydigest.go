package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
)

// BodyDigest is the digest of a whole body. It is empty for a body that was not read to its end,
// for a token call, and for a body of more than 8 MiB that is not a blob.
type BodyDigest struct {
	Digest string // such as sha256:..., empty for none
	// FromVerification reports that the digest comes from the verification of a blob. Otherwise
	// Record has hashed the body.
	FromVerification bool
}

// maxHashed is the size in bytes up to which Record hashes a body. Documents are smaller; blobs are
// never hashed here.
const maxHashed = 8 << 20

type sentBlobKey struct{}

// WithSentBlob returns a context for a request whose body is a whole blob that verifies itself: the
// reader gets the last bytes only after they have matched the digest.
func WithSentBlob(ctx context.Context, digest string) context.Context {
	return context.WithValue(ctx, sentBlobKey{}, digest)
}

type receivedBlobKey struct{}

// receivedBlob is a blob that a response's body is, or is a part of.
type receivedBlob struct {
	digest     string
	onVerified func(report func(ok bool)) // nil if the outcome will not be known
}

// WithReceivedBlob returns a context for a request for a blob, or for a part of one. onVerified
// must call report once, when it is known whether the body was the blob with that digest. That may
// be before or after the body's end; Record reports the call after both. If it will not be known,
// onVerified is nil.
func WithReceivedBlob(ctx context.Context, digest string, onVerified func(report func(ok bool))) context.Context {
	return context.WithValue(ctx, receivedBlobKey{}, &receivedBlob{digest, onVerified})
}

func receivedBlobOf(ctx context.Context) *receivedBlob {
	b, _ := ctx.Value(receivedBlobKey{}).(*receivedBlob)
	return b
}

// digester computes a body's digest. A nil one does nothing.
type digester struct {
	known string    // the digest of a body that verifies itself, else empty
	hash  hash.Hash // nil when the digest is known
	any   bool      // the body may have any size
	size  int64     // of the body in bytes, -1 if unknown
	read  int64     // bytes so far
	done  bool
}

// sentDigester returns the digester of a request's body. There is none for a token call: its digest
// would help to guess a password.
func sentDigester(req *http.Request, row string) *digester {
	known, _ := req.Context().Value(sentBlobKey{}).(string)
	switch {
	case isTokenCall(req, row):
		return nil
	case known != "" && req.ContentLength > 0:
		return &digester{known: known, size: req.ContentLength}
	case row == "end-4b" || row == "end-5" || row == "end-6" || row == RowRedirect:
		return nil // a blob or a part of one
	}
	return newDigester(req.ContentLength)
}

// sentDigester returns the digester of a request's body.
func (r *Recorder) sentDigester(req *http.Request, row string) *digester {
	if r.HashBlobs && !isTokenCall(req, row) {
		return &digester{hash: sha256.New(), any: true, size: unknownIfZero(req.ContentLength)}
	}
	return sentDigester(req, row)
}

// receivedDigester returns the digester of a response's body.
func (r *Recorder) receivedDigester(req *http.Request, resp *http.Response, row string) *digester {
	if r.HashBlobs && !isTokenCall(req, row) {
		return &digester{hash: sha256.New(), any: true, size: resp.ContentLength}
	}
	return receivedDigester(req, resp, row)
}

// receivedDigester returns the digester of a response's body, nil for a blob or a part of one.
func receivedDigester(req *http.Request, resp *http.Response, row string) *digester {
	if isTokenCall(req, row) || isBlobContent(req, resp, row) {
		return nil
	}
	return newDigester(resp.ContentLength)
}

// isBlobContent reports whether a response's body is a blob or a part of one.
func isBlobContent(req *http.Request, resp *http.Response, row string) bool {
	content := resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent
	return content && !isTokenCall(req, row) && (row == "end-2" || receivedBlobOf(req.Context()) != nil)
}

// isTokenCall reports whether a request, or the one that was redirected to it, is for a token
// server.
func isTokenCall(req *http.Request, row string) bool {
	for row == RowRedirect && req.Response.Request != nil {
		req = req.Response.Request
		row = rowOf(req)
	}
	return row == RowToken
}

func newDigester(size int64) *digester {
	if size > maxHashed {
		return nil
	}
	return &digester{hash: sha256.New(), size: unknownIfZero(size)}
}

// unknownIfZero returns the size of a body that a Content-Length tells: in a request, 0 means unknown.
func unknownIfZero(size int64) int64 {
	if size == 0 {
		return -1
	}
	return size
}

// write takes the next bytes of the body and the error that its Read returned with them. It returns
// true once, when the body is complete and not empty.
func (d *digester) write(p []byte, err error) bool {
	if d == nil || d.done {
		return false
	}
	d.read += int64(len(p))
	if d.hash != nil {
		d.hash.Write(p)
		d.done = d.read > maxHashed && !d.any
	}
	if d.done || d.read != d.size && (err != io.EOF || d.size > 0) {
		return false
	}
	d.done = true
	return d.read > 0
}

func (d *digester) sum() BodyDigest {
	if d.hash == nil {
		return BodyDigest{Digest: d.known, FromVerification: true}
	}
	return BodyDigest{Digest: "sha256:" + hex.EncodeToString(d.hash.Sum(nil))}
}
