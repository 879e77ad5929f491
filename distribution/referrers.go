package distribution

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/manifest"
)

// ReferrersTag returns the tag of the index that lists a manifest's referrers in a registry without
// the referrers API (distribution-spec, "Referrers Tag Schema"): algorithm and hexadecimal part of
// the digest, cut to 32 and 64 characters, with "-" for characters that a tag may not have.
func ReferrersTag(d blob.Digest) string {
	algorithm, hex := string(d.Algorithm()), d.Hex()
	tag := algorithm[:min(len(algorithm), 32)] + "-" + hex[:min(len(hex), 64)]
	return notInTag.ReplaceAllString(tag, "-")
}

// notInTag matches the characters that a tag may not have.
var notInTag = regexp.MustCompile(`[^a-zA-Z0-9._-]`)

// Referrers returns the manifests whose subject is d; if artifactType is not empty, only those of
// that type (end-12a, with artifactType end-12b: GET /v2/<name>/referrers/<digest>). It reads all
// pages. If the registry lacks the API (404, 400, 405, 406, or a response that is not an index),
// Referrers reads the referrers tag, and the client does not try the API again. Without referrers
// the list is empty.
//
// Errors are an *[Error], such as one that is fs.ErrPermission, or a *[RequestError]. A list that
// cannot be parsed is an error too; under the tag, a *[manifest.DocumentError].
func (c *Client) Referrers(
	ctx context.Context, repo string, d blob.Digest, artifactType string,
) ([]manifest.Descriptor, error) {
	if !c.lacksReferrersAPI() {
		list, err := c.referrersAPI(ctx, repo, d, artifactType)
		if !errors.Is(err, errNoReferrersAPI) {
			return list, err
		}
	}
	ix, err := c.referrersIndex(ctx, repo, d)
	var other *otherContentError
	if errors.As(err, &other) {
		return nil, nil // there are no referrers then (distribution-spec, "Listing Referrers")
	}
	return ofType(ix.Manifests, artifactType), err
}

var errNoReferrersAPI = errors.New("the registry has no referrers API")

func (c *Client) lacksReferrersAPI() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.noReferrersAPI
}

func (c *Client) rememberNoReferrersAPI() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noReferrersAPI = true
}

// referrersAPI reads the list from the API. The error is errNoReferrersAPI if there is none.
func (c *Client) referrersAPI(
	ctx context.Context, repo string, d blob.Digest, artifactType string,
) ([]manifest.Descriptor, error) {
	at := resourceAt(endpoint.Referrers(repo, string(d)), auth.Pull)
	if artifactType != "" {
		at = at.with(url.Values{"artifactType": {artifactType}})
	}
	var list []manifest.Descriptor
	accept := http.Header{"Accept": {manifest.MediaTypeOCIIndex}}
	err := c.pages(asking(ctx), at, accept, func(resp *http.Response, body []byte) (bool, error) {
		entries, err := parseReferrers(resp, body)
		list = append(list, entries...)
		return err == nil, err
	})
	if hasStatus(err, http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable) {
		err = errors.Join(errNoReferrersAPI, err)
	}
	if errors.Is(err, errNoReferrersAPI) && !isAboutContent(err) {
		c.rememberNoReferrersAPI()
	}
	// OCI-Filters-Applied says whether the registry has filtered; filtering again costs nothing.
	return ofType(list, artifactType), err
}

// isAboutContent reports whether an error code is about what was requested, such as a missing
// repository or an unknown digest algorithm. Then it does not show that the API is missing.
func isAboutContent(err error) bool {
	return errors.Is(err, NameUnknown) || errors.Is(err, NameInvalid) ||
		errors.Is(err, ManifestUnknown) || errors.Is(err, DigestInvalid)
}

