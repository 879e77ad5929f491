package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/blob"
)

// A body whose bytes come without a stall must still come to an end: a document in a minute, or in
// Stall if that is longer, and a blob at 256 bytes per second.
func TestTimeoutEndsSlowBodies(t *testing.T) {
	const manifest, content = "/v2/a/manifests/1", "/v2/a/blobs/sha256:1"
	asBlob := func(ctx context.Context) context.Context { return WithReceivedBlob(ctx, "sha256:1", nil) }
	for name, test := range map[string]struct {
		path  string
		mark  func(context.Context) context.Context
		code  int
		pause time.Duration // before each byte
		size  int           // bytes
		stall time.Duration
		want  string // the error; "" for none
		after time.Duration
	}{
		"document":                {manifest, nil, 200, time.Second, 59, 0, "", 59 * time.Second},
		"slow document":           {manifest, nil, 200, time.Second, 500, 3 * time.Second, "the answer is not complete after 1m0s", time.Minute},
		"document, long stall":    {manifest, nil, 200, time.Second, 299, 5 * time.Minute, "", 299 * time.Second},
		"slow document, default":  {manifest, nil, 200, time.Second, 500, 0, "the answer is not complete after 2m0s", 2 * time.Minute},
		"slow error of a blob":    {content, asBlob, 404, time.Second, 500, 3 * time.Second, "the answer is not complete after 1m0s", time.Minute},
		"slow token for a blob":   {"/token", nil, 200, time.Second, 500, 3 * time.Second, "the answer is not complete after 1m0s", time.Minute},
		"slow blob":               {content, nil, 200, time.Second, 500, 3 * time.Second, "only 60 bytes in 1m0s", time.Minute},
		"slow range":              {content, asBlob, 206, time.Second, 500, 3 * time.Second, "only 60 bytes in 1m0s", time.Minute},
		"slow blob, long stall":   {content, asBlob, 200, 4 * time.Minute, 9, 5 * time.Minute, "only 2 bytes in 5m0s", 8 * time.Minute},
		"blob at the least rate":  {content, asBlob, 200, time.Second / 256, 256 * 1000, 3 * time.Second, "", 1000 * time.Second},
		"small blob":              {content, asBlob, 200, time.Second, 59, 3 * time.Second, "", 59 * time.Second},
		"blob below least rate":   {content, asBlob, 200, time.Second / 250, 250 * 1000, 3 * time.Second, "only 15000 bytes in 1m0s", time.Minute},
		"document below 256 B/s":  {manifest, nil, 200, time.Second / 100, 100 * 50, 3 * time.Second, "", 50 * time.Second},
		"blob that is not one":    {content, nil, 503, time.Second, 500, 3 * time.Second, "the answer is not complete after 1m0s", time.Minute},
		"another host's document": {"/anything", nil, 200, time.Second, 500, 3 * time.Second, "the answer is not complete after 1m0s", time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			timeout := &Timeout{Stall: test.stall, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
				resp := answer(req, test.code, "")
				resp.Body = &slowBody{req.Context(), test.pause, test.size}
				return resp, nil
			})}
			req := newRequest(t, "GET", "https://registry.example"+test.path, nil)
			if test.mark != nil {
				req = req.WithContext(test.mark(req.Context()))
			}
			resp, err := timeout.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // the reader's time does not count
			start := time.Now()
			_, err = io.ReadAll(resp.Body)
			if took := (time.Since(start) + time.Second/10).Truncate(time.Second); took != test.after {
				t.Errorf("%s: after %s, want %s", name, took, test.after)
			}
			if test.want == "" {
				if err != nil {
					t.Errorf("%s: error %v", name, err)
				}
				return
			}
			if err == nil || err.Error() != "registry.example: "+test.want || !errors.Is(err, blob.ErrTooSlow) ||
				IsTransient(err) || !IsTimeout(err) {
				t.Errorf("%s: error %v, want %q", name, err, test.want)
			}
		})
	}
}

// A token that is fetched for a blob's call is a document all the same.
func TestTokenOfBlobCallIsDocument(t *testing.T) {
	ctx := WithReceivedBlob(t.Context(), "sha256:1", nil)
	req := newRequest(t, "GET", "https://tokens.example/token", nil).WithContext(ctx)
	if isBlobContent(req, answer(req, 200, "{}"), rowOf(req)) {
		t.Error("a token counts as a blob")
	}
}

// What is left of a response that nobody needs is not waited for.
func TestDrainIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		Drain(&http.Response{Body: &closingBody{slowBody{ctx, time.Second, 500}, cancel}})
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %s, want 5 s", took)
		}
	})
}

// closingBody is a slowBody whose Close ends its Read, as that of package net/http does.
type closingBody struct {
	slowBody
	end func()
}

func (b *closingBody) Close() error { b.end(); return nil }
