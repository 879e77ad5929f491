package distribution

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/endpoint"
)

// Page limits a listing. The zero value leaves the size of pages to the registry and starts at the
// beginning.
type Page struct {
	Size int    // entries in one response; ECR allows at most 1000
	Last string // start after this entry
}

func (p Page) query() url.Values {
	q := url.Values{}
	if p.Size > 0 {
		q.Set("n", strconv.Itoa(p.Size))
	}
	if p.Last != "" {
		q.Set("last", p.Last)
	}
	return q
}

// Tags lists the tags of a repository in the registry's order, page by page (end-8a, and end-8b
// with n and last: GET /v2/<name>/tags/list). The names are not checked: print and use them with
// care. The sequence ends with the first error; that of a missing repository is fs.ErrNotExist.
func (c *Client) Tags(ctx context.Context, repo string, page Page) iter.Seq2[string, error] {
	at := resourceAt(endpoint.Tags(repo), auth.Pull).with(page.query())
	return c.names(ctx, at, func(resp *http.Response, body []byte) ([]string, error) {
		var list struct{ Tags []string } // null if Nexus has none
		err := decodePage(resp, body, &list)
		return list.Tags, err
	})
}

// Catalog lists the repositories of a registry, page by page (docker's extension GET /v2/_catalog,
// which is not in the OCI specification). Many registries do not allow it: 401, 403, 404 or 405. As
// with [Client.Tags], the names are not checked, and the sequence ends with the first error.
func (c *Client) Catalog(ctx context.Context, page Page) iter.Seq2[string, error] {
	at := resource{path: endpoint.Catalog(), scope: auth.Catalog()}.with(page.query())
	return c.names(ctx, at, func(resp *http.Response, body []byte) ([]string, error) {
		var list struct{ Repositories []string }
		err := decodePage(resp, body, &list)
		return list.Repositories, err
	})
}

// names yields the entries of each page.
func (c *Client) names(
	ctx context.Context, at resource, read func(*http.Response, []byte) ([]string, error),
) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		stopped := false
		err := c.pages(ctx, at, nil, func(resp *http.Response, body []byte) (bool, error) {
			names, err := read(resp, body)
			if err != nil {
				return false, err
			}
			for _, name := range names {
				if !yield(name, nil) {
					stopped = true
					return false, nil
				}
			}
			return true, nil
		})
		if err != nil && !stopped {
			yield("", err)
		}
	}
}
