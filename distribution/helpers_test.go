package distribution_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// fakeRegistry is a registry that answers as a test says and records its calls.
type fakeRegistry struct {
	http.ServeMux
	mu    sync.Mutex
	calls []string // method and request URI
}

// ServeHTTP implements http.Handler.
func (s *fakeRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls = append(s.calls, r.Method+" "+r.URL.RequestURI())
	s.mu.Unlock()
	s.ServeMux.ServeHTTP(w, r)
}

func (s *fakeRegistry) count(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// serve starts a fakeRegistry and returns it with a client.
func serve(t *testing.T) (*fakeRegistry, *distribution.Client) {
	t.Helper()
	s := &fakeRegistry{}
	return s, clientOf(t, s)
}

func clientOf(t *testing.T, h http.Handler) *distribution.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &distribution.Client{
		Host:      strings.TrimPrefix(server.URL, "http://"),
		PlainHTTP: true,
		HTTP:      server.Client(),
		Sleep:     func(context.Context, time.Duration) error { return nil },
	}
}

// answer is a handler with a fixed response; headers are "Name: value".
func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// created answers 201 and names the content in Location, as the specification requires.
func created(headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		location := r.URL.Path
		if d := r.URL.Query().Get("digest"); d != "" {
			location = "/v2/a/b/blobs/" + d
		}
		answer(201, "", append(headers, "Location: "+location)...)(w, r)
	}
}

// faultyRegistry is an embedded registry with faults, and a repository on it.
type faultyRegistry struct {
	*registry.Faults
	repo   *distribution.Repository
	slept  []time.Duration
	warned []string
	opened []int64 // offsets at which the source was opened
}

func newFaultyRegistry(t *testing.T, rules ...registry.Rule) *faultyRegistry {
	t.Helper()
	l := &faultyRegistry{Faults: &registry.Faults{Handler: &registry.Handler{}}}
	l.Set(rules...)
	client := clientOf(t, l)
	client.Sleep = func(_ context.Context, d time.Duration) error {
		l.slept = append(l.slept, d)
		return nil
	}
	client.OnWarning = func(text string) { l.warned = append(l.warned, text) }
	l.repo = &distribution.Repository{Client: client, Name: "a/b"}
	return l
}

func randomBlob(size int) ([]byte, manifest.Descriptor) {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{2}).Read(b)
	return b, manifest.Descriptor{Digest: blob.FromBytes(b), Size: int64(size), MediaType: "application/octet-stream"}
}

func (l *faultyRegistry) open(b []byte) blob.Open {
	return func(_ context.Context, offset int64) (io.ReadCloser, error) {
		l.opened = append(l.opened, offset)
		return io.NopCloser(bytes.NewReader(b[offset:])), nil
	}
}

// checkBlob checks that the registry has exactly these bytes.
func (l *faultyRegistry) checkBlob(t *testing.T, b []byte, d manifest.Descriptor) {
	t.Helper()
	l.Set()
	r, size, err := l.repo.Client.GetBlob(t.Context(), l.repo.Name, d.Digest, 0)
	if err != nil {
		t.Fatalf("the blob is missing: %v", err)
	}
	defer r.Close()
	got := bytes.NewBuffer(make([]byte, 0, len(b)+bytes.MinRead)) // what grows is copied
	if _, err := got.ReadFrom(r); err != nil || size != d.Size || !bytes.Equal(got.Bytes(), b) {
		t.Errorf("the registry has %d bytes (%d announced), error %v", got.Len(), size, err)
	}
}

// checkSessionsCancelled checks that every session was cancelled.
func (l *faultyRegistry) checkSessionsCancelled(t *testing.T, name string) {
	t.Helper()
	if opened, cancelled := l.Count(`^POST .*/uploads/`), l.Count(`^DELETE .*/uploads/`); opened != cancelled {
		t.Errorf("%s: %d sessions opened, %d cancelled", name, opened, cancelled)
	}
}

const (
	mountCall = `^POST /v2/a/b/blobs/uploads/\?.*mount=`
	startCall = `^POST /v2/a/b/blobs/uploads/$`
	putCall   = `^PUT /v2/a/b/blobs/uploads/`
	patchCall = `^PATCH `
	headCall  = `^HEAD /v2/a/b/blobs/`
)
