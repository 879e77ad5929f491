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

// HeadBlob returns the size in bytes of a blob (end-2: HEAD /v2/<name>/blobs/<digest>), -1 where the registry does not
// say. A registry that does not allow HEAD (405) is asked by GET, whose body is not read. A blob that is not there is an
// error that is fs.ErrNotExist.
func (c *Client) HeadBlob(ctx context.Context, repo string, d blob.Digest) (int64, error) {
	ctx = aboutBlob(ctx, d)
	resp, err := c.call(ctx, http.MethodHead, resourceAt(endpoint.Blob(repo, string(d)), auth.Pull), http.StatusOK)
	if err == nil {
		return resp.ContentLength, nil
	}
	if !hasStatus(err, http.StatusMethodNotAllowed) {
		return 0, err
	}
	body, size, err := c.GetBlob(ctx, repo, d, 0)
	if err != nil {
		return 0, err
	}
	return size, body.Close()
}

// GetBlob opens a blob at an offset in bytes (end-2: GET /v2/<name>/blobs/<digest>, with Range where offset is not 0).
// It returns the bytes from there and the whole blob's size, -1 where the registry does not say. Redirects to a storage
// host are followed; the bytes are not verified. Of a registry that ignores the range, the first Read drops what comes
// before the offset; one that answers with another range is an error. A blob that is not there is an error that is
// fs.ErrNotExist. The caller closes the reader.
func (c *Client) GetBlob(ctx context.Context, repo string, d blob.Digest, offset int64) (io.ReadCloser, int64, error) {
	resp, size, err := c.openBlob(ctx, repo, d, offset)
	if err != nil {
		return nil, 0, err
	}
	return resp.Body, size, nil
}

// openBlob is GetBlob; the answer's body are the bytes from the offset on.
func (c *Client) openBlob(ctx context.Context, repo string, d blob.Digest, offset int64) (*http.Response, int64, error) {
	ctx = receiving(aboutBlob(ctx, d), d)
	req, err := c.request(ctx, http.MethodGet, resourceAt(endpoint.Blob(repo, string(d)), auth.Pull), nil)
	if err != nil {
		return nil, 0, err
	}
	if offset == 0 {
		req.Header.Set("Accept-Encoding", identity)
		resp, err := c.do(req, http.StatusOK)
		if err != nil {
			return nil, 0, err
		}
		return resp, resp.ContentLength, nil
	}
	resp, err := c.do(ranged(req, fmt.Sprintf("bytes=%d-", offset)), http.StatusOK, http.StatusPartialContent)
	if err != nil {
		return nil, 0, err
	}
	size, err := continued(resp, offset)
	return resp, size, err
}

// continued makes sure that an answer to a range begins at the offset.
func continued(resp *http.Response, offset int64) (size int64, err error) {
	if resp.StatusCode == http.StatusOK {
		resp.Body = &skipping{ReadCloser: resp.Body, before: offset}
		return resp.ContentLength, nil
	}
	first, size, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if !ok || first != offset {
		resp.Body.Close()
		return 0, fmt.Errorf("%s: asked for bytes from %d, got Content-Range %q", resp.Request.URL.Host, offset,
			oneLine(auth.Redact(resp, resp.Header.Get("Content-Range"))))
	}
	return size, nil
}

// skipping is a body of which the bytes before an offset are not wanted. They are dropped while reading, so that a
// connection that breaks meanwhile is one more break of the same download.
type skipping struct {
	io.ReadCloser
	before int64 // bytes still to drop
}

// Read implements io.Reader.
func (s *skipping) Read(p []byte) (int, error) {
	if s.before > 0 {
		n, err := io.CopyN(io.Discard, s.ReadCloser, s.before)
		s.before -= n
		if err != nil {
			return 0, err
		}
	}
	return s.ReadCloser.Read(p)
}

// parseContentRange reads "bytes first-last/size" (RFC 9110, 14.4); size is -1 for "*".
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

// DeleteBlob removes a blob from a repository (end-10: DELETE /v2/<name>/blobs/<digest>). A registry that does not
// allow it answers 405, or 400.
func (c *Client) DeleteBlob(ctx context.Context, repo string, d blob.Digest) error {
	ctx = aboutBlob(ctx, d)
	_, err := c.call(ctx, http.MethodDelete, resourceAt(endpoint.Blob(repo, string(d)), auth.Pull, auth.Delete),
		http.StatusAccepted, http.StatusOK, http.StatusNoContent)
	return err
}
