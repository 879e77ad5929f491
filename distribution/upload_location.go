package distribution

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/blob"
)

// location reads the Location of an answer. It may be absolute, relative or without a scheme. Its query stays as it is:
// it is the registry's own.
func (c *Client) location(resp *http.Response) (*url.URL, error) {
	text := resp.Header.Get("Location")
	if text == "" {
		return nil, fmt.Errorf("%s answered %d to the upload without saying where it goes on (no Location header)",
			c.Host, resp.StatusCode)
	}
	asked := resp.Request.URL
	to, err := asked.Parse(text)
	if err != nil || to.Hostname() == "" {
		return nil, fmt.Errorf("%s gave an upload location that is no URL", c.Host)
	}
	to = mend(asked, to)
	if err := c.Redirects.Check(resp.Request.Context(), asked, to); err != nil {
		return nil, err
	}
	return to, nil
}

// mend puts back the scheme and port of a location on the same host where a proxy before the registry has hidden the
// right ones from it (distribution #479, #2225, #2862).
func mend(asked, to *url.URL) *url.URL {
	if !strings.EqualFold(asked.Hostname(), to.Hostname()) {
		return to
	}
	wrongScheme := asked.Scheme == "https" && to.Scheme == "http"
	wrongPort := asked.Port() != to.Port() && (to.Port() == "" || wrongScheme)
	if !wrongScheme && !wrongPort {
		return to
	}
	mended := *to
	mended.Scheme, mended.Host = asked.Scheme, asked.Host
	return &mended
}

// withDigest appends the digest parameter to a location, whose query is opaque and must not be encoded anew.
func withDigest(u *url.URL, d blob.Digest) *url.URL {
	out := *u
	if out.RawQuery != "" {
		out.RawQuery += "&"
	}
	out.RawQuery += "digest=" + url.QueryEscape(string(d))
	return &out
}
