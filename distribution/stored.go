package distribution

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// NotStoredError is a successful response to a write whose content the registry does not have: it
// has nothing there, or another manifest. Often a proxy or a login page has answered in its place.
type NotStoredError struct {
	Method     string
	URL        string // of the call, with secrets in the query redacted
	StatusCode int    // 2xx
	MediaType  string // of the response's body, "" if there was none
	// Other is the difference if the registry has another manifest there, else nil.
	Other *blob.MismatchError
}

// Error names the call, its response, and what the registry has.
func (e *NotStoredError) Error() string {
	s := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.StatusCode, http.StatusText(e.StatusCode))
	if e.MediaType != "" {
		s += " with " + e.MediaType
	}
	if e.Other != nil {
		return fmt.Sprintf("%s, but the registry has %s there, not %s", s, e.Other.Got.Short(), e.Other.Want.Short())
	}
	return s + ", but the registry does not have it"
}

// successStatuses are the statuses of a write that is done: 201, and 200, 202 to 204 of registries
// that differ from the specification.
func successStatuses() []int {
	return []int{http.StatusCreated, http.StatusOK, http.StatusAccepted, http.StatusNonAuthoritativeInfo,
		http.StatusNoContent}
}

// namesContent reports whether a response is the specification's for stored content: 201, which
// names it by one of its references, digests or a tag, in Docker-Content-Digest or at the end of
// Location (distribution-spec, "Pushing Blobs", "Pushing Manifests").
func namesContent(resp *http.Response, references ...string) bool {
	if resp.StatusCode != http.StatusCreated {
		return false
	}
	location := resp.Header.Get("Location")
	if u, err := url.Parse(location); err == nil {
		location = u.Path
	}
	for _, ref := range references {
		if ref != "" && (resp.Header.Get("Docker-Content-Digest") == ref || strings.HasSuffix(location, "/"+ref)) {
			return true
		}
	}
	return false
}

// newNotStoredError returns the error of a response.
func newNotStoredError(resp *http.Response, other *blob.MismatchError) *NotStoredError {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return &NotStoredError{Method: resp.Request.Method, URL: wire.Redact(resp.Request.URL),
		StatusCode: resp.StatusCode, MediaType: mediaType, Other: other}
}

// confirmError says that a response did not show that content was stored, and that the question
// for the content failed too.
func confirmError(resp *http.Response, err error) error {
	return fmt.Errorf("%s %s: %d %s, which does not show that it was stored: %w", resp.Request.Method,
		wire.Redact(resp.Request.URL), resp.StatusCode, http.StatusText(resp.StatusCode), err)
}

// confirmBlob returns nil if a response to a write shows that the registry has the blob, or if it
// does not and a HEAD finds the blob. size is the blob's, -1 if unknown.
func (c *Client) confirmBlob(ctx context.Context, resp *http.Response, repo string, d blob.Digest, size int64) error {
	if namesContent(resp, string(d)) {
		return nil
	}
	found, err := c.HeadBlob(ctx, repo, d)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newNotStoredError(resp, nil)
	case err != nil:
		return confirmError(resp, err)
	case found < 0 || size >= 0 && found != size: // what tells no size, or another, may be any page
		return newNotStoredError(resp, nil)
	}
	return nil
}

// confirmManifest returns nil if a response to a PUT shows that the registry has the manifest, or
// if it does not and a HEAD finds the manifest under ref.
func (c *Client) confirmManifest(
	ctx context.Context, resp *http.Response, repo, ref string, m manifest.Manifest,
) error {
	stored := blob.Digest(resp.Header.Get("Docker-Content-Digest"))
	if stored.Validate() == nil && !isDigestOf(stored, m) {
		return newNotStoredError(resp,
			&blob.MismatchError{Want: m.Digest, Got: stored, WantSize: m.Size, GotSize: m.Size})
	}
	if namesContent(resp, ref, string(m.Digest), string(stored)) {
		return nil
	}
	found, err := c.HeadManifest(ctx, repo, ref)
	var page *manifest.DocumentError
	var other *blob.MismatchError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &page), errors.As(err, &other):
		return newNotStoredError(resp, nil)
	case err != nil:
		return confirmError(resp, err)
	case found.Size != m.Size || !isDigestOf(found.Digest, m):
		return newNotStoredError(resp,
			&blob.MismatchError{Want: m.Digest, Got: found.Digest, WantSize: m.Size, GotSize: found.Size})
	}
	return nil
}

// isDigestOf reports whether d, which must be valid, is a digest of m, of whatever algorithm.
func isDigestOf(d blob.Digest, m manifest.Manifest) bool { return d.Algorithm().Digest(m.Raw) == d }
