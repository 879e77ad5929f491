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

// sessions is the upload part of a registry that is told by a test what to answer. Its sessions have a new location after
// each call, and the old ones are no more.
type sessions struct {
	*scripted
	have    []byte   // what the session has
	serial  int      // of the only location that is good
	stale   []string // calls to other locations
	patch   func(body []byte) (status, keep int)
	ranges  func(have int) string // the Range header
	closing func() int            // status of the closing PUT
}

func newSessions() *sessions {
	s := &sessions{
		scripted: &scripted{},
		patch:    func(body []byte) (int, int) { return 202, len(body) },
		ranges:   func(have int) string { return fmt.Sprintf("0-%d", have-1) },
		closing:  func() int { return 201 },
	}
	s.HandleFunc("POST /v2/a/b/blobs/uploads/", func(w http.ResponseWriter, _ *http.Request) {
		s.have = nil
		s.answer(w, 202)
	})
	s.HandleFunc("HEAD /v2/a/b/blobs/", answer(404, ""))
	s.HandleFunc("/up/", s.serve)
	return s
}

func (s *sessions) answer(w http.ResponseWriter, status int) {
	s.serial++
	w.Header().Set("Location", fmt.Sprintf("/up/%d?state=%%2F", s.serial))
	if len(s.have) > 0 {
		w.Header().Set("Range", s.ranges(len(s.have)))
	}
	w.WriteHeader(status)
}

func (s *sessions) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !strings.HasPrefix(r.URL.RequestURI(), fmt.Sprintf("/up/%d?state=%%2F", s.serial)) {
		s.stale = append(s.stale, r.Method+" "+r.URL.RequestURI())
		w.WriteHeader(404)
		return
	}
	switch r.Method {
	case http.MethodPatch:
		status, keep := s.patch(body)
		s.have = append(s.have, body[:keep]...)
		s.answer(w, status)
	case http.MethodPut:
		if status := s.closing(); status != 201 && status != 204 {
			s.answer(w, status)
			return
		}
		s.have = append(s.have, body...)
		w.WriteHeader(s.closing())
	default:
		s.answer(w, 204)
	}
}

// put uploads b in chunks of that many bytes.
func (s *sessions) put(t *testing.T, b []byte, d manifest.Descriptor, chunk int64) error {
	t.Helper()
	repo := &distribution.Repository{Client: clientOf(t, s), Name: "a/b", ChunkSize: chunk}
	_, err := repo.PutBlob(t.Context(), d, new(lab).open(b))
	return err
}

func TestEachCallUsesTheNewestLocation(t *testing.T) {
	b, d := random(1000)
	s := newSessions()
	if err := s.put(t, b, d, 300); err != nil || !bytes.Equal(s.have, b) {
		t.Errorf("the registry has %d bytes, error %v", len(s.have), err)
	}
	failed := false
	s = newSessions()
	s.patch = func(body []byte) (int, int) {
		if len(s.have) == 600 && !failed {
			failed = true
			return 503, 100
		}
		return 202, len(body)
	}
	// The location of the answer that failed is lost, but the one before it is not good any more: a new session.
	if err := s.put(t, b, d, 300); err != nil || !bytes.Equal(s.have, b) {
		t.Errorf("after a failure the registry has %d bytes, error %v", len(s.have), err)
	}
}

// What the registry says of itself need not be true. The upload ends all the same.
func TestUploadsToARegistryThatLies(t *testing.T) {
	b, d := random(1000)
	for name, lie := range map[string]func(*sessions){
		"each second chunk fails and is forgotten": func(s *sessions) {
			s.patch = func(body []byte) (int, int) {
				if len(s.have) > 0 {
					s.have = nil
					return 500, 0
				}
				return 202, len(body)
			}
		},
		"all is there, but it cannot be closed": func(s *sessions) { s.closing = func() int { return 503 } },
		"more than there is": func(s *sessions) {
			s.ranges = func(int) string { return "0-4000000000" }
			s.closing = func() int { return 503 }
		},
		"nothing that could be read": func(s *sessions) {
			s.ranges = func(int) string { return "-5--9223372036854775808" }
			s.closing = func() int { return 502 }
		},
	} {
		s := newSessions()
		lie(s)
		err := s.put(t, b, d, 300)
		var answer *distribution.Error
		if !errors.As(err, &answer) || !strings.Contains(err.Error(), "gave up after 6 attempts") {
			t.Errorf("%s: got error %v", name, err)
		}
		if s.count("") > 100 {
			t.Errorf("%s: %d calls", name, s.count(""))
		}
	}
}

// "0-0" is the first byte or none at all. With chunks of one byte it must be that byte.
func TestChunksOfOneByte(t *testing.T) {
	b, d := random(3)
	s := newSessions()
	if err := s.put(t, b, d, 1); err != nil || !bytes.Equal(s.have, b) {
		t.Errorf("the registry has %x of %x, error %v", s.have, b, err)
	}
}

