package distribution_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// fakeUploads has the upload endpoints of a registry and answers as a test says. After each call
// the session has a new Location, and the old one is not found.
type fakeUploads struct {
	*fakeRegistry
	received    []byte   // by the session
	closed      bool     // received is a blob
	serial      int      // of the current Location
	stale       []string // calls to old Locations
	patch       func(body []byte) (status, keep int)
	ranges      func(received int) string // the Range header
	closeStatus func() int                // of the closing PUT
}

func newFakeUploads() *fakeUploads {
	s := &fakeUploads{
		fakeRegistry: &fakeRegistry{},
		patch:        func(body []byte) (int, int) { return 202, len(body) },
		ranges:       func(received int) string { return fmt.Sprintf("0-%d", received-1) },
		closeStatus:  func() int { return 201 },
	}
	s.HandleFunc("POST /v2/a/b/blobs/uploads/", func(w http.ResponseWriter, _ *http.Request) {
		s.received = nil
		s.answer(w, 202)
	})
	s.HandleFunc("HEAD /v2/a/b/blobs/", func(w http.ResponseWriter, r *http.Request) {
		if !s.closed {
			answer(404, "")(w, r)
			return
		}
		answer(200, "", fmt.Sprintf("Content-Length: %d", len(s.received)))(w, r)
	})
	s.HandleFunc("/up/", s.serve)
	return s
}

func (s *fakeUploads) answer(w http.ResponseWriter, status int) {
	s.serial++
	w.Header().Set("Location", fmt.Sprintf("/up/%d?state=%%2F", s.serial))
	if len(s.received) > 0 {
		w.Header().Set("Range", s.ranges(len(s.received)))
	}
	w.WriteHeader(status)
}

func (s *fakeUploads) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !strings.HasPrefix(r.URL.RequestURI(), fmt.Sprintf("/up/%d?state=%%2F", s.serial)) {
		s.stale = append(s.stale, r.Method+" "+r.URL.RequestURI())
		w.WriteHeader(404)
		return
	}
	switch r.Method {
	case http.MethodPatch:
		status, keep := s.patch(body)
		s.received = append(s.received, body[:keep]...)
		s.answer(w, status)
	case http.MethodPut:
		if status := s.closeStatus(); status != 201 && status != 204 {
			s.answer(w, status)
			return
		}
		s.received, s.closed = append(s.received, body...), true
		w.Header().Set("Location", "/v2/a/b/blobs/"+r.URL.Query().Get("digest"))
		w.WriteHeader(s.closeStatus())
	default:
		s.answer(w, 204)
	}
}

// upload uploads b in chunks of that many bytes.
func (s *fakeUploads) upload(t *testing.T, b []byte, d manifest.Descriptor, chunk int64) error {
	t.Helper()
	repo := &distribution.Repository{Client: clientOf(t, s), Name: "a/b", ChunkSize: chunk}
	_, err := repo.PutBlob(t.Context(), d, new(faultyRegistry).open(b))
	return err
}

func TestUploadUsesNewestLocation(t *testing.T) {
	b, d := randomBlob(1000)
	s := newFakeUploads()
	if err := s.upload(t, b, d, 300); err != nil || !bytes.Equal(s.received, b) {
		t.Errorf("the registry has %d bytes, error %v", len(s.received), err)
	}
	failed := false
	s = newFakeUploads()
	s.patch = func(body []byte) (int, int) {
		if len(s.received) == 600 && !failed {
			failed = true
			return 503, 100
		}
		return 202, len(body)
	}
	// The Location of the failed response is lost, and the one before it is not found: the upload
	// needs a new session.
	if err := s.upload(t, b, d, 300); err != nil || !bytes.Equal(s.received, b) {
		t.Errorf("after a failure the registry has %d bytes, error %v", len(s.received), err)
	}
}

