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
	// maxPage is the largest page of a listing that is read, in bytes.
	maxPage = 32 << 20
	// maxPages is how many pages of a listing are read: some registries hand out a hundred tags in each.
	maxPages = 20_000
)

// pages fetches a listing page by page, following Link headers as they stand, until there is no next page or each
// returns false.
func (c *Client) pages(ctx context.Context, at resource, header http.Header, each func(*http.Response, []byte) (bool, error)) error {
	seen := map[string]bool{}
	row := endpoint.ID(http.MethodGet, c.url(at))
	for u := c.url(at); u != nil; {
		if seen[u.String()] {
			return fmt.Errorf("%s: the pages of the listing go round in a circle", c.Host)
		}
		if len(seen) == maxPages {
			return fmt.Errorf("%s: the listing does not end after %d pages", c.Host, maxPages)
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
func (c *Client) page(ctx context.Context, u *url.URL, scope auth.Scope, header http.Header) (*http.Response, []byte, error) {
	req, err := c.requestTo(ctx, http.MethodGet, u, scope, nil)
	if err != nil {
		return nil, nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, body, err := c.read(req, maxPage)
	if err != nil {
		return nil, nil, err
	}
	if len(body) > maxPage {
		return nil, nil, fmt.Errorf("%s: a page of the listing is larger than %d MiB", c.Host, maxPage>>20)
	}
	return resp, body, nil
}

// next returns the address of the page after this one, nil when there is none. It must be on the registry itself.
func (c *Client) next(resp *http.Response) (*url.URL, error) {
	target, ok := nextLink(resp.Header.Values("Link"))
	if !ok {
		return nil, nil
	}
	asked := resp.Request.URL
	to, err := asked.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("%s: the link to the next page is no URL", c.Host)
	}
	to = mend(asked, to)
	if !strings.EqualFold(to.Host, asked.Host) || to.Scheme != asked.Scheme {
		return nil, fmt.Errorf("%s: the link to the next page leads to another host, %s", c.Host, to.Host)
	}
	return to, nil
}

// nextLink finds the target of rel="next" in Link headers (RFC 8288).
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

// cutLink takes the first link off a header: what stands between < and >, and its parameters up to a comma that is
// not quoted.
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

// isNext tells whether a link's parameters say rel=next. Registries with a single link may leave them out.
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

// decodePage reads a page's JSON.
func decodePage(host string, body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s answered the listing with something that is not its JSON: %w", host, err)
	}
	return nil
}
