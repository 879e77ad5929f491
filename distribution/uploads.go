package distribution

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// Upload is an open upload session. Each call on it returns the next one, whose Location must be used from then on.
type Upload struct {
	Repository string   // the name of the repository that the blob goes to
	Location   *url.URL // where the next call goes, its query opaque
	Offset     int64    // bytes that the registry has
	MinChunk   int64    // least size in bytes of a chunk that is not the last (OCI-Chunk-Min-Length), 0 for any
}

// context says which row a call to the session's location belongs to.
func (u Upload) context(ctx context.Context, row string) context.Context {
	return wire.WithRow(ctx, u.Location, row)
}

func (u Upload) scope() auth.Scope { return auth.Repository(u.Repository, auth.Pull, auth.Push) }

// uploadQuery holds the digest-algorithm parameter, which only digests other than sha256 need (end-4c).
func uploadQuery(d blob.Digest) url.Values {
	if d.Algorithm() == blob.SHA256 {
		return url.Values{}
	}
	return url.Values{"digest-algorithm": {string(d.Algorithm())}}
}

// StartUpload opens an upload session for a blob (end-4a: POST /v2/<name>/blobs/uploads/, for digests other than sha256
// end-4c with digest-algorithm). A Location that is missing, malformed, or that [wire.Redirects] does not allow is an
// error.
func (c *Client) StartUpload(ctx context.Context, repo string, d blob.Digest) (Upload, error) {
	ctx = aboutBlob(ctx, d)
	at := resourceAt(endpoint.Uploads(repo), auth.Pull, auth.Push).with(uploadQuery(d))
	resp, err := c.post(ctx, at, http.StatusAccepted)
	if err != nil {
		return Upload{}, err
	}
	return c.opened(resp, repo)
}

// Mount asks the registry to take a blob over from another repository (end-11: POST
// /v2/<name>/blobs/uploads/?mount=<digest>&from=<other>). It returns true when the repository has the blob now. A registry
// that could not mount it opens an upload session instead, which is returned with false. One that refuses answers with
// an *[Error]; Harbor 401, Docker Hub 400 for an unknown other repository. Without from the registry may look for the blob
// where it likes; Quay refuses that.
func (c *Client) Mount(ctx context.Context, repo string, d blob.Digest, from string) (bool, Upload, error) {
	ctx = aboutBlob(ctx, d)
	query := uploadQuery(d)
	query.Set("mount", string(d))
	if from != "" {
		query.Set("from", from)
	}
	at := resourceAt(endpoint.Uploads(repo), auth.Pull, auth.Push).with(query)
	at.scope = at.scope.Union(auth.Repository(from, auth.Pull))
	resp, err := c.post(ctx, at, http.StatusCreated, http.StatusAccepted)
	if err != nil {
		return false, Upload{}, err
	}
	if resp.StatusCode == http.StatusCreated {
		return true, Upload{}, nil
	}
	upload, err := c.opened(resp, repo)
	return false, upload, err
}

// post sends an empty POST with the Content-Length: 0 that the specification asks for.
func (c *Client) post(ctx context.Context, at resource, ok ...int) (*http.Response, error) {
	return c.call(ctx, http.MethodPost, at, ok...)
}

// opened reads the answer that opened a session.
func (c *Client) opened(resp *http.Response, repo string) (Upload, error) {
	to, err := c.location(resp)
	if err != nil {
		return Upload{}, err
	}
	least, err := strconv.ParseInt(resp.Header.Get("OCI-Chunk-Min-Length"), 10, 64)
	if err != nil || least < 0 {
		least = 0
	}
	return Upload{Repository: repo, Location: to, MinChunk: least}, nil
}

// PostBlob uploads a blob in a single POST (end-4b: POST /v2/<name>/blobs/uploads/?digest=<digest>). Registries without
// it answer 202: then it returns false with the session that they opened, and body may have been read in part.
func (c *Client) PostBlob(ctx context.Context, repo string, d blob.Digest, size int64, body io.Reader) (bool, Upload, error) {
	ctx = aboutBlob(ctx, d)
	query := uploadQuery(d)
	query.Set("digest", string(d))
	at := resourceAt(endpoint.Uploads(repo), auth.Pull, auth.Push).with(query)
	req, err := c.request(ctx, http.MethodPost, at, nil)
	if err != nil {
		return false, Upload{}, err
	}
	setStream(req, size, body)
	resp, err := c.do(req, http.StatusCreated, http.StatusAccepted)
	if err != nil {
		return false, Upload{}, err
	}
	drain(resp)
	if resp.StatusCode == http.StatusCreated {
		return true, Upload{}, nil
	}
	upload, err := c.opened(resp, repo)
	return false, upload, err
}

