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

// UploadSession is an open upload session. Each call on it returns the next Upload, with the
// Location to use from then on.
type UploadSession struct {
	Repository string   // the name of the blob's repository
	Location   *url.URL // the URL of the next call; its query is opaque
	Offset     int64    // bytes that the registry has
	MinChunk   int64    // smallest size in bytes of a chunk that is not the last (OCI-Chunk-Min-Length), 0 for any
}

// context says for a record which row a call to the session's location belongs to.
func (u UploadSession) context(ctx context.Context, row string) context.Context {
	return wire.WithRow(ctx, u.Location, row)
}

func (u UploadSession) scope() auth.Scope { return auth.Repository(u.Repository, auth.Pull, auth.Push) }

// uploadQuery returns the digest-algorithm parameter, which digests other than sha256 need
// (end-4c).
func uploadQuery(d blob.Digest) url.Values {
	if d.Algorithm() == blob.SHA256 {
		return url.Values{}
	}
	return url.Values{"digest-algorithm": {string(d.Algorithm())}}
}

// StartUpload opens an upload session for a blob (end-4a: POST /v2/<name>/blobs/uploads/; for
// digests other than sha256, end-4c with digest-algorithm). A Location that is missing or
// malformed, or that [wire.RedirectRules] does not allow, is an error.
func (c *Client) StartUpload(ctx context.Context, repo string, d blob.Digest) (UploadSession, error) {
	ctx = aboutBlob(ctx, d)
	at := resourceAt(endpoint.Uploads(repo), auth.Pull, auth.Push).with(uploadQuery(d))
	resp, err := c.call(ctx, http.MethodPost, at, http.StatusAccepted)
	if err != nil {
		return UploadSession{}, err
	}
	return c.newUpload(resp, repo)
}

// Mount asks the registry to mount a blob from another repository (end-11: POST
// /v2/<name>/blobs/uploads/?mount=<digest>&from=<other>). It returns true if the repository has the
// blob now; a response that says so without naming the blob is confirmed by a HEAD. If the registry
// could not mount it and opened an upload session instead, Mount returns false and the session. A
// refusal is an *[Error]: for an unknown other repository, Harbor answers 401 and Docker Hub 400. Without from, the registry may look for the blob in any repository; Quay
// refuses that.
func (c *Client) Mount(
	ctx context.Context, repo string, d blob.Digest, from string,
) (mounted bool, session UploadSession, err error) {
	ctx = aboutBlob(ctx, d)
	query := uploadQuery(d)
	query.Set("mount", string(d))
	if from != "" {
		query.Set("from", from)
	}
	at := resourceAt(endpoint.Uploads(repo), auth.Pull, auth.Push).with(query)
	at.scope = at.scope.Union(auth.Repository(from, auth.Pull))
	resp, err := c.call(ctx, http.MethodPost, at, http.StatusCreated, http.StatusAccepted)
	if err != nil {
		return false, UploadSession{}, err
	}
	return c.createdOrUpload(ctx, resp, repo, d, -1)
}

// createdOrUpload returns true if a response says that the blob is there (201) and that holds, else
// the session that it has opened. size is the blob's, -1 if unknown.
func (c *Client) createdOrUpload(
	ctx context.Context, resp *http.Response, repo string, d blob.Digest, size int64,
) (created bool, session UploadSession, err error) {
	if resp.StatusCode == http.StatusCreated {
		err := c.confirmBlob(ctx, resp, repo, d, size)
		return err == nil, UploadSession{}, err
	}
	session, err = c.newUpload(resp, repo)
	return false, session, err
}

// newUpload returns the session that a response has opened.
func (c *Client) newUpload(resp *http.Response, repo string) (UploadSession, error) {
	to, err := c.location(resp)
	if err != nil {
		return UploadSession{}, err
	}
	minChunk, err := strconv.ParseInt(resp.Header.Get("OCI-Chunk-Min-Length"), 10, 64)
	if err != nil || minChunk < 0 {
		minChunk = 0
	}
	return UploadSession{Repository: repo, Location: to, MinChunk: minChunk}, nil
}

// PostBlob uploads a blob in a single POST (end-4b: POST
// /v2/<name>/blobs/uploads/?digest=<digest>). Registries that do not support it answer 202: then
// PostBlob returns false and the session that they opened, and part of body may have been read.
func (c *Client) PostBlob(
	ctx context.Context, repo string, d blob.Digest, size int64, body io.Reader,
) (created bool, session UploadSession, err error) {
	ctx = aboutBlob(ctx, d)
	query := uploadQuery(d)
	query.Set("digest", string(d))
	at := resourceAt(endpoint.Uploads(repo), auth.Pull, auth.Push).with(query)
	req, err := c.request(ctx, http.MethodPost, at, nil)
	if err != nil {
		return false, UploadSession{}, err
	}
	setStream(req, size, body)
	resp, err := c.doDiscard(req, http.StatusCreated, http.StatusAccepted)
	if err != nil {
		return false, UploadSession{}, err
	}
	return c.createdOrUpload(ctx, resp, repo, d, size)
}

