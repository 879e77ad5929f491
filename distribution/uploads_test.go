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
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

func TestPutBlobTakesTwoCalls(t *testing.T) {
	for _, size := range []int{0, 1, 3 << 20} {
		l := newFaultyRegistry(t)
		b, d := randomBlob(size)
		outcome, err := l.repo.PutBlob(t.Context(), d, l.open(b))
		if err != nil || outcome != blob.Uploaded {
			t.Errorf("%d bytes: %s, error %v", size, outcome, err)
		}
		if got := l.Requests(); len(got) != 2 || l.Count(mountCall) != 1 || l.Count(putCall) != 1 {
			t.Errorf("%d bytes: called %+v", size, got)
		}
		if len(l.opened) != 1 {
			t.Errorf("%d bytes: the source was opened %d times", size, len(l.opened))
		}
		l.checkBlob(t, b, d)
	}
}

func TestPutBlobExists(t *testing.T) {
	l := newFaultyRegistry(t)
	b, d := randomBlob(100)
	for i, want := range []blob.Outcome{blob.Uploaded, blob.Exists} {
		l.ResetRequests()
		outcome, err := l.repo.PutBlob(t.Context(), d, l.open(b))
		if err != nil || outcome != want {
			t.Errorf("time %d: %s, error %v", i, outcome, err)
		}
	}
	if len(l.Requests()) != 1 {
		t.Errorf("called %+v, want one POST", l.Requests())
	}
}

func TestPutBlobMounts(t *testing.T) {
	l := newFaultyRegistry(t)
	b, d := randomBlob(100)
	if _, err := (&distribution.Repository{Client: l.repo.Client, Name: "other"}).PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	l.ResetRequests()
	outcome, err := l.repo.PutBlob(t.Context(), d, l.open(b), "other")
	if err != nil || outcome != blob.Mounted || len(l.Requests()) != 1 {
		t.Errorf("%s after %d calls, error %v", outcome, len(l.Requests()), err)
	}
	l.checkBlob(t, b, d)
}

func TestPutBlobSHA512(t *testing.T) {
	l := newFaultyRegistry(t)
	b, d := randomBlob(100)
	d.Digest = blob.SHA512.Digest(b)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if l.Count(`^POST .*digest-algorithm=sha512`) != 1 {
		t.Errorf("called %+v", l.Requests())
	}
	if got, err := l.repo.PutBlob(t.Context(), d, nil, "other/repository"); err != nil || got != blob.Exists {
		t.Errorf("again: %v, %v", got, err)
	}
	if l.Count(mountCall) != 0 {
		t.Errorf("it was mounted: %+v", l.Requests())
	}
	l.checkBlob(t, b, d)
}

func TestRefusedMountUploads(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405, 500} {
		l := newFaultyRegistry(t, registry.Rule{Match: mountCall, Status: status, Body: "no"})
		b, d := randomBlob(100)
		for range 2 {
			l.ResetRequests()
			if outcome, err := l.repo.PutBlob(t.Context(), d, l.open(b), "secret"); err != nil || outcome != blob.Uploaded {
				t.Errorf("%d: %s, error %v", status, outcome, err)
			}
		}
		if n := l.Count(mountCall); n != 0 {
			t.Errorf("%d: %d mounts were tried again", status, n)
		}
		l.checkBlob(t, b, d)
	}
}

// 429 is not a refusal: an upload would be refused as well.
func TestMountStopsAfter429(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: mountCall, Status: 429})
	b, d := randomBlob(100)
	var answer *distribution.Error
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b), "source"); !errors.As(err, &answer) || answer.StatusCode != 429 {
		t.Errorf("got error %v", err)
	}
	if n := len(l.Requests()); n != 1 {
		t.Errorf("%d calls, want one", n)
	}
}

