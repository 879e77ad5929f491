package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/reference"
)

// tagsOf returns the tags of a page, false if the answer is none.
func tagsOf(a *answer) ([]string, bool) {
	var page struct{ Tags []string }
	if !a.is(http.StatusOK) || json.Unmarshal(a.body, &page) != nil {
		return nil, false
	}
	return page.Tags, true
}

// probeTags lists one tag, and chooses the one whose manifest is read.
func probeTags(ctx context.Context, p *prober) finding {
	p.listed = p.send(ctx, to(http.MethodGet, endpoint.Tags(p.repo), "n", "1"))
	tags, ok := tagsOf(p.listed)
	switch {
	case p.listed.is(http.StatusNotFound):
		return unknown(p.listed.text(), p.listed)
	case !p.listed.is(http.StatusOK):
		return orNo(p.listed)
	case !ok:
		return no("the answer is not its JSON", p.listed)
	}
	if p.tag == "" && len(tags) > 0 && reference.ValidTag(tags[0]) {
		p.tag = tags[0]
	}
	return yes(p.listed.text(), p.listed)
}

// probeTagPages follows the Link of the first page.
func probeTagPages(ctx context.Context, p *prober) finding {
	tags, ok := tagsOf(p.listed)
	if !ok || len(tags) == 0 {
		return after("has no tag here")
	}
	f := pageFinding(p.listed, len(tags), "tags")
	if f.verdict != Yes {
		return f
	}
	next, ok := linkTarget(p.listed)
	if !ok {
		return no("the Link has no address of the registry", p.listed)
	}
	p.nextPage = p.send(ctx, request{method: http.MethodGet, url: next})
	more, ok := tagsOf(p.nextPage)
	switch {
	case !ok:
		return orNo(p.nextPage)
	case slices.Contains(more, tags[0]):
		return no("the Link leads to the same tag again", p.listed, p.nextPage)
	}
	p.hasNextLast = next.Query().Get("last") == tags[0]
	return yes("n=1 gives one, and the Link the next", p.listed, p.nextPage)
}

// linkTarget returns the URL in the Link of an answer, which must be on the same host.
func linkTarget(a *answer) (*url.URL, bool) {
	_, rest, ok := strings.Cut(a.header.Get("Link"), "<")
	target, _, closed := strings.Cut(rest, ">")
	if !ok || !closed {
		return nil, false
	}
	u, err := a.url.Parse(target)
	return u, err == nil && strings.EqualFold(u.Hostname(), a.url.Hostname())
}

// probeTagsLast asks for the tags after the first one, unless the Link has done that.
func probeTagsLast(ctx context.Context, p *prober) finding {
	tags, ok := tagsOf(p.listed)
	if !ok || len(tags) == 0 {
		return after("has no tag here")
	}
	if p.hasNextLast {
		return yes("as the Link has it", p.nextPage)
	}
	a := p.send(ctx, to(http.MethodGet, endpoint.Tags(p.repo), "n", "1", "last", tags[0]))
	more, ok := tagsOf(a)
	if !ok {
		return orNo(a)
	}
	return either(!slices.Contains(more, tags[0]), fmt.Sprintf("%d tags after the first", len(more)), a)
}

// indexType is the media type of a list of referrers.
const indexType = "application/vnd.oci.image.index.v1+json"

// referrersList is what is read of a list of referrers.
type referrersList struct {
	MediaType string
	Manifests []struct {
		Digest       string
		ArtifactType string
	}
}

func probeReferrers(ctx context.Context, p *prober) finding {
	if p.manifest == nil {
		return after("has given no manifest")
	}
	a := p.send(ctx, to(http.MethodGet, endpoint.Referrers(p.repo, string(p.manifestDigest()))))
	p.referrers = a
	list, ok := referrersOf(a)
	switch {
	case a.is(http.StatusOK) && !ok:
		return no("the answer is no index", a)
	case !ok:
		return orNo(a)
	}
	if p.artifact == "" {
		return yes(fmt.Sprintf("%d here", len(list.Manifests)), a)
	}
	for _, m := range list.Manifests {
		if m.Digest == string(p.artifact) {
			return yes("the manifest with the subject is there", a)
		}
	}
	return no("the manifest with the subject is not there", a)
}

func referrersOf(a *answer) (list referrersList, ok bool) {
	mediaType, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	ok = a.is(http.StatusOK) && mediaType == indexType && json.Unmarshal(a.body, &list) == nil
	return list, ok
}

// artifactType is the one of the manifest that refers to the image, as those of others are not.
const artifactType = "application/vnd.transship.probe"

func probeReferrersFilter(ctx context.Context, p *prober) finding {
	switch {
	case p.referrers == nil:
		return after("has given no manifest")
	case p.referrers.err != nil:
		return of(p.referrers)
	case !p.referrers.is(http.StatusOK):
		return no("it lists none", p.referrers)
	}
	at := endpoint.Referrers(p.repo, string(p.manifestDigest()))
	a := p.send(ctx, to(http.MethodGet, at, "artifactType", artifactType))
	list, ok := referrersOf(a)
	if !ok {
		return orNo(a)
	}
	applied := a.header.Get("OCI-Filters-Applied")
	if !strings.Contains(applied, "artifactType") {
		return no("OCI-Filters-Applied does not say so", a)
	}
	for _, m := range list.Manifests {
		if m.ArtifactType != artifactType {
			return no("it says so, and lists another type", a)
		}
	}
	return yes("OCI-Filters-Applied: "+applied, a)
}
