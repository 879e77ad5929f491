package distribution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
)

// RangedBlob is a blob of a repository that is read by several ranges at a time. If the registry
// redirects to a storage host, later ranges go to that host at once, so that each costs one call.
// If the storage refuses, the registry is asked again: the addresses that it gives out are signed
// and expire. The methods may be called concurrently.
type RangedBlob struct {
	client     *Client
	repo       string
	digest     blob.Digest
	locateLock chan struct{} // full while one range asks the registry where the bytes are; others wait

	mu      sync.Mutex
	located bool
	storage *http.Request // the last hop of the redirect; nil if there was none
	ranges  int           // that were opened
	extra   int           // calls beyond one for each range
}

// RangedBlob returns a blob that can be read by ranges. It makes no call.
func (c *Client) RangedBlob(repo string, d blob.Digest) *RangedBlob {
	return &RangedBlob{client: c, repo: repo, digest: d, locateLock: make(chan struct{}, 1)}
}

// Open is [Client.GetBlob] of the blob, and remembers where its bytes are.
func (b *RangedBlob) Open(ctx context.Context, offset int64) (io.ReadCloser, int64, error) {
	resp, size, err := b.client.openBlob(ctx, b.repo, b.digest, offset)
	if err != nil {
		return nil, 0, err
	}
	b.setLocation(resp)
	return resp.Body, size, nil
}

// OpenRange opens a part of the blob (end-2: GET /v2/<name>/blobs/<digest> with Range:
// bytes=first-last, RFC 9110, section 14.2), over a connection of its own. Unlike Open it accepts
// only that range: if the registry ignores it, the error is errors.ErrUnsupported. costly reports
// that ranges take more than one call each, as with storage addresses that serve only once. The
// bytes are not verified. The caller closes the reader.
func (b *RangedBlob) OpenRange(ctx context.Context, r blob.Range) (body io.ReadCloser, costly bool, err error) {
	ctx = wire.WithReceivedBlob(aboutBlob(wire.WithRange(ctx, r.Connection), b.digest), string(b.digest), nil)
	resp, err := b.get(ctx, fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Size-1))
	if err != nil {
		return nil, false, err
	}
	first, _, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if resp.StatusCode == http.StatusOK || !ok || first != r.Offset || resp.ContentLength >= 0 && resp.ContentLength != r.Size {
		resp.Body.Close()
		return nil, false, fmt.Errorf("%s: requested %d bytes from %d, got Content-Range %q: %w", resp.Request.URL.Host,
			r.Size, r.Offset, oneLine(auth.Redact(resp, resp.Header.Get("Content-Range"))), errors.ErrUnsupported)
	}
	return resp.Body, b.isCostly(), nil
}

// get requests a range from the storage if that is known, else from the registry.
func (b *RangedBlob) get(ctx context.Context, bytes string) (*http.Response, error) {
	storage, unlock, err := b.locate(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if storage != nil {
		resp, err := b.getFromStorage(ctx, storage, bytes)
		if err == nil {
			return resp, nil
		}
		b.dropLocation(storage) // the registry may redirect the next range to a storage host that works
		if !isRefusedByStorage(err) {
			return nil, err
		}
	}
	return b.getFromRegistry(ctx, bytes)
}

// locate returns where the bytes are, nil for the registry. While that is not known, one range at a
// time gets nil and the others wait until it calls unlock.
func (b *RangedBlob) locate(ctx context.Context) (storage *http.Request, unlock func(), err error) {
	if storage, located := b.location(); located {
		return storage, func() {}, nil
	}
	select {
	case b.locateLock <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	unlock = func() { <-b.locateLock }
	if storage, located := b.location(); located {
		unlock()
		return storage, func() {}, nil
	}
	return nil, unlock, nil
}

func (b *RangedBlob) location() (storage *http.Request, located bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.storage, b.located
}

// getFromStorage repeats the last hop of a redirect. It follows no further redirect: the rules for
// redirects hold only on the way from the registry.
func (b *RangedBlob) getFromStorage(ctx context.Context, storage *http.Request, bytes string) (*http.Response, error) {
	req, err := b.client.requestTo(ctx, http.MethodGet, storage.URL, auth.Repository(b.repo, auth.Pull), nil)
	if err != nil {
		return nil, err
	}
	req.Response = storage.Response // for wire.Recorder and wire.Limiter it still is a hop of that redirect
	client := *b.client.http()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := b.client.doWith(&client, withRange(req, bytes), http.StatusOK, http.StatusPartialContent)
	if err == nil {
		b.count(1, 0)
	}
	return resp, err
}

func (b *RangedBlob) getFromRegistry(ctx context.Context, bytes string) (*http.Response, error) {
	resp, err := b.client.requestBlob(ctx, b.repo, b.digest, bytes, http.StatusOK, http.StatusPartialContent)
	if err != nil {
		return nil, err
	}
	b.count(1, hops(resp))
	b.setLocation(resp)
	return resp, nil
}

// withRange makes the request of a blob one for a range of it, unless that is empty.
func withRange(req *http.Request, bytes string) *http.Request {
	req.Header.Set("Accept-Encoding", identity)
	if bytes != "" {
		req.Header.Set("Range", bytes)
	}
	return req
}

// hops returns the number of redirects that led to a response.
func hops(resp *http.Response) int {
	n := 0
	for from := resp.Request.Response; from != nil && from.Request != nil; from = from.Request.Response {
		n++
	}
	return n
}

// isRefusedByStorage reports whether a storage host does not serve an address, or no longer does.
func isRefusedByStorage(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode != http.StatusTooManyRequests &&
		(e.StatusCode/100 == 3 || e.StatusCode/100 == 4)
}

// setLocation remembers where a response came from.
func (b *RangedBlob) setLocation(resp *http.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.located, b.storage = true, nil
	if resp.Request.Response != nil {
		b.storage = resp.Request
	}
}

// dropLocation forgets an address that failed.
func (b *RangedBlob) dropLocation(storage *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.extra++
	if b.storage == storage {
		b.located, b.storage = false, nil
	}
}

func (b *RangedBlob) count(ranges, extra int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ranges += ranges
	b.extra += extra
}

// isCostly reports whether ranges take more than one call each. It tolerates the calls that fail
// when an address expires while many ranges are under way.
func (b *RangedBlob) isCostly() bool {
	const tolerated = 8
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.extra > tolerated+b.ranges/2
}
