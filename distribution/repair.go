package distribution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// LostBlobError is a blob that a registry has taken, and does not give out.
type LostBlobError struct {
	Repository string // host/name
	Digest     blob.Digest
	Err        error // the answer to the call that asked for it; nil if that was for another size
}

// Error names the blob and the registry's answer.
func (e *LostBlobError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s takes blob %s, and then has another size of it", e.Repository, e.Digest)
	}
	return fmt.Sprintf("%s takes blob %s, and then does not give it out: %v", e.Repository, e.Digest, e.Err)
}

// Unwrap returns the answer.
func (e *LostBlobError) Unwrap() error { return e.Err }

// RepairBlob makes sure that the repository can give a blob out. Unlike [Repository.PutBlob] it
// does not rely on a HEAD nor on a mount: a registry may know of a blob whose bytes its storage has
// lost (CNCF distribution with a cache of descriptors, or with garbage collected while it runs). It
// reads the first byte, and asks so again for what it has mounted or uploaded; a blob that is not
// there then is a *[LostBlobError]. Content that is there is not verified.
func (r *Repository) RepairBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string,
) (blob.Outcome, error) {
	ctx = aboutBlob(r.scoped(ctx), d.Digest)
	if size, err := r.Client.probeBlob(ctx, r.Name, d.Digest); err == nil && size == d.Size {
		return blob.Exists, nil
	}
	session, outcome, err := r.mountOrStart(ctx, d, from)
	if err == nil && outcome == blob.Mounted {
		if r.confirmRead(ctx, d) == nil {
			return outcome, nil
		}
		r.Client.rememberMountsUnreliable()
		session, err = r.Client.StartUpload(ctx, r.Name, d.Digest)
	}
	if err != nil {
		return 0, err
	}
	if err := r.upload(ctx, blob.NewStream(d.Digest, d.Size, open), session); err != nil {
		return 0, err
	}
	return blob.Uploaded, r.confirmUploaded(ctx, d)
}

// confirmUploaded is confirmRead, a few times: some registries need a moment for what they have
// just been given.
func (r *Repository) confirmUploaded(ctx context.Context, d manifest.Descriptor) error {
	var asked time.Duration
	for failures := 1; ; failures++ {
		err := r.confirmRead(ctx, d)
		if err == nil || failures == putAttempts {
			return err
		}
		if err := r.Client.wait(ctx, err, failures, &asked); err != nil {
			return err
		}
	}
}

// confirmRead returns nil if the registry gives out a blob, of that size if it tells one, and else
// a *LostBlobError.
func (r *Repository) confirmRead(ctx context.Context, d manifest.Descriptor) error {
	size, err := r.Client.probeBlob(ctx, r.Name, d.Digest)
	if err == nil && (size < 0 || size == d.Size) {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &LostBlobError{Repository: r.String(), Digest: d.Digest, Err: err}
}

// probeBlob reads the first byte of a blob (end-2: GET /v2/<name>/blobs/<digest> with Range:
// bytes=0-0) and returns the size of all of it in bytes, -1 if the response does not say. Of a
// registry that ignores the range it reads nothing.
func (c *Client) probeBlob(ctx context.Context, repo string, d blob.Digest) (int64, error) {
	ctx = wire.WithReceivedBlob(aboutBlob(ctx, d), string(d), nil)
	resp, err := c.requestBlob(ctx, repo, d, "bytes=0-0", http.StatusOK, http.StatusPartialContent)
	if hasStatus(err, http.StatusRequestedRangeNotSatisfiable) {
		return 0, nil // an empty blob has no first byte
	}
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return resp.ContentLength, nil
	}
	first, size, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if !ok || first != 0 {
		return 0, errors.New("the registry answers another range than asked for")
	}
	n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1))
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	return size, err
}
