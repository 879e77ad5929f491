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

// HeadManifest returns the descriptor of a manifest by tag or digest (end-3: HEAD /v2/<name>/manifests/<reference>). A
// registry that does not allow HEAD (405) or leaves out the digest is asked by GET, and so is one that answers 400: the
// reason, such as a TLS client certificate that is missing, comes in a body. A manifest that is not there is an error that
// is fs.ErrNotExist. The media type is what the registry says, which may be none of a manifest; the digest is not verified,
// since there is nothing to verify.
func (c *Client) HeadManifest(ctx context.Context, repo, ref string) (manifest.Descriptor, error) {
	req, err := c.manifestRequest(ctx, http.MethodHead, repo, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	resp, err := c.do(req, http.StatusOK)
	if err == nil {
		drain(resp)
		if d, ok := described(resp, ref); ok {
			return d, nil
		}
	} else if !hasStatus(err, http.StatusMethodNotAllowed, http.StatusBadRequest) {
		return manifest.Descriptor{}, err
	}
	m, err := c.GetManifest(ctx, repo, ref)
	return m.Descriptor, err
}

// described reads a descriptor from an answer's headers, false where they do not hold one. No manifest is empty: a length
// of 0 is that of the answer.
func described(resp *http.Response, ref string) (manifest.Descriptor, bool) {
	mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	d := blob.Digest(resp.Header.Get("Docker-Content-Digest"))
	if asked := blob.Digest(ref); asked.Validate() == nil {
		d = asked
	}
	if err != nil || d.Validate() != nil || resp.ContentLength <= 0 {
		return manifest.Descriptor{}, false
	}
	return manifest.Descriptor{MediaType: mediaType, Digest: d, Size: resp.ContentLength}, true
}

// GetManifest fetches a manifest by tag or digest (end-3: GET /v2/<name>/manifests/<reference>), parses and checks it. A
// digest that was asked for is verified, with a *[blob.MismatchError] where it is another; what the registry says of
// the digest in its headers is not relied on (distribution #3792, #3848). What is no manifest, or is larger than
// manifest.MaxSize, is a *[manifest.DocumentError]. A manifest that is not there is an error that is fs.ErrNotExist.
func (c *Client) GetManifest(ctx context.Context, repo, ref string) (manifest.Manifest, error) {
	req, err := c.manifestRequest(ctx, http.MethodGet, repo, ref)
	if err != nil {
		return manifest.Manifest{}, err
	}
	resp, raw, err := c.read(req, manifest.MaxSize)
	if err != nil {
		return manifest.Manifest{}, err
	}
	m, err := parseAs(ref, resp.Header.Get("Content-Type"), raw)
	if err != nil {
		return manifest.Manifest{}, fmt.Errorf("%s: %w", c.name(repo, ref), err)
	}
	return m, nil
}

// name is what messages call a manifest.
func (c *Client) name(repo, ref string) string {
	if blob.Digest(ref).Validate() == nil {
		return c.Host + "/" + repo + "@" + ref
	}
	return c.Host + "/" + repo + ":" + ref
}

// parseAs parses a document that was asked for by ref and verifies it where ref is a digest.
func parseAs(ref, contentType string, raw []byte) (manifest.Manifest, error) {
	asked := blob.Digest(ref)
	byDigest := asked.Validate() == nil
	if byDigest && len(raw) <= manifest.MaxSize {
		if err := blob.Verify(raw, asked, int64(len(raw))); err != nil {
			return manifest.Manifest{}, err
		}
	}
	m, err := manifest.Parse(contentType, raw)
	if err == nil && byDigest {
		m.Digest = asked
	}
	return m, err
}

func (c *Client) manifestRequest(ctx context.Context, method, repo, ref string) (*http.Request, error) {
	req, err := c.request(aboutManifest(ctx, ref), method, resourceAt(endpoint.Manifest(repo, ref), auth.Pull), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", strings.Join(manifest.Accept(), ", "))
	req.Header.Set("Accept-Encoding", "identity")
	return req, nil
}

// Stored is what a registry says of a manifest that it took.
type Stored struct {
	Subject bool     // it has noted the manifest as a referrer of its subject (OCI-Subject header)
	Tags    []string // the further tags that it says it has set (OCI-Tag headers)
}

// PutManifest stores a manifest under a tag or its digest (end-7a: PUT /v2/<name>/manifests/<reference>), and with a
// digest under further tags too (end-7b: ?tag=; few registries know that, and which tags it has set the answer says). The
// bytes go out as they are in m.Raw. One that needs what is not there yet is an *[Error] that is ManifestBlobUnknown; a
// registry that stored other bytes is a *[blob.MismatchError].
func (c *Client) PutManifest(ctx context.Context, repo, ref string, m manifest.Manifest, tags ...string) (Stored, error) {
	at := resourceAt(endpoint.Manifest(repo, ref), auth.Pull, auth.Push)
	if len(tags) > 0 {
		at = at.with(url.Values{"tag": tags})
	}
	req, err := c.request(aboutManifest(ctx, string(m.Digest)), http.MethodPut, at, bytes.NewReader(m.Raw))
	if err != nil {
		return Stored{}, err
	}
	req.Header.Set("Content-Type", m.MediaType)
	resp, err := c.do(req, http.StatusCreated, http.StatusOK, http.StatusNoContent, http.StatusAccepted)
	if err != nil {
		return Stored{}, err
	}
	drain(resp)
	said := blob.Digest(resp.Header.Get("Docker-Content-Digest"))
	if said.Validate() == nil && said.Algorithm() == m.Digest.Algorithm() && said != m.Digest {
		return Stored{}, fmt.Errorf("%s was stored under another digest: %w", c.name(repo, ref),
			&blob.MismatchError{Want: m.Digest, Got: said, WantSize: m.Size, GotSize: m.Size})
	}
	return Stored{Subject: resp.Header.Get("OCI-Subject") != "", Tags: listed(resp.Header.Values("OCI-Tag"))}, nil
}

// listed returns the members of a header that is a list (RFC 9110, 5.6.1).
func listed(values []string) []string {
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
// /v2/<name>/manifests/<reference>). Registries that cannot do that answer 400 or 405, and 404 where there is none. A
// referrer stays listed under the referrers tag of its subject, where there is one.
func (c *Client) DeleteManifest(ctx context.Context, repo, ref string) error {
	_, err := c.call(aboutManifest(ctx, ref), http.MethodDelete, resourceAt(endpoint.Manifest(repo, ref), auth.Pull, auth.Delete),
		http.StatusAccepted, http.StatusOK, http.StatusNoContent)
	return err
}