// FinishUpload closes a session with size bytes of body, the rest of the blob (end-6: PUT
// <location>?digest=<digest>): with the whole blob it is the monolithic upload, with size 0 it only
// closes the session after chunks. The body is read once. A registry that finds another digest
// answers 400 DIGEST_INVALID. Another success than a 201 that names the blob is confirmed by a HEAD;
// if the blob is not there, the error is a *[NotStoredError].
func (c *Client) FinishUpload(ctx context.Context, u UploadSession, d blob.Digest, size int64, body io.Reader) error {
	ctx = aboutBlob(ctx, d)
	req, err := c.requestTo(u.context(ctx, "end-6"), http.MethodPut, withDigest(u.Location, d), u.scope(), nil)
	if err != nil {
		return err
	}
	setStream(req, size, body)
	if u.Offset > 0 && size > 0 {
		req.Header.Set("Content-Range", contentRange(u.Offset, size))
	}
	resp, err := c.doDiscard(req, successStatuses()...)
	if err != nil {
		return err
	}
	return c.confirmBlob(ctx, resp, u.Repository, d, u.Offset+size)
}

// UploadChunk sends the next size bytes (end-5: PATCH <location>). The Offset of the returned
// Upload is how many bytes the registry says it has, which may be fewer than were sent. A chunk out
// of order is an *[Error] with status 416.
func (c *Client) UploadChunk(ctx context.Context, u UploadSession, size int64, body io.Reader) (UploadSession, error) {
	req, err := c.requestTo(u.context(ctx, "end-5"), http.MethodPatch, u.Location, u.scope(), nil)
	if err != nil {
		return u, err
	}
	setStream(req, size, body)
	req.Header.Set("Content-Range", contentRange(u.Offset, size))
	// ECR answers 201 (containers-roadmap #2831).
	resp, err := c.doDiscard(req, http.StatusAccepted, http.StatusCreated, http.StatusNoContent)
	if err != nil {
		return u, err
	}
	return c.nextUpload(resp, u, u.Offset+size)
}

// contentRange returns the Content-Range of a chunk: inclusive on both ends and, unlike HTTP's,
// without a unit (distribution-spec, "Pushing a blob in chunks").
func contentRange(offset, size int64) string { return fmt.Sprintf("%d-%d", offset, offset+size-1) }

// nextUpload returns the session after a chunk, with offset sent if the registry does not say
// another. After a blob's first byte its Range says nothing: 0-0 may mean one byte or none.
func (c *Client) nextUpload(resp *http.Response, u UploadSession, sent int64) (UploadSession, error) {
	if resp.Header.Get("Location") != "" {
		to, err := c.location(resp)
		if err != nil {
			return u, err
		}
		u.Location = to
	}
	u.Offset = sent
	if received, ok := parseRange(resp.Header.Get("Range")); ok && received < sent && sent > 1 {
		u.Offset = received
	}
	return u, nil
}

// UploadStatus returns the session with the Offset that the registry reports, 0 if it reports none
// (end-13: GET <location>). A session that does not exist is an error that is fs.ErrNotExist.
func (c *Client) UploadStatus(ctx context.Context, u UploadSession) (UploadSession, error) {
	req, err := c.requestTo(u.context(ctx, "end-13"), http.MethodGet, u.Location, u.scope(), nil)
	if err != nil {
		return u, err
	}
	resp, err := c.doDiscard(req, http.StatusNoContent, http.StatusOK, http.StatusAccepted)
	if err != nil {
		return u, err
	}
	u.Offset, _ = parseRange(resp.Header.Get("Range"))
	if resp.Header.Get("Location") == "" {
		return u, nil
	}
	u.Location, err = c.location(resp)
	return u, err
}

// CancelUpload cancels a session (end-14: DELETE <location>). One that does not exist is an error
// that is fs.ErrNotExist.
func (c *Client) CancelUpload(ctx context.Context, u UploadSession) error {
	req, err := c.requestTo(u.context(ctx, "end-14"), http.MethodDelete, u.Location, u.scope(), nil)
	if err != nil {
		return err
	}
	_, err = c.doDiscard(req, http.StatusNoContent, http.StatusAccepted, http.StatusOK)
	return err
}

// setStream sets a body of known length that can be read only once.
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

// parseRange parses the Range of an upload's response, "0-last" with or without "bytes=" before it,
// and returns how many bytes that is. "0-0" counts as none: registries send it for an empty session
// too.
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
