package distribution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// ReferrersTag returns the tag under which registries without the referrers API keep the index of a manifest's
// referrers (distribution-spec, "Referrers Tag Schema").
func ReferrersTag(d blob.Digest) string {
	tag := string(d.Algorithm()) + "-" + d.Hex()
	return tag[:min(len(tag), 128)]
}

// Referrers returns the manifests whose subject is d, only those of artifactType where that is not empty (end-12a, and
// end-12b with artifactType: GET /v2/<name>/referrers/<digest>). A registry without the API (404, 400, 406 or an answer
// that is no index) is asked for the referrers tag; that it lacks the API is noted, so that it is asked only once. No
// referrers are an empty list.
func (c *Client) Referrers(ctx context.Context, repo string, d blob.Digest, artifactType string) ([]manifest.Descriptor, error) {
	if !c.usesFallback() {
		list, err := c.referrersAPI(ctx, repo, d, artifactType)
		if !errors.Is(err, errNoReferrersAPI) {
			return list, err
		}
	}
	ix, err := c.referrersIndex(ctx, repo, d)
	return ofType(ix.Manifests, artifactType), err
}

var errNoReferrersAPI = errors.New("the registry has no referrers API")

func (c *Client) usesFallback() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fallback
}

func (c *Client) noteFallback() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fallback = true
}

// referrersAPI asks the API, and answers errNoReferrersAPI where there is none.
func (c *Client) referrersAPI(ctx context.Context, repo string, d blob.Digest, artifactType string) ([]manifest.Descriptor, error) {
	p := repository(repo, "referrers/"+string(d), auth.Pull)
	if artifactType != "" {
		p = p.with(url.Values{"artifactType": {artifactType}})
	}
	var list []manifest.Descriptor
	accept := http.Header{"Accept": {manifest.MediaTypeOCIIndex}}
	err := c.pages(ctx, p, accept, func(resp *http.Response, body []byte) (bool, error) {
		entries, err := readReferrers(resp, body)
		list = append(list, entries...)
		return err == nil, err
	})
	if hasStatus(err, http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable) {
		err = errors.Join(errNoReferrersAPI, err)
	}
	if errors.Is(err, errNoReferrersAPI) && !errors.Is(err, NameUnknown) {
		c.noteFallback()
	}
	// OCI-Filters-Applied says whether the registry has filtered; doing it again costs nothing.
	return ofType(list, artifactType), err
}

// readReferrers reads one page of the API.
func readReferrers(resp *http.Response, body []byte) ([]manifest.Descriptor, error) {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mediaType != manifest.MediaTypeOCIIndex {
		return nil, errNoReferrersAPI
	}
	var ix manifest.Index
	if err := json.Unmarshal(body, &ix); err != nil {
		return nil, fmt.Errorf("%s: list of referrers: %w", resp.Request.URL.Host, err)
	}
	for _, d := range ix.Manifests {
		if err := d.Validate(); err != nil {
			return nil, fmt.Errorf("%s: list of referrers: %w", resp.Request.URL.Host, err)
		}
	}
	return ix.Manifests, nil
}

// referrersIndex reads the index under the referrers tag, an empty one where there is none. GitLab answers that tag
// with the subject itself (oras-go #1396), which then is no list of referrers.
func (c *Client) referrersIndex(ctx context.Context, repo string, subject blob.Digest) (manifest.Index, error) {
	empty := manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex}
	m, err := c.GetManifest(ctx, repo, ReferrersTag(subject))
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, err
	}
	if m.Digest == subject || m.MediaType != manifest.MediaTypeOCIIndex {
		return empty, nil
	}
	return m.Index()
}

func ofType(list []manifest.Descriptor, artifactType string) []manifest.Descriptor {
	if artifactType == "" {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(d manifest.Descriptor) bool { return d.ArtifactType != artifactType })
}

// addReferrer writes a manifest into the index of its subject's referrers tag, which is a client's duty where the
// registry has not answered with OCI-Subject (distribution-spec, "Pushing Manifests with Subject").
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
	entry, err := m.Referrer()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(ix.Manifests, func(d manifest.Descriptor) bool { return d.Digest == entry.Digest }) {
		return nil
	}
	ix.Manifests = append(ix.Manifests, entry)
	raw, err := manifest.Style{}.Encode(ix)
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

// lockReferrers lets one goroutine at a time rewrite a referrers tag: reading, adding and writing it is not atomic.
func (c *Client) lockReferrers(ctx context.Context, repo string, subject blob.Digest) (unlock func(), err error) {
	key := repo + "@" + string(subject)
	c.mu.Lock()
	if c.referrers == nil {
		c.referrers = map[string]chan struct{}{}
	}
	lock, ok := c.referrers[key]
	if !ok {
		lock = make(chan struct{}, 1)
		c.referrers[key] = lock
	}
	c.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