// If a registry answers 202 to every mount, large blobs are probed by HEAD.
func TestProbeAfterIgnoredMount(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: mountCall, DropQuery: []string{"mount", "from"}})
	large, d := randomBlob(2 << 20)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(large), "source"); err != nil {
		t.Fatal(err)
	}
	l.ResetRequests()
	if outcome, err := l.repo.PutBlob(t.Context(), d, l.open(large), "source"); err != nil || outcome != blob.Exists {
		t.Errorf("%s, error %v", outcome, err)
	}
	if len(l.Requests()) != 1 || l.Count(headCall) != 1 {
		t.Errorf("called %+v, want one HEAD", l.Requests())
	}
	small, d := randomBlob(100)
	l.ResetRequests()
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(small), "source"); err != nil || l.Count(headCall) != 0 {
		t.Errorf("a small blob: called %+v, error %v", l.Requests(), err)
	}
}

// In a repository with a tag, the first large blob that is answered with 202 is probed by HEAD.
func TestProbeInUsedRepository(t *testing.T) {
	l := newFaultyRegistry(t)
	b, d := randomBlob(2 << 20)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	m, _ := manifest.Parse("", []byte(`{"schemaVersion":2,"layers":[]}`))
	if err := l.repo.PutManifest(t.Context(), "t", m); err != nil {
		t.Fatal(err)
	}
	again := &distribution.Repository{Client: &distribution.Client{Host: l.repo.Client.Host, PlainHTTP: true}, Name: "a/b"}
	l.Set(registry.Rule{Match: mountCall, DropQuery: []string{"mount", "from"}})
	if _, err := again.HeadManifest(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	l.ResetRequests()
	if outcome, err := again.PutBlob(t.Context(), d, l.open(b)); err != nil || outcome != blob.Exists {
		t.Errorf("%s, error %v", outcome, err)
	}
	if l.Count(`^DELETE .*/uploads/`) != 1 {
		t.Errorf("the session was not cancelled: %+v", l.Requests())
	}
}

func TestSmallerChunksAfter413(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: `^(PUT|PATCH) `, LongerThan: 1 << 20, Status: 413, Body: "<html>413</html>"})
	b, d := randomBlob(9 << 20)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if len(l.warned) == 0 || !strings.Contains(l.warned[0], "413") {
		t.Errorf("got warnings %q", l.warned)
	}
	l.checkBlob(t, b, d)
}

// After one blob was refused as too large, the next ones are sent in chunks at once, except those
// that are smaller than anything that was refused.
func TestUploadLimitIsRemembered(t *testing.T) {
	l := newFaultyRegistry(t)
	for _, step := range []struct{ size, refused, chunks int }{
		{9 << 20, 2, 9}, {6 << 20, 0, 6}, {2 << 20, 1, 2}, {3 << 20, 0, 3}, {1 << 20, 0, 0},
	} {
		l.Set(registry.Rule{Match: `^(PUT|PATCH) `, LongerThan: 1 << 20, Status: 413})
		l.ResetRequests()
		b, d := randomBlob(step.size)
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
			t.Fatal(err)
		}
		refused, chunks := 0, 0
		for _, r := range l.Requests() {
			if r.Length > 1<<20 {
				refused++
			} else if r.Method == http.MethodPatch {
				chunks++
			}
		}
		if refused != step.refused || chunks != step.chunks {
			t.Errorf("%d bytes: %d calls refused, %d chunks; want %d and %d", step.size, refused, chunks, step.refused, step.chunks)
		}
		l.checkBlob(t, b, d)
	}
}

// A repository that refuses chunks gets a blob in one PUT, even if another repository needed
// chunks.
func TestOnePutIfOtherRepositoryRefusesChunks(t *testing.T) {
	l := newFaultyRegistry(t,
		registry.Rule{Match: `^PUT /v2/a/b/`, LongerThan: 1 << 20, Status: 413},
		registry.Rule{Match: `^PATCH /v2/c/d/`, Status: 405})
	for _, name := range []string{"a/b", "c/d"} {
		l.repo.Name = name
		b, d := randomBlob(8 << 20)
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := l.Count(`^PATCH /v2/` + name); n == 0 {
			t.Errorf("%s: no chunk was tried", name)
		}
	}
}

func Test413ForEveryChunkSize(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: `^(PUT|PATCH) `, LongerThan: 10, Status: 413})
	b, d := randomBlob(1 << 20)
	var answer *distribution.Error
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); !errors.As(err, &answer) || answer.StatusCode != 413 {
		t.Errorf("got error %v", err)
	}
}