// parseReferrers parses one page of the API.
func parseReferrers(resp *http.Response, body []byte) ([]manifest.Descriptor, error) {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mediaType != manifest.MediaTypeOCIIndex {
		return nil, errNoReferrersAPI
	}
	var ix manifest.Index
	if err := manifest.Decode(body, &ix); err != nil {
		return nil, fmt.Errorf("%s: list of referrers: %w", resp.Request.URL.Host, err)
	}
	for _, d := range ix.Manifests {
		if err := d.Validate(); err != nil {
			return nil, fmt.Errorf("%s: list of referrers: %w", resp.Request.URL.Host, err)
		}
	}
	return ix.Manifests, nil
}

// otherContentError is a referrers tag of something that is not a list of referrers.
type otherContentError struct{ name, mediaType string }

// Error names the tag and the media type.
func (e *otherContentError) Error() string {
	return fmt.Sprintf("%s is not a list of referrers but a manifest of type %s", e.name, e.mediaType)
}

// referrersIndex returns the index under the referrers tag, an empty one if there is none. For that
// tag GitLab answers with the subject itself (oras-go #1396), which counts as none. Other content
// is an *otherContentError.
func (c *Client) referrersIndex(ctx context.Context, repo string, subject blob.Digest) (manifest.Index, error) {
	empty := manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex}
	tag := ReferrersTag(subject)
	m, err := c.GetManifest(asking(ctx), repo, tag)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return empty, nil
	case err != nil:
		return empty, err
	case subject.Algorithm().Digest(m.Raw) == subject:
		return empty, nil
	case m.MediaType != manifest.MediaTypeOCIIndex:
		return empty, &otherContentError{c.imageName(repo, tag), m.MediaType}
	}
	return m.Index()
}

func ofType(list []manifest.Descriptor, artifactType string) []manifest.Descriptor {
	if artifactType == "" {
		return list
	}
	other := func(d manifest.Descriptor) bool { return d.ArtifactType != artifactType }
	return slices.DeleteFunc(slices.Clone(list), other)
}

// addReferrer adds a manifest to the index under its subject's referrers tag, as a client must if
// the registry did not answer with OCI-Subject (distribution-spec, "Pushing Manifests with
// Subject"). If the tag has other content, addReferrer changes nothing and returns an error. Two
// programs that do this at the same time may lose an entry, which the specification gives no way to
// prevent.
func (c *Client) addReferrer(ctx context.Context, repo string, subject blob.Digest, m manifest.Manifest) error {
	unlock, err := c.lockReferrers(ctx, repo, subject)
	if err != nil {
		return err
	}
	defer unlock()
	ix, err := c.referrersIndex(ctx, repo, subject)
	if err != nil {
		return err
	}
	entry, err := m.ReferrerDescriptor()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(ix.Manifests, func(d manifest.Descriptor) bool { return d.Digest == entry.Digest }) {
		return nil
	}
	ix.Manifests = append(ix.Manifests, entry)
	raw, err := manifest.Style{}.EncodeIndex(ix)
	if err != nil {
		return err
	}
	doc, err := manifest.Parse(manifest.MediaTypeOCIIndex, raw)
	if err != nil {
		return err
	}
	_, err = c.PutManifest(ctx, repo, ReferrersTag(subject), doc)
	return err
}

// lockReferrers lets one goroutine at a time read and rewrite a referrers tag.
func (c *Client) lockReferrers(ctx context.Context, repo string, subject blob.Digest) (unlock func(), err error) {
	key := repo + "@" + string(subject)
	for {
		busy := c.tryLockReferrers(key)
		if busy == nil {
			return func() { c.unlockReferrers(key) }, nil
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryLockReferrers takes the lock and returns nil, or returns a channel that is closed when the
// lock is free.
func (c *Client) tryLockReferrers(key string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if busy, ok := c.referrers[key]; ok {
		return busy
	}
	if c.referrers == nil {
		c.referrers = map[string]chan struct{}{}
	}
	c.referrers[key] = make(chan struct{})
	return nil
}

func (c *Client) unlockReferrers(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.referrers[key])
	delete(c.referrers, key)
}
