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
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// RangedBlob is a blob of a repository that is read by ranges, side by side. Where the registry redirects to a storage host,
// it asks that host from then on, so that a range costs one call there too, and asks the registry again when the storage
// refuses: its addresses are signed for a while. Its methods may be used concurrently.
type RangedBlob struct {
	client *Client
	repo   string
	digest blob.Digest
	asking chan struct{} // full while a range asks the registry and others wait to learn where the bytes are

	mu     sync.Mutex
	known  bool
	moved  *http.Request // the last hop of a redirect; nil if there is none
	ranges int           // that have come
	extra  int           // calls beyond one for each
}

// RangedBlob returns a blob that can be read by ranges. It makes no call.
func (c *Client) RangedBlob(repo string, d blob.Digest) *RangedBlob {
	return &RangedBlob{client: c, repo: repo, digest: d, asking: make(chan struct{}, 1)}
}

// Open is [Client.GetBlob] of the blob, and learns where its bytes are.
func (b *RangedBlob) Open(ctx context.Context, offset int64) (io.ReadCloser, int64, error) {
	resp, size, err := b.client.openBlob(ctx, b.repo, b.digest, offset)
	if err != nil {
		return nil, 0, err
	}
	b.learn(resp)
	return resp.Body, size, nil
}

// OpenRange opens n bytes from an offset on (end-2: GET /v2/<name>/blobs/<digest> with Range: bytes=first-last, RFC 9110,
// 14.2), over a connection that nothing else shares. Unlike Open it takes no answer but that range: a registry that
// ignores it is an errors.ErrUnsupported. costly says that it takes more calls than one for each range, as where an address
// of the storage serves once only. The bytes are not verified. The caller closes the reader.
func (b *RangedBlob) OpenRange(ctx context.Context, offset, n int64) (body io.ReadCloser, costly bool, err error) {
	ctx = wire.WithReceivedBlob(aboutBlob(wire.WithLargeBody(ctx), b.digest), string(b.digest), nil)
	resp, err := b.ask(ctx, fmt.Sprintf("bytes=%d-%d", offset, offset+n-1))
	if err != nil {
		return nil, false, err
	}
	first, _, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if resp.StatusCode == http.StatusOK || !ok || first != offset || resp.ContentLength >= 0 && resp.ContentLength != n {
		resp.Body.Close()
		return nil, false, fmt.Errorf("%s: asked for %d bytes from %d, got Content-Range %q: %w", resp.Request.URL.Host, n, offset,
			oneLine(auth.Redact(resp, resp.Header.Get("Content-Range"))), errors.ErrUnsupported)
	}
	return resp.Body, b.isCostly(), nil
}

// ask sends for a range to where the bytes are known to be, else to the registry.
func (b *RangedBlob) ask(ctx context.Context, span string) (*http.Response, error) {
	moved, done, err := b.place(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if moved != nil {
		resp, err := b.askStorage(ctx, moved, span)
		if err == nil {
			return resp, nil
		}
		b.forget(moved) // whoever asks next is told by the registry, which may know a storage host that works
		if !isWithdrawn(err) {
			return nil, err
		}
	}
	return b.askRegistry(ctx, span)
}

// place returns where the bytes are, nil for the registry. While that is not known, one range at a time gets nil and says
// done when it knows, and the others wait.
func (b *RangedBlob) place(ctx context.Context) (moved *http.Request, done func(), err error) {
	if moved, known := b.where(); known {
		return moved, func() {}, nil
	}
	select {
	case b.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	done = func() { <-b.asking }
	if moved, known := b.where(); known {
		done()
		return moved, func() {}, nil
	}
	return nil, done, nil
}

func (b *RangedBlob) where() (moved *http.Request, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.moved, b.known
}

// askStorage repeats the last hop of a redirect. That leads nowhere else: only who comes from the registry may be redirected.
func (b *RangedBlob) askStorage(ctx context.Context, moved *http.Request, span string) (*http.Response, error) {
	req, err := b.client.requestTo(ctx, http.MethodGet, moved.URL, auth.Repository(b.repo, auth.Pull), nil)
	if err != nil {
		return nil, err
	}
	req.Response = moved.Response // it is a hop of that redirect still, for whoever records or checks calls
	client := *b.client.http()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := b.client.doBy(&client, ranged(req, span), http.StatusOK, http.StatusPartialContent)
	if err == nil {
		b.count(1, 0)
	}
	return resp, err
}

func (b *RangedBlob) askRegistry(ctx context.Context, span string) (*http.Response, error) {
	req, err := b.client.request(ctx, http.MethodGet, resourceAt(endpoint.Blob(b.repo, string(b.digest)), auth.Pull), nil)
	if err != nil {
		return nil, err
	}
	resp, err := b.client.do(ranged(req, span), http.StatusOK, http.StatusPartialContent)
	if err != nil {
		return nil, err
	}
	b.count(1, hops(resp))
	b.learn(resp)
	return resp, nil
}

// identity is the only coding that a blob may come in: what is hashed must be what travels (RFC 9110, 12.5.3).
const identity = "identity"

// ranged makes a request for a blob one for a range of it.
func ranged(req *http.Request, span string) *http.Request {
	req.Header.Set("Accept-Encoding", identity)
	req.Header.Set("Range", span)
	return req
}

// hops is how many redirects led to an answer.
func hops(resp *http.Response) int {
	n := 0
	for from := resp.Request.Response; from != nil && from.Request != nil; from = from.Request.Response {
		n++
	}
	return n
}

// isWithdrawn tells whether a storage host does not serve an address, or not any more.
func isWithdrawn(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.StatusCode/100 == 3 || e.StatusCode/100 == 4) && e.StatusCode != http.StatusTooManyRequests
}

// learn notes where an answer came from.
func (b *RangedBlob) learn(resp *http.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known, b.moved = true, nil
	if resp.Request.Response != nil {
		b.moved = resp.Request
	}
}

// forget drops an address that did not serve.
func (b *RangedBlob) forget(moved *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.extra++
	if b.moved == moved {
		b.known, b.moved = false, nil
	}
}

func (b *RangedBlob) count(ranges, extra int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ranges += ranges
	b.extra += extra
}

// isCostly bears with the calls that it takes when an address ends while many ranges are under way.
func (b *RangedBlob) isCostly() bool {
	const some = 8
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.extra > some+b.ranges/2
}
