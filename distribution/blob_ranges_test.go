package distribution_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// OpenRange refuses whole blobs, and other ranges than the requested one.
func TestOpenRange(t *testing.T) {
	const content = "0123456789"
	for name, handler := range map[string]http.HandlerFunc{
		"requested range": serveDigits,
		"whole blob":      func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, content) },
		"other range":     func(w http.ResponseWriter, r *http.Request) { writePartial(w, "bytes 3-5/10", "345") },
		"shorter range":   func(w http.ResponseWriter, r *http.Request) { writePartial(w, "bytes 2-3/10", "23") },
		"no range":        func(w http.ResponseWriter, r *http.Request) { writePartial(w, "", "234") },
	} {
		got, costly, err := readRange(t, clientOf(t, handler).RangedBlob("a", blob.FromBytes(nil)), 2)
		if name == "requested range" {
			if got != "234" || costly || err != nil {
				t.Errorf("%s: got %q, costly %v, error %v", name, got, costly, err)
			}
		} else if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %q, error %v", name, got, err)
		}
	}
}

// serveDigits serves ten digits, and ranges of them.
func serveDigits(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader("0123456789"))
}

// readRange reads three bytes.
func readRange(t *testing.T, b *distribution.RangedBlob, offset int64) (string, bool, error) {
	t.Helper()
	body, costly, err := b.OpenRange(t.Context(), blob.Range{Offset: offset, Size: 3})
	if err != nil {
		return "", false, err
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	return string(got), costly, err
}

// redirectingRegistry requires a password and redirects to a storage host, each of whose URLs
// serves a number of requests.
type redirectingRegistry struct {
	fakeRegistry
	client  *distribution.Client
	storage fakeRegistry
	maxUses int              // of one URL of the storage
	signed  int              // URLs that the registry has given out
	uses    map[string]int   // of the URLs, by their query
	serve   http.HandlerFunc // the storage, serveDigits by default
}

func newRedirectingRegistry(t *testing.T, maxUses int) *redirectingRegistry {
	b := &redirectingRegistry{maxUses: maxUses, uses: map[string]int{}, serve: serveDigits}
	storage := httptest.NewServer(&b.storage)
	t.Cleanup(storage.Close)
	b.storage.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("the storage got %v", r.Header)
		}
		b.mu.Lock()
		b.uses[r.URL.RawQuery]++
		expired := b.uses[r.URL.RawQuery] > b.maxUses
		b.mu.Unlock()
		if expired {
			http.Error(w, "<Code>AccessDenied</Code>", http.StatusForbidden)
			return
		}
		b.serve(w, r)
	})
	b.HandleFunc("/v2/a/blobs/", func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "secret" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		b.mu.Lock()
		b.signed++
		n := b.signed
		b.mu.Unlock()
		http.Redirect(w, r, fmt.Sprintf("%s/blob?signature=%d", storage.URL, n), http.StatusTemporaryRedirect)
	})
	b.client = clientOf(t, b)
	redirects := wire.RedirectRules{}
	b.client.HTTP = &http.Client{
		Transport:     &auth.Transport{Credentials: auth.Static{Username: "u", Password: "secret"}},
		CheckRedirect: redirects.CheckRedirect,
	}
	return b
}

// Ranges after a redirect go to the storage at once, without credentials; if it refuses, the
// registry gives out another URL.
func TestOpenRangeGoesToStorage(t *testing.T) {
	b := newRedirectingRegistry(t, 5)
	ranged := b.client.RangedBlob("a", blob.FromBytes(nil))
	body, size, err := ranged.Open(t.Context(), 0)
	if err != nil || size != 10 {
		t.Fatalf("size %d, error %v", size, err)
	}
	body.Close()
	for n := range int64(8) {
		if got, costly, err := readRange(t, ranged, n%7); got != "0123456789"[n%7:n%7+3] || costly || err != nil {
			t.Errorf("range %d: %q, costly %v, error %v", n, got, costly, err)
		}
	}
	// The first URL serves the whole blob and four ranges, and refuses the fifth; the second serves
	// four.
	if registry, storage := b.signed, b.storage.count("GET"); registry != 2 || storage != 10 {
		t.Errorf("%d URLs given out, %d calls to the storage", registry, storage)
	}
}

// The first of many ranges finds out where the bytes are, and the others wait for it.
func TestConcurrentOpenRangeRedirectsOnce(t *testing.T) {
	b := newRedirectingRegistry(t, 100)
	ranged := b.client.RangedBlob("a", blob.FromBytes(nil))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, _, err := readRange(t, ranged, 4); got != "456" || err != nil {
				t.Errorf("%q, error %v", got, err)
			}
		})
	}
	all.Wait()
	if b.signed != 1 {
		t.Errorf("%d URLs given out, want 1", b.signed)
	}
}