// FinishUpload closes a session with size bytes of body, the rest of the blob (end-6: PUT <location>?digest=<digest>). A
// body that holds the whole blob makes it the monolithic upload; size 0 closes after chunks. The body is read once. A
// registry that finds another digest answers 400 DIGEST_INVALID.
func (c *Client) FinishUpload(ctx context.Context, u Upload, d blob.Digest, size int64, body io.Reader) error {
	ctx = aboutBlob(ctx, d)
	req, err := c.requestTo(u.context(ctx, "end-6"), http.MethodPut, withDigest(u.Location, d), u.scope(), nil)
	if err != nil {
		return err
	}
	setStream(req, size, body)
	if u.Offset > 0 && size > 0 {
		req.Header.Set("Content-Range", contentRange(u.Offset, size))
	}
	resp, err := c.do(req, http.StatusCreated, http.StatusNoContent, http.StatusOK)
	if err != nil {
		return err
	}
	drain(resp)
	return nil
}

// UploadChunk sends size bytes that follow those the registry has (end-5: PATCH <location>). The Offset of the returned
// session is what the registry says it has now, which may be less than was sent. A chunk out of order is an *[Error] of
// status 416.
func (c *Client) UploadChunk(ctx context.Context, u Upload, size int64, body io.Reader) (Upload, error) {
	req, err := c.requestTo(u.context(ctx, "end-5"), http.MethodPatch, u.Location, u.scope(), nil)
	if err != nil {
		return u, err
	}
	setStream(req, size, body)
	req.Header.Set("Content-Range", contentRange(u.Offset, size))
	// ECR answers 201 (containers-roadmap #2831).
	resp, err := c.do(req, http.StatusAccepted, http.StatusCreated, http.StatusNoContent)
	if err != nil {
		return u, err
	}
	drain(resp)
	return c.advanced(resp, u, u.Offset+size)
}

// contentRange is a chunk's place in its blob, inclusive on both ends and without a unit, unlike HTTP's (distribution-spec,
// "Pushing a blob in chunks").
func contentRange(offset, size int64) string { return fmt.Sprintf("%d-%d", offset, offset+size-1) }

// advanced returns the session after a chunk; sent is where it stands if the registry does not say. What it says after the
// first byte of all is no help: 0-0 may mean that byte or nothing.
func (c *Client) advanced(resp *http.Response, u Upload, sent int64) (Upload, error) {
	if resp.Header.Get("Location") != "" {
		to, err := c.location(resp)
		if err != nil {
			return u, err
		}
		u.Location = to
	}
	u.Offset = sent
	if have, ok := parseRange(resp.Header.Get("Range")); ok && have < sent && sent > 1 {
		u.Offset = have
	}
	return u, nil
}

// UploadStatus asks how much of a session's blob the registry has (end-13: GET <location>). Where the answer does not say,
// that is nothing. A session that is gone is an error that is fs.ErrNotExist.
func (c *Client) UploadStatus(ctx context.Context, u Upload) (Upload, error) {
	req, err := c.requestTo(u.context(ctx, "end-13"), http.MethodGet, u.Location, u.scope(), nil)
	if err != nil {
		return u, err
	}
	resp, err := c.do(req, http.StatusNoContent, http.StatusOK, http.StatusAccepted)
	if err != nil {
		return u, err
	}
	drain(resp)
	have, _ := parseRange(resp.Header.Get("Range"))
	u.Offset = have
	if resp.Header.Get("Location") == "" {
		return u, nil
	}
	u.Location, err = c.location(resp)
	return u, err
}

// CancelUpload gives up a session (end-14: DELETE <location>). One that is gone is an error that is fs.ErrNotExist.
func (c *Client) CancelUpload(ctx context.Context, u Upload) error {
	req, err := c.requestTo(u.context(ctx, "end-14"), http.MethodDelete, u.Location, u.scope(), nil)
	if err != nil {
		return err
	}
	resp, err := c.do(req, http.StatusNoContent, http.StatusAccepted, http.StatusOK)
	if err != nil {
		return err
	}
	drain(resp)
	return nil
}

// setStream gives a request a body of known length that can be read only once.
func setStream(req *http.Request, size int64, body io.Reader) {
	req.Header.Set("Content-Type", "application/octet-stream")
	if size == 0 || body == nil {
		req.Body = http.NoBody
		return
	}
	req.ContentLength = size
	if rc, ok := body.(io.ReadCloser); ok {
		req.Body = rc
		return
	}
	req.Body = io.NopCloser(body)
}

// parseRange reads the Range of an upload's answer, "0-last" with or without "bytes=" before it, and returns how many
// bytes that is. "0-0" is what registries say of an empty session too, so it counts as nothing.
func parseRange(s string) (int64, bool) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "bytes=")
	from, to, ok := strings.Cut(s, "-")
	if !ok || from != "0" {
		return 0, false
	}
	last, err := strconv.ParseInt(to, 10, 64)
	if err != nil || last < 0 || last == 1<<63-1 {
		return 0, false
	}
	if last == 0 {
		return 0, true
	}
	return last + 1, true
}