// An upload must end even if the registry reports wrong offsets.
func TestUploadEndsDespiteWrongReports(t *testing.T) {
	b, d := randomBlob(1000)
	for name, prepare := range map[string]func(*fakeUploads){
		"every second chunk fails and the offset goes back to 0": func(s *fakeUploads) {
			s.patch = func(body []byte) (int, int) {
				if len(s.received) > 0 {
					s.received = nil
					return 500, 0
				}
				return 202, len(body)
			}
		},
		"the session cannot be closed": func(s *fakeUploads) { s.closeStatus = func() int { return 503 } },
		"more bytes than the blob has": func(s *fakeUploads) {
			s.ranges = func(int) string { return "0-4000000000" }
			s.closeStatus = func() int { return 503 }
		},
		"malformed Range": func(s *fakeUploads) {
			s.ranges = func(int) string { return "-5--9223372036854775808" }
			s.closeStatus = func() int { return 502 }
		},
	} {
		s := newFakeUploads()
		prepare(s)
		err := s.upload(t, b, d, 300)
		var answer *distribution.Error
		if !errors.As(err, &answer) || !strings.Contains(err.Error(), "gave up after 6 attempts") {
			t.Errorf("%s: got error %v", name, err)
		}
		if s.count("") > 100 {
			t.Errorf("%s: %d calls", name, s.count(""))
		}
	}
}

// "0-0" means one byte or none. After a chunk of one byte it must be one.
func TestOneByteChunks(t *testing.T) {
	b, d := randomBlob(3)
	s := newFakeUploads()
	if err := s.upload(t, b, d, 1); err != nil || !bytes.Equal(s.received, b) {
		t.Errorf("the registry has %x of %x, error %v", s.received, b, err)
	}
}

// ECR accepts one chunk and drops the rest (containers-roadmap #2831); Google's registries accept
// none.
func TestOnePutIfChunksAreRefused(t *testing.T) {
	b, d := randomBlob(1000)
	for name, patch := range map[string]func(s *fakeUploads) func([]byte) (int, int){
		"dropped": func(s *fakeUploads) func([]byte) (int, int) {
			return func(body []byte) (int, int) {
				if len(s.received) > 0 {
					return 201, 0
				}
				return 201, len(body)
			}
		},
		"405": func(*fakeUploads) func([]byte) (int, int) { return func([]byte) (int, int) { return 405, 0 } },
		"501": func(*fakeUploads) func([]byte) (int, int) { return func([]byte) (int, int) { return 501, 0 } },
	} {
		s := newFakeUploads()
		s.patch = patch(s)
		if err := s.upload(t, b, d, 300); err != nil || !bytes.Equal(s.received, b) {
			t.Errorf("%s: the registry has %d bytes, error %v", name, len(s.received), err)
		}
		if n := s.count("PUT /up/"); n != 1 {
			t.Errorf("%s: %d PUTs", name, n)
		}
	}
	s := newFakeUploads()
	s.closeStatus = func() int { return 405 }
	if err := s.upload(t, b, d, 0); err == nil || s.count("PUT /up/") != 1 {
		t.Errorf("PUT refused too: error %v after %d PUTs", err, s.count("PUT /up/"))
	}
}

func TestUploadClosedWith204(t *testing.T) {
	b, d := randomBlob(1000)
	for _, chunk := range []int64{0, 300} {
		s := newFakeUploads()
		s.closeStatus = func() int { return 204 }
		if err := s.upload(t, b, d, chunk); err != nil || !bytes.Equal(s.received, b) {
			t.Errorf("chunks of %d: the registry has %d bytes, error %v", chunk, len(s.received), err)
		}
		if n := s.count("HEAD "); n != 1 {
			t.Errorf("chunks of %d: %d HEADs, want one that confirms the 204", chunk, n)
		}
	}
}