// ECR takes one chunk and drops what follows (containers-roadmap #2831); Google's registries take none.
func TestOnePutWhereChunksAreRefused(t *testing.T) {
	b, d := random(1000)
	for name, patch := range map[string]func(s *sessions) func([]byte) (int, int){
		"dropped": func(s *sessions) func([]byte) (int, int) {
			return func(body []byte) (int, int) {
				if len(s.have) > 0 {
					return 201, 0
				}
				return 201, len(body)
			}
		},
		"405": func(*sessions) func([]byte) (int, int) { return func([]byte) (int, int) { return 405, 0 } },
		"501": func(*sessions) func([]byte) (int, int) { return func([]byte) (int, int) { return 501, 0 } },
	} {
		s := newSessions()
		s.patch = patch(s)
		if err := s.put(t, b, d, 300); err != nil || !bytes.Equal(s.have, b) {
			t.Errorf("%s: the registry has %d bytes, error %v", name, len(s.have), err)
		}
		if n := s.count("PUT /up/"); n != 1 {
			t.Errorf("%s: %d PUTs", name, n)
		}
	}
	s := newSessions()
	s.closing = func() int { return 405 }
	if err := s.put(t, b, d, 0); err == nil || s.count("PUT /up/") != 1 {
		t.Errorf("no PUT either: error %v after %d of them", err, s.count("PUT /up/"))
	}
}

func TestUploadsMayBeClosedWith204(t *testing.T) {
	b, d := random(1000)
	for _, chunk := range []int64{0, 300} {
		s := newSessions()
		s.closing = func() int { return 204 }
		if err := s.put(t, b, d, chunk); err != nil || !bytes.Equal(s.have, b) {
			t.Errorf("chunks of %d: the registry has %d bytes, error %v", chunk, len(s.have), err)
		}
	}
}

// The registry is elsewhere than its last answer said: 416, and the status tells where.
func TestOutOfOrderAsksTheStatus(t *testing.T) {
	b, d := random(1000)
	s := newSessions()
	lost := false
	s.patch = func(body []byte) (int, int) {
		if len(s.have) == 600 && !lost {
			lost = true
			s.have = s.have[:450]
			s.serial-- // the location stays as it was, since answer counts on
			return 416, 0
		}
		return 202, len(body)
	}
	if err := s.put(t, b, d, 300); err != nil || !bytes.Equal(s.have, b) {
		t.Errorf("the registry has %d bytes, error %v", len(s.have), err)
	}
	if n := s.count("POST "); n != 1 {
		t.Errorf("%d sessions, want the first to go on", n)
	}
}

// The closing PUT is answered with 416 although the blob is there.
func TestOutOfOrderButArrived(t *testing.T) {
	l := newLab(t, registry.Rule{On: putCall, Times: 1, Edit: func(h http.Header) {}})
	b, d := random(1000)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	l.Set(registry.Rule{On: mountCall, DropQuery: []string{"mount", "from"}}, registry.Rule{On: putCall, Status: 416})
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil || l.Count(putCall) != 2 {
		t.Errorf("error %v after %d PUTs", err, l.Count(putCall))
	}
}

func TestOpeningASessionSendsALength(t *testing.T) {
	l := newLab(t)
	b, d := random(10)
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

func TestTheLastChunkMayComeWithThePut(t *testing.T) {
	l := newLab(t)
	c := l.repo.Client
	b, d := random(1000)
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
	l.arrived(t, b, d)
}

func TestWaitsAreTold(t *testing.T) {
	for after, least := range map[string]time.Duration{"0": 1, "90": 90 * time.Second, "soon": 1} {
		l := newLab(t, registry.Rule{On: putCall, Times: 1, Status: 503, Header: map[string]string{"Retry-After": after}})
		var told []wire.Wait
		l.repo.Client.OnWait = func(w wire.Wait) { told = append(told, w) }
		b, d := random(1000)
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
			t.Fatal(err)
		}
		if len(told) != 1 || told[0].StatusCode != 503 || told[0].Attempt != 1 || told[0].Host != l.repo.Client.Host {
			t.Fatalf("Retry-After %s: told %+v", after, told)
		}
		if len(l.slept) != 1 || l.slept[0] != told[0].For || l.slept[0] < least {
			t.Errorf("Retry-After %s: slept %v, told %v", after, l.slept, told[0].For)
		}
	}
	l := newLab(t, registry.Rule{On: putCall, Times: 1, Cut: registry.CutRequest, After: 10})
	var told []wire.Wait
	l.repo.Client.OnWait = func(w wire.Wait) { told = append(told, w) }
	b, d := random(1000)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil || len(told) != 1 || told[0].Err == nil || told[0].StatusCode != 0 {
		t.Errorf("a broken connection: told %+v, error %v", told, err)
	}
}

