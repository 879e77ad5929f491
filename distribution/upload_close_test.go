package distribution_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// zeros is a source of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// closeSize is the size of a blob for whose close a registry has 20 seconds more.
const closeSize = 160 << 20

// closingRegistry is a registry that takes uploads and does not answer the calls that close them.
type closingRegistry struct {
	stored  time.Duration // after the close of an upload it has the blob; 0 is never
	unknown bool          // it has lost the session that was closed first
	mute    bool          // it answers nothing after the close
	answer  time.Duration // after the close it answers; 0 is never

	mu       sync.Mutex
	calls    []string
	closedAt time.Time // of the first close
}

func (c *closingRegistry) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	c.mu.Lock()
	c.calls = append(c.calls, req.Method)
	again := req.Method == http.MethodPut && !c.closedAt.IsZero()
	if req.Method == http.MethodPut && !again {
		c.closedAt = time.Now()
	}
	closed, since := !c.closedAt.IsZero(), time.Since(c.closedAt)
	c.mu.Unlock()
	resp := &http.Response{Request: req, Header: http.Header{}, Body: http.NoBody, Proto: "HTTP/1.1", ProtoMajor: 1}
	location := func() { resp.Header.Set("Location", "/v2/a/b/blobs/uploads/1") }
	switch has := closed && c.stored > 0 && since >= c.stored; {
	case again:
		resp.StatusCode = http.StatusCreated
		resp.Header.Set("Docker-Content-Digest", req.URL.Query().Get("digest"))
	case req.Method == http.MethodPut && c.answer > 0:
		resp.StatusCode = http.StatusCreated
		resp.Header.Set("Docker-Content-Digest", req.URL.Query().Get("digest"))
		return resp, wire.Sleep(req.Context(), c.answer)
	case req.Method == http.MethodPut, closed && c.mute:
		<-req.Context().Done()
		return nil, context.Cause(req.Context())
	case req.Method == http.MethodHead && has:
		resp.StatusCode, resp.ContentLength = http.StatusOK, closeSize
		resp.Header.Set("Content-Length", strconv.Itoa(closeSize))
	case req.Method == http.MethodPost:
		resp.StatusCode = http.StatusAccepted
		location()
	case req.Method == http.MethodGet && c.unknown:
		resp.StatusCode = http.StatusNotFound
		resp.Body = io.NopCloser(strings.NewReader(`{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}`))
	case req.Method == http.MethodGet:
		resp.StatusCode = http.StatusNoContent
		location()
	default:
		resp.StatusCode = http.StatusNotFound
	}
	return resp, nil
}

// The answer to the close of a large upload may be late. Meanwhile the registry is asked for the blob
// and for the session, and what it says counts.
func TestLateAnswerToClose(t *testing.T) {
	digest := sha256.New()
	io.CopyN(digest, zeros{}, closeSize)
	d := manifest.Descriptor{Digest: blob.Digest("sha256:" + hex.EncodeToString(digest.Sum(nil))), Size: closeSize}
	open := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, closeSize-offset)), nil
	}
	for name, test := range map[string]struct {
		registry *closingRegistry
		took     time.Duration
		calls    []string
		note     bool
	}{
		"in time":  {&closingRegistry{answer: 59 * time.Second}, 59 * time.Second, []string{"POST", "PUT"}, false},
		"answered": {&closingRegistry{answer: 70 * time.Second}, 70 * time.Second, []string{"POST", "PUT", "HEAD", "GET"}, true},
		"lost": {&closingRegistry{unknown: true}, 75 * time.Second,
			[]string{"POST", "PUT", "HEAD", "GET", "HEAD", "GET", "HEAD", "DELETE", "POST", "PUT"}, true},
		"stored later": {&closingRegistry{stored: 70 * time.Second}, 75 * time.Second,
			[]string{"POST", "PUT", "HEAD", "GET", "HEAD"}, true},
		"stored": {&closingRegistry{stored: time.Second}, time.Minute, []string{"POST", "PUT", "HEAD"}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			var warned []string
			start := time.Now()
			repo := &distribution.Repository{Name: "a/b", Client: &distribution.Client{
				Host:      "registry.example",
				HTTP:      &http.Client{Transport: &wire.Timeout{Base: test.registry, Header: time.Minute}},
				OnWarning: func(text string) { warned = append(warned, text) },
			}}
			_, err := repo.PutBlob(t.Context(), d, open)
			synctest.Wait()
			if err != nil || time.Since(start) != test.took {
				t.Errorf("%s: error %v after %s, want none after %s", name, err, time.Since(start), test.took)
			}
			if got := test.registry.calls; !slices.Equal(got, test.calls) {
				t.Errorf("%s: calls %v, want %v", name, got, test.calls)
			}
			const text = "registry.example/a/b has all 160 MiB of"
			if noted := len(warned) == 1 && strings.Contains(warned[0], text) &&
				strings.Contains(warned[0], "waiting up to 20s more"); noted != test.note {
				t.Errorf("%s: notes %q", name, warned)
			}
			time.Sleep(time.Hour)
			if got := test.registry.calls; len(got) != len(test.calls) {
				t.Errorf("%s: calls after the end: %v", name, got)
			}
		})
	}
}

