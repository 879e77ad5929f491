package distribution

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
)

// identity is the only content coding that is accepted: what is hashed must be what travels (RFC
// 9110, section 12.5.3).
const identity = "identity"

// HeadBlob returns the size of a blob in bytes, -1 if the registry does not say (end-2: HEAD
// /v2/<name>/blobs/<digest>). If the registry does not allow HEAD (405), or redirects to a storage
// that does not, or if the response does not have the size, as that of a proxy's page, it sends a
// GET and does not read the body. A missing blob is an error that is fs.ErrNotExist.
func (c *Client) HeadBlob(ctx context.Context, repo string, d blob.Digest) (int64, error) {
	ctx = aboutBlob(ctx, d)
	resp, err := c.call(ctx, http.MethodHead, resourceAt(endpoint.Blob(repo, string(d)), auth.Pull), http.StatusOK)
	if err == nil && resp.ContentLength >= 0 {
		return resp.ContentLength, nil
	}
	if err != nil && !hasStatus(err, http.StatusMethodNotAllowed) && !isExpired(err) {
		return 0, err
	}
	body, size, err := c.GetBlob(ctx, repo, d, 0)
	if err != nil {
		return 0, err
	}
	return size, body.Close()
}

// GetBlob opens a blob at an offset in bytes (end-2: GET /v2/<name>/blobs/<digest>, with Range if
// offset is not 0). It returns the bytes from the offset on, which are not verified, and the size
// of the whole blob, -1 if the registry does not say. It follows redirects to a storage host, and
// asks the registry once more if the storage refuses its address, which may have expired. If the
// registry ignores the range, the first Read discards the bytes before the offset; another
// range than that requested is an error. A missing blob is an error that is fs.ErrNotExist. The
// caller closes the reader.
func (c *Client) GetBlob(ctx context.Context, repo string, d blob.Digest, offset int64) (io.ReadCloser, int64, error) {
	resp, size, err := c.openBlob(ctx, repo, d, offset)
	if err != nil {
		return nil, 0, err
	}
	return resp.Body, size, nil
}

// openBlob is GetBlob, but returns the response.
func (c *Client) openBlob(
	ctx context.Context, repo string, d blob.Digest, offset int64,
) (resp *http.Response, size int64, err error) {
	ctx = receiving(aboutBlob(ctx, d), d)
	if offset == 0 {
		resp, err = c.requestBlob(ctx, repo, d, "", http.StatusOK)
		if err != nil {
			return nil, 0, err
		}
		return resp, resp.ContentLength, nil
	}
	resp, err = c.requestBlob(ctx, repo, d, fmt.Sprintf("bytes=%d-", offset), http.StatusOK, http.StatusPartialContent)
	if err != nil {
		return nil, 0, err
	}
	size, err = startAt(resp, offset)
	return resp, size, err
}

// requestBlob sends the GET of a blob, with a Range unless that is empty. If a storage refuses the
// address that the registry has redirected to, the registry is asked for another one, once.
func (c *Client) requestBlob(
	ctx context.Context, repo string, d blob.Digest, bytes string, ok ...int,
) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		req, err := c.request(ctx, http.MethodGet, resourceAt(endpoint.Blob(repo, string(d)), auth.Pull), nil)
		if err != nil {
			return nil, err
		}
		resp, err := c.do(withRange(req, bytes), ok...)
		if attempt == 2 || !isExpired(err) {
			return resp, err
		}
	}
}

// startAt makes the body of a response start at the offset that was requested, and returns the size
// of the whole blob.
func startAt(resp *http.Response, offset int64) (size int64, err error) {
	if resp.StatusCode == http.StatusOK {
		resp.Body = &skippedBody{ReadCloser: resp.Body, left: offset}
		return resp.ContentLength, nil
	}
	first, size, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if !ok || first != offset {
		resp.Body.Close()
		return 0, fmt.Errorf("%s: requested bytes from %d, got Content-Range %q", resp.Request.URL.Host, offset,
			oneLine(auth.Redact(resp, resp.Header.Get("Content-Range"))))
	}
	return size, nil
}

// skippedBody discards the first bytes of a body. It does so in Read, so that a connection that
// breaks meanwhile counts as a break of the download.
type skippedBody struct {
	io.ReadCloser
	left int64 // bytes still to discard
}

// Read implements io.Reader.
func (s *skippedBody) Read(p []byte) (int, error) {
	if s.left > 0 {
		n, err := io.CopyN(io.Discard, s.ReadCloser, s.left)
		s.left -= n
		if err != nil {
			return 0, err
		}
	}
	return s.ReadCloser.Read(p)
}

// parseContentRange parses "bytes first-last/size" (RFC 9110, section 14.4); size is -1 for "*".
func parseContentRange(s string) (first, size int64, ok bool) {
	unit, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	span, total, cut := strings.Cut(rest, "/")
	from, to, dash := strings.Cut(span, "-")
	if !strings.EqualFold(unit, "bytes") || !cut || !dash {
		return 0, 0, false
	}
	first, err := strconv.ParseInt(strings.TrimSpace(from), 10, 64)
	last, err2 := strconv.ParseInt(strings.TrimSpace(to), 10, 64)
	if err != nil || err2 != nil || first < 0 || last < first {
		return 0, 0, false
	}
	if total == "*" {
		return first, -1, true
	}
	size, err = strconv.ParseInt(total, 10, 64)
	return first, size, err == nil && size > last
}

// DeleteBlob removes a blob from a repository (end-10: DELETE /v2/<name>/blobs/<digest>).
// Registries that do not allow it answer 405 or 400. A page of HTML that does not show the deletion
// is a *[NotDeletedError].
func (c *Client) DeleteBlob(ctx context.Context, repo string, d blob.Digest) error {
	ctx = aboutBlob(ctx, d)
	at := resourceAt(endpoint.Blob(repo, string(d)), auth.Pull, auth.Delete)
	resp, err := c.call(ctx, http.MethodDelete, at, http.StatusAccepted, http.StatusOK, http.StatusNoContent)
	if err != nil {
		return err
	}
	return confirmDeleted(resp, func() error {
		_, err := c.HeadBlob(ctx, repo, d)
		return err
	})
}