// If the registry's offset differs from its last response, it answers 416, and the status has the
// offset.
func TestResumeAfter416(t *testing.T) {
	b, d := randomBlob(1000)
	s := newFakeUploads()
	lost := false
	s.patch = func(body []byte) (int, int) {
		if len(s.received) == 600 && !lost {
			lost = true
			s.received = s.received[:450]
			s.serial-- // answer increments it: the Location stays the same
			return 416, 0
		}
		return 202, len(body)
	}
	if err := s.upload(t, b, d, 300); err != nil || !bytes.Equal(s.received, b) {
		t.Errorf("the registry has %d bytes, error %v", len(s.received), err)
	}
	if n := s.count("POST "); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

// A proxy may still pass on what an earlier request has sent. While the session grows by itself the upload
// waits, in place of sending the rest again with each answer.
func TestWaitsWhileTheSessionGrows(t *testing.T) {
	b, d := randomBlob(1000)
	s := newFakeUploads()
	grown, waits := 0, 0
	s.patch = func(body []byte) (int, int) {
		if n := len(s.received); n >= 300 && grown < 20 {
			grown++
			s.received = append(s.received, b[n:n+10]...)
			s.serial-- // answer increments it: the Location stays the same
			return 416, 0
		}
		return 202, len(body)
	}
	client := clientOf(t, s)
	client.Sleep = func(context.Context, time.Duration) error {
		waits++
		return nil
	}
	repo := &distribution.Repository{Client: client, Name: "a/b", ChunkSize: 300}
	if _, err := repo.PutBlob(t.Context(), d, new(faultyRegistry).open(b)); err != nil || !bytes.Equal(s.received, b) {
		t.Errorf("the registry has %d bytes, error %v", len(s.received), err)
	}
	if waits != grown-1 {
		t.Errorf("%d waits after %d answers of 416", waits, grown)
	}
}

// A registry may answer 416 to the closing PUT although it has the blob.
func TestBlobArrivedDespite416(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: putCall, Times: 1, Edit: func(h http.Header) {}})
	b, d := randomBlob(1000)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	l.Set(registry.Rule{Match: mountCall, DropQuery: []string{"mount", "from"}}, registry.Rule{Match: putCall, Status: 416})
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil || l.Count(putCall) != 2 {
		t.Errorf("error %v after %d PUTs", err, l.Count(putCall))
	}
}

func TestStartUploadSendsContentLength(t *testing.T) {
	l := newFaultyRegistry(t)
	b, d := randomBlob(10)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.repo.Client.StartUpload(t.Context(), "a/b", d.Digest); err != nil {
		t.Fatal(err)
	}
	for _, r := range l.Requests() {
		if r.Method == http.MethodPost && !slices.Equal(r.Header["Content-Length"], []string{"0"}) {
			t.Errorf("%s %s: Content-Length %q", r.Method, r.URL, r.Header["Content-Length"])
		}
	}
}

func TestFinishUploadWithLastChunk(t *testing.T) {
	l := newFaultyRegistry(t)
	c := l.repo.Client
	b, d := randomBlob(1000)
	session, err := c.StartUpload(t.Context(), "a/b", d.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if session, err = c.UploadChunk(t.Context(), session, 400, bytes.NewReader(b[:400])); err != nil {
		t.Fatal(err)
	}
	if err := c.FinishUpload(t.Context(), session, d.Digest, 600, bytes.NewReader(b[400:])); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range l.Requests() {
		got = append(got, r.Header.Get("Content-Range"))
	}
	if want := []string{"", "0-399", "400-999"}; !slices.Equal(got, want) {
		t.Errorf("Content-Range %q, want %q", got, want)
	}
	l.checkBlob(t, b, d)
}

func TestOnWait(t *testing.T) {
	for after, least := range map[string]time.Duration{"0": 1, "90": 90 * time.Second, "soon": 1} {
		l := newFaultyRegistry(t, registry.Rule{Match: putCall, Times: 1, Status: 503, Header: map[string]string{"Retry-After": after}})
		var waits []wire.RetryWait
		l.repo.Client.OnWait = func(w wire.RetryWait) { waits = append(waits, w) }
		b, d := randomBlob(1000)
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
			t.Fatal(err)
		}
		if len(waits) != 1 || waits[0].StatusCode != 503 || waits[0].Attempt != 1 || waits[0].Host != l.repo.Client.Host {
			t.Fatalf("Retry-After %s: got %+v", after, waits)
		}
		if len(l.slept) != 1 || l.slept[0] != waits[0].Duration || l.slept[0] < least {
			t.Errorf("Retry-After %s: slept %v, reported %v", after, l.slept, waits[0].Duration)
		}
	}
	l := newFaultyRegistry(t, registry.Rule{Match: putCall, Times: 1, Cut: registry.CutRequest, After: 10})
	var waits []wire.RetryWait
	l.repo.Client.OnWait = func(w wire.RetryWait) { waits = append(waits, w) }
	b, d := randomBlob(1000)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil ||
		len(waits) != 1 || waits[0].Err == nil || waits[0].StatusCode != 0 {
		t.Errorf("a broken connection: got %+v, error %v", waits, err)
	}
}

