package distribution

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/manifest"
)

// HeadManifest returns the descriptor of a manifest by tag or digest (end-3: HEAD
// /v2/<name>/manifests/<reference>). It sends a GET instead if the registry does not allow HEAD
// (405) or leaves out the digest, and after a 400, whose reason, such as a missing TLS client
// certificate, is in the body. A missing manifest is an error that is fs.ErrNotExist. The media
// type is not checked, and the digest not verified.
func (c *Client) HeadManifest(ctx context.Context, repo, ref string) (manifest.Descriptor, error) {
	req, err := c.manifestRequest(ctx, http.MethodHead, repo, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	resp, err := c.doDiscard(req, http.StatusOK)
	if err == nil {
		if d, ok := descriptorOf(resp, ref); ok {
			return d, nil
		}
	} else if !hasStatus(err, http.StatusMethodNotAllowed, http.StatusBadRequest) {
		return manifest.Descriptor{}, err
	}
	m, err := c.GetManifest(ctx, repo, ref)
	return m.Descriptor, err
}

// descriptorOf returns the descriptor in the headers of a response, false if they do not hold one.
// A manifest is never empty, and never a page: a length of 0 is that of the response.
func descriptorOf(resp *http.Response, ref string) (manifest.Descriptor, bool) {
	mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	d := blob.Digest(resp.Header.Get("Docker-Content-Digest"))
	if requested := blob.Digest(ref); requested.Validate() == nil {
		d = requested
	}
	if err != nil || d.Validate() != nil || resp.ContentLength <= 0 || mediaType == "text/html" {
		return manifest.Descriptor{}, false
	}
	return manifest.Descriptor{MediaType: mediaType, Digest: d, Size: resp.ContentLength}, true
}

// GetManifest fetches a manifest by tag or digest (end-3: GET /v2/<name>/manifests/<reference>),
// parses and checks it. If ref is a digest, another digest is a *[blob.MismatchError]; the
// registry's Docker-Content-Digest header is not relied on (distribution #3792, #3848), and OnWarning
// gets one that contradicts the bytes of a tag. A document
// that is not a manifest, or is larger than manifest.MaxSize, is a *[manifest.DocumentError]. A
// missing manifest is an error that is fs.ErrNotExist.
func (c *Client) GetManifest(ctx context.Context, repo, ref string) (manifest.Manifest, error) {
	req, err := c.manifestRequest(ctx, http.MethodGet, repo, ref)
	if err != nil {
		return manifest.Manifest{}, err
	}
	resp, raw, err := c.read(req, manifest.MaxSize)
	if err != nil {
		return manifest.Manifest{}, err
	}
	m, err := parseManifest(ref, resp.Header.Get("Content-Type"), raw)
	if err != nil {
		return manifest.Manifest{}, fmt.Errorf("%s: %w", c.imageName(repo, ref), err)
	}
	named := blob.Digest(resp.Header.Get("Docker-Content-Digest"))
	if named.Validate() == nil && blob.Digest(ref).Validate() != nil && !isDigestOf(named, m) {
		c.warnOnce(fmt.Sprintf("%s: the registry says that the manifest's digest is %s, but its bytes have %s",
			c.imageName(repo, ref), named, m.Digest))
	}
	return m, nil
}

// imageName is the name of a manifest in messages.
func (c *Client) imageName(repo, ref string) string {
	if blob.Digest(ref).Validate() == nil {
		return c.Host + "/" + repo + "@" + ref
	}
	return c.Host + "/" + repo + ":" + ref
}

// parseManifest parses a document that was requested by ref, and verifies it if ref is a digest.
func parseManifest(ref, contentType string, raw []byte) (manifest.Manifest, error) {
	requested := blob.Digest(ref)
	byDigest := requested.Validate() == nil
	if byDigest && len(raw) <= manifest.MaxSize {
		if err := blob.Verify(raw, requested, int64(len(raw))); err != nil {
			return manifest.Manifest{}, err
		}
	}
	m, err := manifest.Parse(contentType, raw)
	if err == nil && byDigest {
		m.Digest = requested
	}
	return m, err
}

func (c *Client) manifestRequest(ctx context.Context, method, repo, ref string) (*http.Request, error) {
	req, err := c.request(aboutManifest(ctx, ref), method, resourceAt(endpoint.Manifest(repo, ref), auth.Pull), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", strings.Join(manifest.Accept(), ", "))
	req.Header.Set("Accept-Encoding", identity)
	return req, nil
}

// PutResult is what a registry reports of a manifest that was put.
type PutResult struct {
	Subject bool     // it lists the manifest as a referrer of its subject (OCI-Subject header)
	Tags    []string // the further tags that it has set (OCI-Tag headers)
}

// PutManifest stores the bytes m.Raw under a tag or a digest (end-7a: PUT
// /v2/<name>/manifests/<reference>), and with a digest also under tags (end-7b: ?tag=; few
// registries do that, and Stored has the tags that were set). If the repository lacks content that
// the manifest needs, the error is an *[Error] that is ManifestBlobUnknown. Another success than a
// 201 that names the manifest is confirmed by a HEAD. If the registry has nothing there or other
// bytes, the error is a *[NotStoredError].
func (c *Client) PutManifest(
	ctx context.Context, repo, ref string, m manifest.Manifest, tags ...string,
) (PutResult, error) {
	at := resourceAt(endpoint.Manifest(repo, ref), auth.Pull, auth.Push)
	if len(tags) > 0 {
		at = at.with(url.Values{"tag": tags})
	}
	req, err := c.request(aboutManifest(ctx, string(m.Digest)), http.MethodPut, at, bytes.NewReader(m.Raw))
	if err != nil {
		return PutResult{}, err
	}
	req.Header.Set("Content-Type", m.MediaType)
	resp, err := c.doDiscard(req, successStatuses()...)
	if err != nil {
		return PutResult{}, err
	}
	if err := c.confirmManifest(ctx, resp, repo, ref, m); err != nil {
		return PutResult{}, err
	}
	return PutResult{Subject: resp.Header.Get("OCI-Subject") != "", Tags: listMembers(resp.Header.Values("OCI-Tag"))}, nil
}

// listMembers returns the members of a header that is a list (RFC 9110, section 5.6.1).
func listMembers(values []string) []string {
	var out []string
	for _, v := range values {
		for member := range strings.SplitSeq(v, ",") {
			if member = strings.TrimSpace(member); member != "" {
				out = append(out, member)
			}
		}
	}
	return out
}

// DeleteManifest removes a manifest by digest, or only a tag by its name (end-9: DELETE
// /v2/<name>/manifests/<reference>). Registries that do not allow it answer 400 or 405, and 404 if
// there is no such manifest. A referrer stays in the list under the referrers tag of its subject. A
// page of HTML that does not show the deletion is a *[NotDeletedError].
func (c *Client) DeleteManifest(ctx context.Context, repo, ref string) error {
	at := resourceAt(endpoint.Manifest(repo, ref), auth.Pull, auth.Delete)
	resp, err := c.call(aboutManifest(ctx, ref), http.MethodDelete, at,
		http.StatusAccepted, http.StatusOK, http.StatusNoContent)
	if err != nil {
		return err
	}
	return confirmDeleted(resp, func() error {
		_, err := c.HeadManifest(ctx, repo, ref)
		return err
	})
}