func TestNoWaitBeyondTheContext(t *testing.T) {
	l := newLab(t, registry.Rule{On: putCall, Status: 429, Header: map[string]string{"Retry-After": "3600"}})
	l.repo.Client.Sleep = nil
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("told to stop")
	l.repo.Client.OnWait = func(wire.Wait) { cancel(cause) }
	b, d := random(1000)
	if _, err := l.repo.PutBlob(ctx, d, l.open(b)); !errors.Is(err, cause) {
		t.Errorf("got error %v", err)
	}
	l.noneOpen(t, "stopped")
}

// A copy that is stopped in the middle of a blob gives its session up.
func TestStoppedUploadsAreGivenUp(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("told to stop")
	b, d := random(1 << 20)
	_, err := l.repo.PutBlob(ctx, d, func(context.Context, int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(b[:1000]), stopper(func() { cancel(cause) }))), nil
	})
	if !errors.Is(err, cause) {
		t.Errorf("got error %v", err)
	}
	l.noneOpen(t, "stopped")
}

type stopper func()

func (s stopper) Read([]byte) (int, error) {
	s()
	return 0, errors.New("the connection is closed")
}

// A session may be on a storage host, which is sent the blob and no credentials of the registry's.
func TestSessionsOnAnotherHost(t *testing.T) {
	b, d := random(1000)
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
			t.Errorf("asked for %s, want %s", r.URL.RequestURI(), want)
		}
		w.WriteHeader(201)
	}))
	defer storage.Close()
	s := &scripted{}
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
	if _, err := repo.PutBlob(t.Context(), d, new(lab).open(b)); err != nil || !bytes.Equal(got, b) {
		t.Errorf("the storage has %d bytes, error %v", len(got), err)
	}
}

func TestMountWithoutAnother(t *testing.T) {
	l := newLab(t)
	_, d := random(10)
	if _, _, err := l.repo.Client.Mount(t.Context(), "a/b", d.Digest, ""); err != nil {
		t.Fatal(err)
	}
	if u := l.Requests()[0].URL; strings.Contains(u, "from") {
		t.Errorf("asked for %s", u)
	}
}

// The tag exists, so blobs may. As long as no mount has shown that the registry heeds mounts, a large blob is asked for.
func TestMountsThatAreNotProven(t *testing.T) {
	for name, c := range map[string]struct {
		rules []registry.Rule
		heads int
		last  blob.Outcome
	}{
		"ignored": {[]registry.Rule{{On: mountCall, DropQuery: []string{"mount", "from"}}}, 2, blob.Exists},
		"heeded":  {nil, 1, blob.Exists},
	} {
		l := newLab(t)
		old, there := random(2 << 20)
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
		l.Forget()
		if outcome, err := l.repo.PutBlob(t.Context(), absent, l.open(fresh)); err != nil || outcome != blob.Uploaded {
			t.Errorf("%s: a new blob: %s, error %v", name, outcome, err)
		}
		if outcome, err := l.repo.PutBlob(t.Context(), there, l.open(old)); err != nil || outcome != c.last {
			t.Errorf("%s: a blob that is there: %s, error %v", name, outcome, err)
		}
		if n := l.Count(headCall); n != c.heads {
			t.Errorf("%s: %d HEADs, want %d: %+v", name, n, c.heads, l.Requests())
		}
		l.Forget()
		if _, err := l.repo.PutBlob(t.Context(), alsoAbsent, l.open(newest)); err != nil || l.Count(headCall) != c.heads-1 {
			t.Errorf("%s: the next new blob: %d HEADs, error %v", name, l.Count(headCall), err)
		}
	}
}

// With Patch a blob goes in one PATCH and an empty PUT; an empty one has nothing to patch.
func TestPatchInPlaceOfOnePut(t *testing.T) {
	for size, want := range map[int]string{1000: "PATCH 1000, PUT 0", 0: "PUT 0"} {
		b, d := random(size)
		var calls []string
		s := newSessions()
		note := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch || r.Method == http.MethodPut {
				calls = append(calls, fmt.Sprintf("%s %d", r.Method, r.ContentLength))
			}
			s.ServeHTTP(w, r)
		})
		repo := &distribution.Repository{Client: clientOf(t, note), Name: "a/b", Patch: true}
		_, err := repo.PutBlob(t.Context(), d, new(lab).open(b))
		if got := strings.Join(calls, ", "); err != nil || got != want || !bytes.Equal(s.have, b) {
			t.Errorf("%d bytes: %s, want %s, error %v", size, got, want, err)
		}
	}
}