// A registry that asks an upload to wait too long, at once or bit by bit, ends it with the time at
// which to try again.
func TestUploadBoundsRetryAfter(t *testing.T) {
	for after, waits := range map[string]int{"601": 0, "9223372036854775807": 0, "250": 2} {
		l := newFaultyRegistry(t, registry.Rule{Match: putCall, Status: 503, Header: map[string]string{"Retry-After": after}})
		b, d := randomBlob(1000)
		_, err := l.repo.PutBlob(t.Context(), d, l.open(b))
		var late *wire.RetryAfterError
		if !errors.As(err, &late) || late.Host != l.repo.Client.Host || !late.Until.After(time.Now()) {
			t.Errorf("Retry-After %s: error %v, want a *RetryAfterError of the host", after, err)
		}
		if len(l.slept) != waits {
			t.Errorf("Retry-After %s: waits %v, want %d", after, l.slept, waits)
		}
		l.checkSessionsCancelled(t, "asked to wait too long")
	}
}

func TestWaitStopsWithContext(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: putCall, Status: 429, Header: map[string]string{"Retry-After": "600"}})
	l.repo.Client.Sleep = nil
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped")
	l.repo.Client.OnWait = func(wire.RetryWait) { cancel(cause) }
	b, d := randomBlob(1000)
	if _, err := l.repo.PutBlob(ctx, d, l.open(b)); !errors.Is(err, cause) {
		t.Errorf("got error %v", err)
	}
	l.checkSessionsCancelled(t, "stopped")
}

func TestStoppedUploadCancelsSession(t *testing.T) {
	l := newFaultyRegistry(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped")
	b, d := randomBlob(1 << 20)
	_, err := l.repo.PutBlob(ctx, d, func(context.Context, int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(b[:1000]), stopper(func() { cancel(cause) }))), nil
	})
	if !errors.Is(err, cause) {
		t.Errorf("got error %v", err)
	}
	l.checkSessionsCancelled(t, "stopped")
}

type stopper func()

func (s stopper) Read([]byte) (int, error) {
	s()
	return 0, errors.New("the connection is closed")
}

// A session may be on a storage host, which gets the blob but not the registry's credentials.
func TestUploadToStorageHost(t *testing.T) {
	b, d := randomBlob(1000)
	var mu sync.Mutex
	var got []byte
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got, _ = io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "" {
			t.Error("the storage host got the registry's credentials")
		}
		if want := "/x?sig=a%2Fb&digest=" + strings.Replace(string(d.Digest), ":", "%3A", 1); r.URL.RequestURI() != want {
			t.Errorf("requested %s, want %s", r.URL.RequestURI(), want)
		}
		w.WriteHeader(201)
	}))
	defer storage.Close()
	s := &fakeRegistry{}
	s.Handle("HEAD /v2/a/b/blobs/"+string(d.Digest), answer(200, "", "Content-Length: 1000"))
	s.HandleFunc("POST /v2/a/b/blobs/uploads/", func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); !ok {
			answer(401, "", `WWW-Authenticate: Basic realm="x"`)(w, r)
			return
		}
		answer(202, "", "Location: "+storage.URL+"/x?sig=a%2Fb")(w, r)
	})
	c := clientOf(t, s)
	c.HTTP = &http.Client{Transport: &auth.Transport{Credentials: auth.Static(auth.Credential{Username: "u", Password: "p"})}}
	repo := &distribution.Repository{Client: c, Name: "a/b"}
	if _, err := repo.PutBlob(t.Context(), d, new(faultyRegistry).open(b)); err != nil || !bytes.Equal(got, b) {
		t.Errorf("the storage has %d bytes, error %v", len(got), err)
	}
}