// GHCR answers 416 to a PATCH of more than 4 MiB.
func TestSmallerChunksAfter416(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: patchCall, LongerThan: 4 << 20, Status: 416})
	l.repo.ChunkSize = 6 << 20
	b, d := randomBlob(20 << 20)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	l.checkBlob(t, b, d)
}

func TestChunks(t *testing.T) {
	l := newFaultyRegistry(t)
	l.repo.ChunkSize = 1 << 20
	b, d := randomBlob(5<<20 + 1)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if n := l.Count(patchCall); n != 6 || len(l.opened) != 1 {
		t.Errorf("%d chunks from %d openings of the source, want 6 from one", n, len(l.opened))
	}
	for _, r := range l.Requests() {
		if r.Method == "PATCH" && strings.HasPrefix(r.Header.Get("Content-Range"), "bytes") {
			t.Errorf("Content-Range is %q", r.Header.Get("Content-Range"))
		}
	}
	l.checkBlob(t, b, d)
}

func TestMinChunk(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: `^POST `, Header: map[string]string{"OCI-Chunk-Min-Length": fmt.Sprint(2 << 20)}})
	l.repo.ChunkSize = 1 << 20
	b, d := randomBlob(5 << 20)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if n := l.Count(patchCall); n != 3 {
		t.Errorf("%d chunks, want 3", n)
	}
	l.checkBlob(t, b, d)
}

// If the connection breaks during the PUT, only the rest of the blob is sent again.
func TestResumeAfterBrokenConnection(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: putCall, Times: 1, Cut: registry.CutRequest, After: 20 << 20})
	b, d := randomBlob(30 << 20)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if l.Count(`^GET /v2/a/b/blobs/uploads/`) != 1 || l.Count(patchCall) != 1 || l.Count(startCall) != 0 {
		t.Errorf("called %+v, want the session's status and the rest of the blob", l.Requests())
	}
	if len(l.opened) != 2 || l.opened[1] < 16<<20 {
		t.Errorf("the source was opened at %v, want the second time at the last checkpoint", l.opened)
	}
	l.checkBlob(t, b, d)
}

func TestResumeWithNewToken(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: patchCall, Skip: 2, Times: 1, Status: 401})
	l.repo.ChunkSize = 1 << 20
	b, d := randomBlob(4 << 20)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if n := l.Count(patchCall); n != 5 {
		t.Errorf("%d chunks were sent, want 4 and the refused one", n)
	}
	l.checkBlob(t, b, d)
}

func TestFailedUploadCancelsSession(t *testing.T) {
	for name, rules := range map[string][]registry.Rule{
		"at once": nil,
		// CNCF distribution answers 416 if it has received bytes since it gave out the Location.
		"at its new Location": {{Match: `^DELETE `, Times: 1, Status: 416}},
		"in vain":             {{Match: `^DELETE `, Status: 405}}, // olareg 0.1.2
	} {
		l := newFaultyRegistry(t, append(rules, registry.Rule{Match: putCall, Status: 403})...)
		b, d := randomBlob(1000)
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err == nil {
			t.Fatalf("%s: the upload did not fail", name)
		}
		if n, want := l.Count(`^DELETE `), 1+len(rules); n != want {
			t.Errorf("%s: %d DELETEs, want %d", name, n, want)
		}
	}
}

func TestLostResponseDoesNotRepeatUpload(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: putCall, Times: 1, Cut: registry.CutResponse})
	b, d := randomBlob(1000)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if l.Count(putCall) != 1 || l.Count(startCall) != 0 || l.Count(headCall) != 1 {
		t.Errorf("called %+v, want a HEAD and no second upload", l.Requests())
	}
	l.checkBlob(t, b, d)
}

func TestRestartIfSessionIsMissing(t *testing.T) {
	l := newFaultyRegistry(t,
		registry.Rule{Match: putCall, Times: 1, Status: 404, Body: `{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}`},
		registry.Rule{Match: `^GET .*/uploads/`, Status: 404})
	b, d := randomBlob(1000)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if l.Count(startCall) != 1 {
		t.Errorf("called %+v", l.Requests())
	}
	l.checkBlob(t, b, d)
}