func TestOpenRangeCostlyWithOneTimeURLs(t *testing.T) {
	b := newRedirectingRegistry(t, 1)
	ranged := b.client.RangedBlob("a", blob.FromBytes(nil))
	costly := false
	for range 10 {
		got, isCostly, err := readRange(t, ranged, 4)
		if got != "456" || err != nil {
			t.Errorf("%q, error %v", got, err)
		}
		costly = isCostly
	}
	if !costly {
		t.Error("ranges of three calls each are not costly")
	}
}

// After a storage host fails, the registry is asked where the bytes are now: it may be another
// host.
func TestOpenRangeAsksRegistryAfterStorageFailure(t *testing.T) {
	b := newRedirectingRegistry(t, 100)
	ranged := b.client.RangedBlob("a", blob.FromBytes(nil))
	if _, _, err := readRange(t, ranged, 4); err != nil {
		t.Fatal(err)
	}
	for n, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		b.serve = func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }
		var failed *distribution.Error
		if _, _, err := readRange(t, ranged, 4); !errors.As(err, &failed) || failed.StatusCode != status || b.signed != n+1 {
			t.Errorf("%d: %d URLs given out, error %v", status, b.signed, err)
		}
		b.serve = serveDigits
		if got, _, err := readRange(t, ranged, 4); got != "456" || err != nil || b.signed != n+2 {
			t.Errorf("%d: %q after %d URLs, error %v", status, got, b.signed, err)
		}
	}
}

// A redirect of the storage is followed only on the way from the registry, where wire.RedirectRules
// checks it.
func TestOpenRangeFollowsNoRedirectOfStorage(t *testing.T) {
	b := newRedirectingRegistry(t, 100)
	ranged := b.client.RangedBlob("a", blob.FromBytes(nil))
	if _, _, err := readRange(t, ranged, 4); err != nil {
		t.Fatal(err)
	}
	b.serve = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "ftp://inside/", http.StatusFound) }
	_, _, err := readRange(t, ranged, 4)
	var refused *wire.RedirectError
	if !errors.As(err, &refused) || b.signed != 2 {
		t.Errorf("%d URLs given out, error %v", b.signed, err)
	}
}

// A range that waits for another to find out where the bytes are stops waiting when its context
// ends.
func TestOpenRangeStopsWithContext(t *testing.T) {
	requested, done := make(chan bool), make(chan bool)
	c := clientOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		requested <- true
		<-done
	}))
	ranged := c.RangedBlob("a", blob.FromBytes(nil))
	var first sync.WaitGroup
	first.Go(func() { _, _, _ = ranged.OpenRange(t.Context(), blob.Range{Size: 3}) })
	<-requested
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped")
	cancel(cause)
	if _, _, err := ranged.OpenRange(ctx, blob.Range{Size: 3}); !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
	close(done)
	first.Wait()
}

// Large blobs and ranges have connections of HTTP/1.1 of their own, and small blobs share one of
// HTTP/2.
func TestLargeBlobsHaveOwnConnections(t *testing.T) {
	var protocol atomic.Value
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol.Store(r.Proto)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(make([]byte, 2<<20)))
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	hosts := &wire.Transport{TLS: wire.TLSOptions{Insecure: true}}
	t.Cleanup(hosts.CloseIdleConnections)
	client := &distribution.Client{Host: s.Listener.Addr().String(), HTTP: &http.Client{Transport: hosts}}
	r := &distribution.Repository{Name: "a", Client: client}
	open, openRange := r.RangedBlob(manifest.Descriptor{Digest: blob.FromBytes(nil), Size: 2 << 20})
	for _, test := range []struct {
		name, want string
		open       func() (io.ReadCloser, error)
	}{
		{"the whole blob", "HTTP/1.1", func() (io.ReadCloser, error) { return open(t.Context(), 0) }},
		{"its last MiB", "HTTP/1.1", func() (io.ReadCloser, error) { return open(t.Context(), 1<<20) }},
		{"less than a MiB", "HTTP/2.0", func() (io.ReadCloser, error) { return open(t.Context(), 1<<20+1) }},
		{"a range", "HTTP/1.1", func() (io.ReadCloser, error) {
			body, _, err := openRange(t.Context(), blob.Range{Size: 10})
			return body, err
		}},
	} {
		body, err := test.open()
		if err != nil {
			t.Fatal(err)
		}
		body.Close()
		if got := protocol.Load(); got != test.want {
			t.Errorf("%s: over %v, want %s", test.name, got, test.want)
		}
	}
}

func writePartial(w http.ResponseWriter, contentRange, body string) {
	w.Header().Set("Content-Range", contentRange)
	w.WriteHeader(http.StatusPartialContent)
	io.WriteString(w, body)
}