func TestMountWithoutFrom(t *testing.T) {
	l := newFaultyRegistry(t)
	_, d := randomBlob(10)
	if _, _, err := l.repo.Client.Mount(t.Context(), "a/b", d.Digest, ""); err != nil {
		t.Fatal(err)
	}
	if u := l.Requests()[0].URL; strings.Contains(u, "from") {
		t.Errorf("requested %s", u)
	}
}

// In a repository with a tag, large blobs are probed by HEAD until a mount has worked.
func TestProbeUntilMountsAreReliable(t *testing.T) {
	for name, c := range map[string]struct {
		rules []registry.Rule
		heads int
		last  blob.Outcome
	}{
		"ignored": {[]registry.Rule{{Match: mountCall, DropQuery: []string{"mount", "from"}}}, 2, blob.Exists},
		"done":    {nil, 1, blob.Exists},
	} {
		l := newFaultyRegistry(t)
		old, there := randomBlob(2 << 20)
		fresh := append(bytes.Clone(old), 1)
		absent := manifest.Descriptor{Digest: blob.FromBytes(fresh), Size: int64(len(fresh))}
		newest := append(bytes.Clone(old), 2)
		alsoAbsent := manifest.Descriptor{Digest: blob.FromBytes(newest), Size: int64(len(newest))}
		if _, err := l.repo.PutBlob(t.Context(), there, l.open(old)); err != nil {
			t.Fatal(err)
		}
		m, _ := manifest.Parse("", []byte(`{"schemaVersion":2,"layers":[]}`))
		if err := l.repo.PutManifest(t.Context(), "t", m); err != nil {
			t.Fatal(err)
		}
		l.Set(c.rules...)
		if _, err := l.repo.HeadManifest(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
		l.ResetRequests()
		if outcome, err := l.repo.PutBlob(t.Context(), absent, l.open(fresh)); err != nil || outcome != blob.Uploaded {
			t.Errorf("%s: a new blob: %s, error %v", name, outcome, err)
		}
		if outcome, err := l.repo.PutBlob(t.Context(), there, l.open(old)); err != nil || outcome != c.last {
			t.Errorf("%s: an existing blob: %s, error %v", name, outcome, err)
		}
		if n := l.Count(headCall); n != c.heads {
			t.Errorf("%s: %d HEADs, want %d: %+v", name, n, c.heads, l.Requests())
		}
		l.ResetRequests()
		if _, err := l.repo.PutBlob(t.Context(), alsoAbsent, l.open(newest)); err != nil || l.Count(headCall) != c.heads-1 {
			t.Errorf("%s: the next new blob: %d HEADs, error %v", name, l.Count(headCall), err)
		}
	}
}

// With Patch, a blob is sent by one PATCH and an empty PUT, and an empty blob only by the PUT.
func TestPatch(t *testing.T) {
	for size, want := range map[int]string{1000: "PATCH 1000, PUT 0", 0: "PUT 0"} {
		b, d := randomBlob(size)
		var calls []string
		s := newFakeUploads()
		note := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch || r.Method == http.MethodPut {
				calls = append(calls, fmt.Sprintf("%s %d", r.Method, r.ContentLength))
			}
			s.ServeHTTP(w, r)
		})
		repo := &distribution.Repository{Client: clientOf(t, note), Name: "a/b", AlwaysPatch: true}
		_, err := repo.PutBlob(t.Context(), d, new(faultyRegistry).open(b))
		if got := strings.Join(calls, ", "); err != nil || got != want || !bytes.Equal(s.received, b) {
			t.Errorf("%d bytes: %s, want %s, error %v", size, got, want, err)
		}
	}
}
