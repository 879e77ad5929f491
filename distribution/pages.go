package distribution

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

const (
	maxPage  = 32 << 20 // bytes of one page
	maxPages = 20_000   // of one listing; some registries put a hundred tags on each
)

// pages reads a listing page by page, by the Link headers as they are, until there is no next page
// or each returns false.
func (c *Client) pages(
	ctx context.Context, at resource, header http.Header, each func(resp *http.Response, body []byte) (more bool, err error),
) error {
	seen := map[string]bool{}
	row := endpoint.ID(http.MethodGet, c.url(at))
	for u := c.url(at); u != nil; {
		if seen[u.String()] {
			return fmt.Errorf("%s: the pages of the listing form a loop", c.Host)
		}
		if len(seen) == maxPages {
			return fmt.Errorf("%s: the listing has more than %d pages", c.Host, maxPages)
		}
		seen[u.String()] = true
		resp, body, err := c.page(wire.WithRow(ctx, u, row), u, at.scope, header)
		if err != nil {
			return err
		}
		if more, err := each(resp, body); err != nil || !more {
			return err
		}
		if u, err = c.next(resp); err != nil {
			return err
		}
	}
	return nil
}

// page fetches one page.
func (c *Client) page(
	ctx context.Context, u *url.URL, scope auth.Scope, header http.Header,
) (resp *http.Response, body []byte, err error) {
	req, err := c.requestTo(ctx, http.MethodGet, u, scope, nil)
	if err != nil {
		return nil, nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, body, err = c.read(req, maxPage)
	if err != nil {
		return nil, nil, err
	}
	if len(body) > maxPage {
		return nil, nil, fmt.Errorf("%s: a page of the listing is larger than %d MiB", c.Host, maxPage>>20)
	}
	return resp, body, nil
}

// next returns the URL of the page after this one, nil if there is none. It must be on the registry
// itself.
func (c *Client) next(resp *http.Response) (*url.URL, error) {
	target, ok := nextLink(resp.Header.Values("Link"))
	if !ok {
		return nil, nil
	}
	requested := resp.Request.URL
	to, err := requested.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("%s: the link to the next page is not a URL", c.Host)
	}
	to = restoreSchemeAndPort(requested, to)
	if !strings.EqualFold(to.Host, requested.Host) || to.Scheme != requested.Scheme {
		return nil, fmt.Errorf("%s: the link to the next page leads to another host, %s", c.Host, to.Host)
	}
	return to, nil
}

// nextLink returns the target of the link with rel="next" in Link headers (RFC 8288).
func nextLink(headers []string) (string, bool) {
	for _, h := range headers {
		for h != "" {
			var target, params string
			target, params, h = cutLink(h)
			if target != "" && isNext(params) {
				return target, true
			}
		}
	}
	return "", false
}

// cutLink splits off the first link of a header: its target, between < and >, and its parameters,
// up to a comma that is not quoted.
func cutLink(h string) (target, params, rest string) {
	_, after, ok := strings.Cut(h, "<")
	if !ok {
		return "", "", ""
	}
	target, after, ok = strings.Cut(after, ">")
	if !ok {
		return "", "", ""
	}
	quoted := false
	for i, c := range after {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return target, after[:i], after[i+1:]
		}
	}
	return target, after, ""
}

// isNext reports whether the parameters of a link have rel=next. A single link may have none.
func isNext(params string) bool {
	if strings.TrimSpace(params) == "" {
		return true
	}
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for rel := range strings.FieldsSeq(value) {
			if strings.EqualFold(rel, "next") {
				return true
			}
		}
	}
	return false
}

// decodePage decodes the JSON of a page. A web page is [ErrNotRegistry].
func decodePage(resp *http.Response, body []byte, into any) error {
	err := json.Unmarshal(body, into)
	switch {
	case err == nil:
		return nil
	case isWebPage(body):
		return newRequestError(resp.Request, ErrNotRegistry)
	}
	return fmt.Errorf("%s answered the listing with something that is not its JSON: %w", resp.Request.URL.Host, err)
}