// A registry that answers nothing more ends an upload soon, and not once for each thing to be asked.
func TestMuteRegistryEndsUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mute := &closingRegistry{mute: true}
		var waits []wire.RetryWait
		onWait := func(w wire.RetryWait) { waits = append(waits, w) }
		repo := &distribution.Repository{Name: "a/b", Client: &distribution.Client{
			Host: "registry.example", OnWait: onWait,
			HTTP: &http.Client{Transport: &wire.Retry{OnWait: onWait, Base: &wire.Timeout{Base: mute, Header: time.Minute}}},
		}}
		b, d := randomBlob(1000)
		start := time.Now()
		_, err := repo.PutBlob(t.Context(), d, (&faultyRegistry{}).open(b))
		var failed *distribution.RequestError
		if !errors.As(err, &failed) || !wire.IsUnanswered(err) {
			t.Errorf("error %v, want one that says that there is no answer", err)
		}
		if took := time.Since(start); took > 5*time.Minute {
			t.Errorf("took %s for the calls %v", took, mute.calls)
		}
		if !slices.Equal(mute.calls[:3], []string{"POST", "PUT", "GET"}) || len(waits) == 0 {
			t.Errorf("calls %v, waits %v", mute.calls, waits)
		}
	})
}

// slowDocument is a registry that sends a byte a second of every document.
type slowDocument struct{ calls int }

func (s *slowDocument) RoundTrip(req *http.Request) (*http.Response, error) {
	s.calls++
	body := &tricklingBody{req.Context()}
	return &http.Response{Request: req, StatusCode: http.StatusOK, Header: http.Header{}, Body: body, ContentLength: -1}, nil
}

// tricklingBody is a body of spaces, one a second.
type tricklingBody struct{ ctx context.Context }

func (b *tricklingBody) Read(p []byte) (int, error) {
	return copy(p, " "), wire.Sleep(b.ctx, time.Second)
}

func (b *tricklingBody) Close() error { return nil }

// A document that comes byte by byte is an error after a minute, and is not asked for again.
func TestSlowDocumentIsAnError(t *testing.T) {
	for name, read := range map[string]func(context.Context, *distribution.Repository) error{
		"manifest": func(ctx context.Context, r *distribution.Repository) error {
			_, err := r.Manifest(ctx, "1")
			return err
		},
		"tags": func(ctx context.Context, r *distribution.Repository) error {
			_, err := collectNames(r.TagNames(ctx))
			return err
		},
		"referrers": func(ctx context.Context, r *distribution.Repository) error {
			_, err := r.Referrers(ctx, blob.FromBytes(nil), "")
			return err
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			slow := &slowDocument{}
			start := time.Now()
			err := read(t.Context(), &distribution.Repository{Name: "a/b", Client: &distribution.Client{
				Host: "registry.example", HTTP: &http.Client{Transport: &wire.Timeout{Base: slow, Stall: time.Minute}},
			}})
			var failed *distribution.RequestError
			if !errors.As(err, &failed) || !errors.Is(err, blob.ErrTooSlow) || slow.calls != 1 {
				t.Errorf("%s: error %v after %d calls", name, err, slow.calls)
			}
			if took := time.Since(start); took > 2*time.Minute {
				t.Errorf("%s: took %s", name, took)
			}
		})
	}
}
