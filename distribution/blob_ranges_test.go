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

// Only the range that was asked for is taken: whole blobs and other ranges are refused.
func TestOpenRange(t *testing.T) {
	const content = "0123456789"
	for name, handler := range map[string]http.HandlerFunc{
		"right":     content10,
		"the whole": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, content) },
		"another":   func(w http.ResponseWriter, r *http.Request) { partial(w, "bytes 3-5/10", "345") },
		"shorter":   func(w http.ResponseWriter, r *http.Request) { partial(w, "bytes 2-3/10", "23") },
		"not said":  func(w http.ResponseWriter, r *http.Request) { partial(w, "", "234") },
	} {
		got, costly, err := readRange(t, clientOf(t, handler).RangedBlob("a", blob.FromBytes(nil)), 2)
		if name == "right" {
			if got != "234" || costly || err != nil {
				t.Errorf("%s: got %q, costly %v, error %v", name, got, costly, err)
			}
		} else if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %q, error %v", name, got, err)
		}
	}
}

// content10 serves ten digits, and ranges of them.
func content10(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader("0123456789"))
}

// readRange reads three bytes.
func readRange(t *testing.T, b *distribution.RangedBlob, offset int64) (string, bool, error) {
	t.Helper()
	body, costly, err := b.OpenRange(t.Context(), offset, 3)
	if err != nil {
		return "", false, err
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	return string(got), costly, err
}

// behindStorage is a registry that asks for a token and redirects to a storage host, whose addresses each serve so often.
type behindStorage struct {
	scripted
	client  *distribution.Client
	storage scripted
	serves  int
	signed  int // addresses given out
	served  map[string]int
	then    http.HandlerFunc // the storage's answer, content10 by default
}

func newBehindStorage(t *testing.T, serves int) *behindStorage {
	b := &behindStorage{serves: serves, served: map[string]int{}, then: content10}
	storage := httptest.NewServer(&b.storage)
	t.Cleanup(storage.Close)
	b.storage.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("the storage is told %v", r.Header)
		}
		b.mu.Lock()
		b.served[r.URL.RawQuery]++
		gone := b.served[r.URL.RawQuery] > b.serves
		b.mu.Unlock()
		if gone {
			http.Error(w, "<Code>AccessDenied</Code>", http.StatusForbidden)
			return
		}
		b.then(w, r)
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
		http.Redirect(w, r, fmt.Sprintf("%s/here?signature=%d", storage.URL, n), http.StatusTemporaryRedirect)
	})
	b.client = clientOf(t, b)
	redirects := wire.Redirects{}
	b.client.HTTP = &http.Client{
		Transport:     &auth.Transport{Credentials: auth.Static{Username: "u", Password: "secret"}},
		CheckRedirect: redirects.CheckRedirect,
	}
	return b
}

// The storage is asked at once where the registry has redirected to it, with nothing that is for the registry; when it
// refuses, the registry is asked for another address.
func TestOpenRangeAtTheStorage(t *testing.T) {
	b := newBehindStorage(t, 5)
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
	// One for the whole and four ranges, a refusal, a redirect and four ranges.
	if registry, storage := b.signed, b.storage.count("GET"); registry != 2 || storage != 10 {
		t.Errorf("%d addresses given out, %d calls to the storage", registry, storage)
	}
}

// The first of many ranges finds out where the others go.
func TestOpenRangesAtOnce(t *testing.T) {
	b := newBehindStorage(t, 100)
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
		t.Errorf("%d addresses given out", b.signed)
	}
}

// Addresses that serve once make each range dear.
func TestOpenRangeOfOneTimeAddresses(t *testing.T) {
	b := newBehindStorage(t, 1)
	ranged := b.client.RangedBlob("a", blob.FromBytes(nil))
	costly := false
	for range 10 {
		got, dear, err := readRange(t, ranged, 4)
		if got != "456" || err != nil {
			t.Errorf("%q, error %v", got, err)
		}
		costly = dear
	}
	if !costly {
		t.Error("ranges of three calls each are not said to be costly")
	}
}

