package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
)

// BodyDigest is the digest of a whole body. There is none of a body that did
// not pass whole, of a token call, and of a body of more than 8 MiB that is no
// blob.
type BodyDigest struct {
	Digest string // such as sha256:..., empty for none
	// Stream says that it was taken over from the verification that a blob
	// passes anyway. Otherwise Record has hashed the body.
	Stream bool
}

// maxHashed bounds, in bytes, a body that Record hashes: documents are smaller,
// blobs are never hashed here.
const maxHashed = 8 << 20

type sentBlobKey struct{}

// WithSentBlob says that the body of a request made with the context is a blob,
// whole, and verifies itself: whoever reads it gets the last bytes only after
// they have matched the digest.
func WithSentBlob(ctx context.Context, digest string) context.Context {
	return context.WithValue(ctx, sentBlobKey{}, digest)
}

type receivedBlobKey struct{}

// receivedBlob is what a response's body is.
type receivedBlob struct {
	digest string
	then   func(func(right bool)) // nil when nobody will tell
}

// WithReceivedBlob says that the body that a request made with the context asks
// for is a blob, or a part of one. then calls what it is given, once, when it
// is known whether the body was the blob of that digest, which may be before
// or after the body's end. Nil says that it will not be known. Record reports
// the call after that.
func WithReceivedBlob(ctx context.Context, digest string, then func(func(right bool))) context.Context {
	return context.WithValue(ctx, receivedBlobKey{}, &receivedBlob{digest, then})
}

func receivedBlobOf(ctx context.Context) *receivedBlob {
	b, _ := ctx.Value(receivedBlobKey{}).(*receivedBlob)
	return b
}

// digester finds out a body's digest. A nil one does nothing.
type digester struct {
	known string    // the digest that the body verifies itself against, else empty
	hash  hash.Hash // nil when the digest is known
	size  int64     // of the body in bytes, -1 for unknown
	at    int64
	done  bool
}

// sentDigester is that of a request's body. Of a token call there is none: a
// password might be guessed by it.
func sentDigester(req *http.Request, row string) *digester {
	known, _ := req.Context().Value(sentBlobKey{}).(string)
	switch {
	case isTokenCall(req, row):
		return nil
	case known != "" && req.ContentLength > 0:
		return &digester{known: known, size: req.ContentLength}
	case row == "end-4b" || row == "end-5" || row == "end-6" || row == RowRedirect:
		return nil // all of a blob or a part of it
	}
	return newDigester(req.ContentLength)
}

// receivedDigester is that of a response's body, nil where it is all of a blob
// or a part of it.
func receivedDigester(req *http.Request, resp *http.Response, row string) *digester {
	content := resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent
	if isTokenCall(req, row) || content && (row == "end-2" || receivedBlobOf(req.Context()) != nil) {
		return nil
	}
	return newDigester(resp.ContentLength)
}

// isTokenCall tells whether a request, or the one that it was redirected from,
// is for a token server.
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
	if size == 0 { // of a request it means unknown
		size = -1
	}
	return &digester{hash: sha256.New(), size: size}
}

// write takes the next bytes of the body and what its Read returned with them.
// It returns true once, when the body is whole.
func (d *digester) write(p []byte, err error) bool {
	if d == nil || d.done {
		return false
	}
	d.at += int64(len(p))
	if d.hash != nil {
		d.hash.Write(p)
		d.done = d.at > maxHashed
	}
	if d.done || d.at != d.size && (err != io.EOF || d.size > 0) {
		return false
	}
	d.done = true
	return d.at > 0
}

func (d *digester) sum() BodyDigest {
	if d.hash == nil {
		return BodyDigest{Digest: d.known, Stream: true}
	}
	return BodyDigest{Digest: "sha256:" + hex.EncodeToString(d.hash.Sum(nil))}
}