func TestWaitForRetryAfter(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: putCall, Times: 1, Status: 429, Header: map[string]string{"Retry-After": "77"}})
	b, d := randomBlob(1000)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if len(l.slept) != 1 || l.slept[0] != 77*time.Second {
		t.Errorf("waited %v, want 77 s", l.slept)
	}
	l.checkBlob(t, b, d)
}

func TestPermanentFailures(t *testing.T) {
	for name, c := range map[string]struct {
		rule  registry.Rule
		calls int // most PUTs
	}{
		"500":            {registry.Rule{Match: putCall, Status: 500}, 6},
		"denied":         {registry.Rule{Match: putCall, Status: 403}, 1},
		"token expired":  {registry.Rule{Match: putCall, Status: 401}, 2},
		"digest invalid": {registry.Rule{Match: putCall, Status: 400, Body: `{"errors":[{"code":"DIGEST_INVALID"}]}`}, 2},
		"bad request":    {registry.Rule{Match: putCall, Status: 400}, 1},
	} {
		l := newFaultyRegistry(t, c.rule)
		b, d := randomBlob(1000)
		_, err := l.repo.PutBlob(t.Context(), d, l.open(b))
		var answer *distribution.Error
		if !errors.As(err, &answer) || answer.StatusCode != c.rule.Status {
			t.Errorf("%s: got error %v", name, err)
		}
		if n := l.Count(putCall); n > c.calls {
			t.Errorf("%s: %d PUTs, want at most %d", name, n, c.calls)
		}
		l.checkSessionsCancelled(t, name)
	}
}

func TestWrongBlobIsNotUploaded(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"changed": func(b []byte) []byte { b[5] ^= 1; return b },
		"short":   func(b []byte) []byte { return b[:len(b)-1] },
		"long":    func(b []byte) []byte { return append(b, 0) },
	} {
		for _, chunk := range []int64{0, 300} {
			l := newFaultyRegistry(t)
			l.repo.ChunkSize = chunk
			b, d := randomBlob(1000)
			_, err := l.repo.PutBlob(t.Context(), d, l.open(change(bytes.Clone(b))))
			var mismatch *blob.MismatchError
			if !errors.As(err, &mismatch) || mismatch.Want != d.Digest {
				t.Errorf("%s, chunks of %d: got error %v", name, chunk, err)
			}
			if _, err := l.repo.Client.HeadBlob(t.Context(), "a/b", d.Digest); err == nil {
				t.Errorf("%s, chunks of %d: the registry has the blob", name, chunk)
			}
			l.checkSessionsCancelled(t, name)
		}
	}
}

func TestSourceErrorIsReturned(t *testing.T) {
	l := newFaultyRegistry(t)
	_, d := randomBlob(1000)
	sourceErr := errors.New("the source failed")
	_, err := l.repo.PutBlob(t.Context(), d, func(context.Context, int64) (io.ReadCloser, error) { return nil, sourceErr })
	if !errors.Is(err, sourceErr) {
		t.Errorf("got error %v", err)
	}
	if n := l.Count(putCall); n > 0 {
		t.Errorf("%d PUTs without a source", n)
	}
	l.checkSessionsCancelled(t, "no source")
}

func TestLocations(t *testing.T) {
	for name, change := range map[string]func(host, location string) string{
		"absolute":     func(host, l string) string { return "http://" + host + l },
		"relative":     func(_, l string) string { return l },
		"no scheme":    func(host, l string) string { return "//" + host + l },
		"with a query": func(_, l string) string { return l + "?state=a%2Fb%3D&x" },
		"without port": func(host, l string) string { return "http://127.0.0.1" + l },
	} {
		l := newFaultyRegistry(t)
		host := l.repo.Client.Host
		l.Set(registry.Rule{Match: `^POST `, Edit: func(h http.Header) {
			to := h.Get("Location")
			if i := strings.Index(to, "/v2/"); i >= 0 {
				to = to[i:]
			}
			h.Set("Location", change(host, to))
		}})
		b, d := randomBlob(100)
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "with a query" && l.Count(`^PUT .*\?state=a%2Fb%3D&x&digest=sha256%3A`) != 1 {
			t.Errorf("%s: the query was changed: %+v", name, l.Requests())
		}
		l.checkBlob(t, b, d)
	}
}