// A storage that fails is not asked again before the registry has told where the bytes are now: it may be another one.
func TestOpenRangeAfterTheStorageFailed(t *testing.T) {
	b := newBehindStorage(t, 100)
	ranged := b.client.RangedBlob("a", blob.FromBytes(nil))
	if _, _, err := readRange(t, ranged, 4); err != nil {
		t.Fatal(err)
	}
	for n, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		b.then = func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }
		var failed *distribution.Error
		if _, _, err := readRange(t, ranged, 4); !errors.As(err, &failed) || failed.StatusCode != status || b.signed != n+1 {
			t.Errorf("%d: %d addresses given out, error %v", status, b.signed, err)
		}
		b.then = content10
		if got, _, err := readRange(t, ranged, 4); got != "456" || err != nil || b.signed != n+2 {
			t.Errorf("%d: %q after %d addresses, error %v", status, got, b.signed, err)
		}
	}
}

// Where a storage redirects from an address that the registry has not given out just now, the registry is asked: only from
// there the rules for redirects can be held.
func TestOpenRangeIsNotRedirectedByTheStorage(t *testing.T) {
	b := newBehindStorage(t, 100)
	ranged := b.client.RangedBlob("a", blob.FromBytes(nil))
	if _, _, err := readRange(t, ranged, 4); err != nil {
		t.Fatal(err)
	}
	b.then = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "ftp://inside/", http.StatusFound) }
	_, _, err := readRange(t, ranged, 4)
	var refused *wire.RedirectError
	if !errors.As(err, &refused) || b.signed != 2 {
		t.Errorf("%d addresses given out, error %v", b.signed, err)
	}
}

// Who waits to learn where the bytes are stops waiting with its context.
func TestOpenRangeGivenUp(t *testing.T) {
	asked, done := make(chan bool), make(chan bool)
	c := clientOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- true
		<-done
	}))
	ranged := c.RangedBlob("a", blob.FromBytes(nil))
	var first sync.WaitGroup
	first.Go(func() { _, _, _ = ranged.OpenRange(t.Context(), 0, 3) })
	<-asked
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, _, err := ranged.OpenRange(ctx, 0, 3); !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
	close(done)
	first.Wait()
}

// Large blobs and ranges have connections of their own, and small blobs share one.
func TestConnectionsOfBlobs(t *testing.T) {
	var protocol atomic.Value
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol.Store(r.Proto)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(make([]byte, 2<<20)))
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	hosts := &wire.Hosts{TLS: wire.TLS{Insecure: true}}
	t.Cleanup(hosts.CloseIdleConnections)
	r := &distribution.Repository{Name: "a", Client: &distribution.Client{Host: s.Listener.Addr().String(), HTTP: &http.Client{Transport: hosts}}}
	open, openRange := r.RangedBlob(manifest.Descriptor{Digest: blob.FromBytes(nil), Size: 2 << 20})
	for _, test := range []struct {
		name, want string
		open       func() (io.ReadCloser, error)
	}{
		{"the whole", "HTTP/1.1", func() (io.ReadCloser, error) { return open(t.Context(), 0) }},
		{"its last MiB", "HTTP/1.1", func() (io.ReadCloser, error) { return open(t.Context(), 1<<20) }},
		{"less than a MiB", "HTTP/2.0", func() (io.ReadCloser, error) { return open(t.Context(), 1<<20+1) }},
		{"a range", "HTTP/1.1", func() (io.ReadCloser, error) {
			body, _, err := openRange(t.Context(), 0, 10)
			return body, err
		}},
	} {
		body, err := test.open()
		if err != nil {
			t.Fatal(err)
		}
		body.Close()
		if got := protocol.Load(); got != test.want {
			t.Errorf("%s comes over %v, want %s", test.name, got, test.want)
		}
	}
}

func partial(w http.ResponseWriter, contentRange, body string) {
	w.Header().Set("Content-Range", contentRange)
	w.WriteHeader(http.StatusPartialContent)
	io.WriteString(w, body)
}
