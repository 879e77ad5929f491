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
	"regexp"
	"slices"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/manifest"
)

// ReferrersTag returns the tag under which registries without the referrers API keep the index of a manifest's
// referrers (distribution-spec, "Referrers Tag Schema"): algorithm and hexadecimal part of the digest, cut to 32 and 64
// characters, and "-" for what may not stand in a tag.
func ReferrersTag(d blob.Digest) string {
	algorithm, hex := string(d.Algorithm()), d.Hex()
	tag := algorithm[:min(len(algorithm), 32)] + "-" + hex[:min(len(hex), 64)]
	return notInTag.ReplaceAllString(tag, "-")
}

// notInTag finds what a tag may not have in it.
var notInTag = regexp.MustCompile(`[^a-zA-Z0-9._-]`)

// Referrers returns the manifests whose subject is d, only those of artifactType where that is not empty (end-12a, and
// end-12b with artifactType: GET /v2/<name>/referrers/<digest>), from all pages of the answer. A registry without the API
// (404, 400, 405, 406 or an answer that is no index) is asked for the referrers tag; that it lacks the API is noted, so
// that it is asked only once. No referrers are an empty list.
//
// Errors are an *[Error], such as one that is fs.ErrPermission, or a *[RequestError]; a list that cannot be read is an
// error too, under the tag a *[manifest.DocumentError].
func (c *Client) Referrers(ctx context.Context, repo string, d blob.Digest, artifactType string) ([]manifest.Descriptor, error) {
	if !c.usesFallback() {
		list, err := c.referrersAPI(ctx, repo, d, artifactType)
		if !errors.Is(err, errNoReferrersAPI) {
			return list, err
		}
	}
	ix, err := c.referrersIndex(ctx, repo, d)
	var other *otherContentError
	if errors.As(err, &other) {
		return nil, nil // it is not a list of referrers, so there are none (distribution-spec, "Listing Referrers")
	}
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
	at := resourceAt(endpoint.Referrers(repo, string(d)), auth.Pull)
	if artifactType != "" {
		at = at.with(url.Values{"artifactType": {artifactType}})
	}
	var list []manifest.Descriptor
	accept := http.Header{"Accept": {manifest.MediaTypeOCIIndex}}
	err := c.pages(ctx, at, accept, func(resp *http.Response, body []byte) (bool, error) {
		entries, err := readReferrers(resp, body)
		list = append(list, entries...)
		return err == nil, err
	})
	if hasStatus(err, http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable) {
		err = errors.Join(errNoReferrersAPI, err)
	}
	if errors.Is(err, errNoReferrersAPI) && !isAboutContent(err) {
		c.noteFallback()
	}
	// OCI-Filters-Applied says whether the registry has filtered; doing it again costs nothing.
	return ofType(list, artifactType), err
}

// isAboutContent tells whether an answer names what was asked for as the reason, so that it says nothing about the API:
// there may be no such repository, or no such digest algorithm.
func isAboutContent(err error) bool {
	return errors.Is(err, NameUnknown) || errors.Is(err, ManifestUnknown) || errors.Is(err, DigestInvalid) || errors.Is(err, NameInvalid)
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

// otherContentError says that a referrers tag names something that is no list of referrers.
type otherContentError struct{ name, mediaType string }

// Error names the tag and what it is.
func (e *otherContentError) Error() string {
	return fmt.Sprintf("%s is no list of referrers but a manifest of type %s", e.name, e.mediaType)
}

// referrersIndex reads the index under the referrers tag, an empty one where there is none. GitLab answers that tag
// with the subject itself (oras-go #1396), which is no list of referrers. Other content is an *otherContentError.
func (c *Client) referrersIndex(ctx context.Context, repo string, subject blob.Digest) (manifest.Index, error) {
	empty := manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex}
	tag := ReferrersTag(subject)
	m, err := c.GetManifest(ctx, repo, tag)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return empty, nil
	case err != nil:
		return empty, err
	case subject.Algorithm().Digest(m.Raw) == subject:
		return empty, nil
	case m.MediaType != manifest.MediaTypeOCIIndex:
		return empty, &otherContentError{c.name(repo, tag), m.MediaType}
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
// registry has not answered with OCI-Subject (distribution-spec, "Pushing Manifests with Subject"). Other content under
// that tag is left alone, and is an error. Two programs that do this at once may lose an entry: the specification has no
// way to prevent that.
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

// tryLockReferrers takes the lock and returns nil, or returns what is closed once the lock is free.
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