func TestBadLocations(t *testing.T) {
	for name, location := range map[string]string{"missing": "", "malformed": "http://[", "other scheme": "ftp://example.com/x"} {
		l := newFaultyRegistry(t, registry.Rule{Match: `^POST `, Edit: func(h http.Header) { h.Set("Location", location) }})
		b, d := randomBlob(100)
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestClientUploadCalls(t *testing.T) {
	l := newFaultyRegistry(t)
	c := l.repo.Client
	b, d := randomBlob(1000)
	done, session, err := c.PostBlob(t.Context(), "a/b", d.Digest, d.Size, bytes.NewReader(b))
	if err != nil || !done {
		t.Errorf("single POST: %v, %+v, error %v", done, session, err)
	}
	session, err = c.StartUpload(t.Context(), "a/b", d.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if session, err = c.UploadChunk(t.Context(), session, 400, bytes.NewReader(b[:400])); err != nil || session.Offset != 400 {
		t.Errorf("chunk: at %d, error %v", session.Offset, err)
	}
	if session, err = c.UploadStatus(t.Context(), session); err != nil || session.Offset != 400 {
		t.Errorf("status: at %d, error %v", session.Offset, err)
	}
	wrong := session
	wrong.Offset = 100
	var answer *distribution.Error
	if _, err := c.UploadChunk(t.Context(), wrong, 10, bytes.NewReader(b[:10])); !errors.As(err, &answer) || answer.StatusCode != 416 {
		t.Errorf("out of order: error %v", err)
	}
	if err := c.CancelUpload(t.Context(), session); err != nil {
		t.Errorf("cancel: %v", err)
	}
	if _, err := c.UploadStatus(t.Context(), session); err == nil {
		t.Error("the session still exists")
	}
	if size, err := c.HeadBlob(t.Context(), "a/b", d.Digest); err != nil || size != 1000 {
		t.Errorf("HEAD: %d bytes, error %v", size, err)
	}
	if err := c.DeleteBlob(t.Context(), "a/b", d.Digest); err != nil {
		t.Errorf("DELETE: %v", err)
	}
}

// A registry without uploads in a single POST opens a session instead.
func TestPostBlobOpensSession(t *testing.T) {
	l := newFaultyRegistry(t, registry.Rule{Match: `^POST `, DropQuery: []string{"digest"}})
	b, d := randomBlob(1000)
	created, session, err := l.repo.Client.PostBlob(t.Context(), "a/b", d.Digest, d.Size, bytes.NewReader(b))
	if created || err != nil {
		t.Fatalf("created %v, error %v", created, err)
	}
	if session, err = l.repo.Client.UploadStatus(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	rest := b[session.Offset:]
	if err := l.repo.Client.FinishUpload(t.Context(), session, d.Digest, int64(len(rest)), bytes.NewReader(rest)); err != nil {
		t.Fatal(err)
	}
	l.checkBlob(t, b, d)
}

// Responses to chunks and to a status request may lack Location and Range. Then the session keeps
// its Location, and has all bytes of the chunk.
func TestUploadHeadersMayBeMissing(t *testing.T) {
	l := newFaultyRegistry(t,
		registry.Rule{Match: patchCall, Edit: func(h http.Header) { h.Del("Range") }},
		registry.Rule{Match: `^(PATCH|GET) `, Edit: func(h http.Header) { h.Del("Location") }},
		registry.Rule{Match: patchCall, Skip: 1, Times: 1, Cut: registry.CutResponse}) // the status is requested then
	l.repo.ChunkSize = 300
	b, d := randomBlob(1000)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	if n := l.Count(`^GET `); n != 1 || l.Count(`^POST `) != 1 {
		t.Errorf("%d status requests and %d sessions, want one each", n, l.Count(`^POST `))
	}
	l.checkBlob(t, b, d)
}

// A registry may accept only the first bytes of a chunk.
func TestPartlyAcceptedChunks(t *testing.T) {
	b, d := randomBlob(1000)
	var have []byte
	s := &fakeRegistry{}
	s.HandleFunc("POST /v2/a/b/blobs/uploads/", answer(202, "", "Location: /up"))
	s.HandleFunc("GET /up", func(w http.ResponseWriter, r *http.Request) {
		answer(204, "", "Location: /up", fmt.Sprintf("Range: 0-%d", len(have)-1))(w, r)
	})
	s.HandleFunc("PATCH /up", func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		have = append(have, got[:min(len(got), 100)]...) // fewer than were sent
		answer(201, "", "Location: /up", fmt.Sprintf("Range: 0-%d", len(have)-1))(w, r)
	})
	s.HandleFunc("PUT /up", created())
	repo := &distribution.Repository{Client: clientOf(t, s), Name: "a/b", ChunkSize: 400}
	l := &faultyRegistry{}
	if _, err := repo.PutBlob(t.Context(), d, l.open(b)); err != nil || !bytes.Equal(have, b) {
		t.Errorf("the registry has %d bytes, error %v", len(have), err)
	}
}

func TestGetBlob(t *testing.T) {
	b, d := randomBlob(1000)
	for name, h := range map[string]http.HandlerFunc{
		"range": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
		},
		"range ignored": func(w http.ResponseWriter, _ *http.Request) { w.Write(b) },
	} {
		s, c := serve(t)
		s.Handle("/v2/a/blobs/"+string(d.Digest), h)
		for _, offset := range []int64{0, 1, 999} {
			r, size, err := c.GetBlob(t.Context(), "a", d.Digest, offset)
			if err != nil || size != 1000 {
				t.Errorf("%s at %d: size %d, error %v", name, offset, size, err)
				continue
			}
			got, err := io.ReadAll(r)
			r.Close()
			if err != nil || !bytes.Equal(got, b[offset:]) {
				t.Errorf("%s at %d: %d bytes, error %v", name, offset, len(got), err)
			}
		}
	}
	s, c := serve(t)
	s.Handle("/v2/a/blobs/", answer(206, "xyz", "Content-Range: bytes 0-2/3"))
	if _, _, err := c.GetBlob(t.Context(), "a", d.Digest, 1); err == nil || !strings.Contains(err.Error(), "Content-Range") {
		t.Errorf("other range: got error %v", err)
	}
}

func TestBlobRefusesOtherSize(t *testing.T) {
	s, c := serve(t)
	s.Handle("/v2/a/blobs/", answer(200, "<html>please log in</html>"))
	_, d := randomBlob(1000)
	_, err := (&distribution.Repository{Client: c, Name: "a"}).Blob(t.Context(), d, 0)
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("got error %v", err)
	}
}

func TestEmbeddedDataIsNotFetched(t *testing.T) {
	s, c := serve(t)
	d := manifest.Descriptor{Digest: blob.FromBytes([]byte("{}")), Size: 2, Data: []byte("{}")}
	r, err := (&distribution.Repository{Client: c, Name: "a"}).Blob(t.Context(), d, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(r); string(got) != "}" || len(s.calls) != 0 {
		t.Errorf("got %q after %v", got, s.calls)
	}
}

// A resumed download asks the registry for a new URL of the storage host.
func TestResumeAsksTheRegistryAgain(t *testing.T) {
	b, d := randomBlob(1000)
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("signature") == "1" {
			w.Header().Set("Content-Length", "1000")
			w.Write(b[:300])
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}))
	defer storage.Close()
	s, c := serve(t)
	signature := 0
	s.HandleFunc("/v2/a/blobs/", func(w http.ResponseWriter, r *http.Request) {
		signature++
		http.Redirect(w, r, fmt.Sprintf("%s/x?signature=%d", storage.URL, signature), http.StatusTemporaryRedirect)
	})
	repo := &distribution.Repository{Client: c, Name: "a"}
	r := blob.NewReader(t.Context(), d.Digest, d.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return repo.Blob(ctx, d, offset)
	})
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, b) || signature != 2 {
		t.Errorf("got %d bytes after %d redirects, error %v", len(got), signature, err)
	}
}
