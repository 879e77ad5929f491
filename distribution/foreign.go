package distribution

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
)

// OpenURL opens a blob at one of the URLs of its descriptor (image-spec, descriptor.md, "urls"), at
// an offset in bytes, as [Client.GetBlob] does on a registry. The call carries no credentials. A URL
// that is not http or https, or has a user name, is an error. The bytes are not verified. The caller
// closes the reader.
func (t *Transport) OpenURL(ctx context.Context, text string, d blob.Digest, offset int64) (io.ReadCloser, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("blob %s: its descriptor has a malformed URL", d.Short())
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("blob %s: its descriptor has the URL %q, which cannot be fetched", d.Short(), wire.Redact(u))
	}
	req, err := http.NewRequestWithContext(receiving(aboutBlob(ctx, d), d), http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", identity)
	ok := []int{http.StatusOK}
	if offset > 0 {
		withRange(req, fmt.Sprintf("bytes=%d-", offset))
		ok = append(ok, http.StatusPartialContent)
	}
	resp, err := (&Client{Host: u.Host, HTTP: t.HTTP}).do(req, ok...)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d.Short(), err)
	}
	if offset > 0 {
		_, err = startAt(resp, offset)
	}
	return resp.Body, err
}
