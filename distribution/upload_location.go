package distribution

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/blob"
)

// location returns the Location of a response, which may be absolute, relative or without a scheme.
// Its query is opaque and stays as it is.
func (c *Client) location(resp *http.Response) (*url.URL, error) {
	text := resp.Header.Get("Location")
	if text == "" {
		return nil, fmt.Errorf("%s answered %d to the upload without a Location header", c.Host, resp.StatusCode)
	}
	requested := resp.Request.URL
	to, err := requested.Parse(text)
	if err != nil || to.Hostname() == "" {
		return nil, fmt.Errorf("%s sent a Location for the upload that is not a URL", c.Host)
	}
	to = restoreSchemeAndPort(requested, to)
	if err := c.Redirects.Check(resp.Request.Context(), requested, to); err != nil {
		return nil, err
	}
	return to, nil
}

// restoreSchemeAndPort corrects a URL that a registry gave out for its own host: behind a proxy, a
// registry may not know the scheme and port that its clients use (distribution #479, #2225, #2862).
func restoreSchemeAndPort(requested, to *url.URL) *url.URL {
	if !strings.EqualFold(requested.Hostname(), to.Hostname()) {
		return to
	}
	wrongScheme := requested.Scheme == "https" && to.Scheme == "http"
	wrongPort := requested.Port() != to.Port() && (to.Port() == "" || wrongScheme)
	if !wrongScheme && !wrongPort {
		return to
	}
	restored := *to
	restored.Scheme, restored.Host = requested.Scheme, requested.Host
	return &restored
}

// withDigest appends the digest parameter to a location. It does not encode the query again, which
// is opaque.
func withDigest(u *url.URL, d blob.Digest) *url.URL {
	out := *u
	if out.RawQuery != "" {
		out.RawQuery += "&"
	}
	out.RawQuery += "digest=" + url.QueryEscape(string(d))
	return &out
}
