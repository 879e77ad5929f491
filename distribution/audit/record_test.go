package audit

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/testdata/golden"
)

// story is a run in which everything happens that an audit can tell: tokens,
// redirects, mounts, chunks, attempts, a lost connection, a refusal.
type story struct {
	start   time.Time
	entries []Entry
}

const (
	hub    = "https://registry-1.docker.io"
	tokens = "https://auth.docker.io"
	store  = "https://storage.example.net"
	mirror = "https://registry.example.com"
)

func digestOf(n int) string { return "sha256:" + strings.Repeat(fmt.Sprintf("%02x", n), 32) }

// call adds a call that starts so many milliseconds after the run. Its phases
// are milliseconds, from Blocked to Receive.
func (s *story) call(at float64, row, method, url string, status int, phases [7]float64, more func(*Entry)) int64 {
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	e := Entry{
		Sequence: int64(len(s.entries) + 1), Attempt: 1, Row: row, Method: method, URL: url, Status: status, Protocol: "HTTP/2.0",
		Start: s.start.Add(ms(at)),
		Timings: Timings{ms(phases[0]), ms(phases[1]), ms(phases[2]), ms(phases[3]), ms(phases[4]), ms(phases[5]),
			ms(phases[6])},
		Request:  Message{Headers: http.Header{"Accept-Encoding": {"identity"}}},
		Response: Message{Headers: http.Header{"Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}}},
		Peer:     "192.0.2.1:443", Local: "192.0.2.9:50001", TLS: TLS{"TLS 1.3", "TLS_AES_128_GCM_SHA256"},
		Reused: phases[2] == 0,
		Why:    Why{Command: "copy", Image: "alpine:3.20"},
	}
	if status == 0 {
		e.Protocol, e.Response.Headers = "", nil
	}
	if more != nil {
		more(&e)
	}
	s.entries = append(s.entries, e)
	return e.Sequence
}

func bearer(e *Entry) { e.Request.Headers.Set("Authorization", "Bearer REDACTED") }

// manifest is what a call that moves a manifest has.
func manifest(n int, bytes int64, sent bool) func(*Entry) {
	return func(e *Entry) {
		bearer(e)
		m := &e.Response
		if sent {
			m = &e.Request
		}
		e.Why.Manifest = digestOf(n)
		m.Bytes, m.Digest, m.DigestBy = bytes, digestOf(n), ByRecord
		m.Headers.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	}
}

// layer is what a call that is about a blob has.
func layer(n int, sent, received int64, more func(*Entry)) func(*Entry) {
	return func(e *Entry) {
		bearer(e)
		e.Why.Blob, e.Request.Bytes, e.Response.Bytes = digestOf(n), sent, received
		if more != nil {
			more(e)
		}
	}
}

// located adds the location of an upload session.
func located(id string) func(*Entry) {
	return func(e *Entry) {
		e.Response.Headers.Set("Location", "/v2/mirror/alpine/blobs/uploads/"+id+"?_state=REDACTED")
	}
}

func newStory() *story {
	s := &story{start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	pull, push, upload := hub+"/v2/library/alpine", mirror+"/v2/mirror/alpine", mirror+"/v2/mirror/alpine/blobs/uploads/"
	mount := func(n int) string { return upload + "?from=mirror%2Falpine&mount=" + digestOf(n) }
	denied := s.call(12, "end-3", "GET", pull+"/manifests/3.20", 401, [7]float64{1, 14, 22, 41, 0.2, 31, 0.1}, func(e *Entry) {
		e.Response.Headers.Set("Www-Authenticate", `Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"`)
	})
	s.call(123, "token", "GET", tokens+"/token?client_id=REDACTED&scope=repository%3Alibrary%2Falpine%3Apull&service=registry.docker.io", 200,
		[7]float64{0.5, 9, 20, 38, 0.2, 60, 1}, func(e *Entry) { e.Why.TokenFor = denied; e.Response.Bytes = 2100 })
	s.call(254, "end-3", "GET", pull+"/manifests/3.20", 200, [7]float64{0.1, 0, 0, 0, 0.2, 28, 0.5}, func(e *Entry) {
		manifest(1, 1853, false)(e)
		e.Why.RetryOf = denied
	})
	s.call(256, "end-3", "HEAD", push+"/manifests/3.20", 404, [7]float64{1, 3, 8, 17, 0.1, 9, 0.1}, bearer)
	s.call(298, "end-3", "GET", pull+"/manifests/"+digestOf(2), 200, [7]float64{0.1, 0, 0, 0, 0.1, 26, 0.3}, manifest(2, 1022, false))
	s.call(299, "end-3", "GET", pull+"/manifests/"+digestOf(3), 200, [7]float64{0.1, 0, 0, 0, 0.1, 55, 0.3}, manifest(3, 1022, false))
	busy := s.call(330, "end-11", "POST", mount(4), 503, [7]float64{0.1, 0, 0, 0, 0.1, 18, 0.2}, layer(4, 0, 0, nil))
	s.call(331, "end-11", "POST", mount(5), 201, [7]float64{0.1, 0, 0, 0, 0.1, 12, 0}, layer(5, 0, 0, nil))
	s.call(848, "end-11", "POST", mount(4), 202, [7]float64{0.1, 0, 0, 0, 0.1, 14, 0.1}, layer(4, 0, 0, func(e *Entry) {
		e.Attempt, e.Why.RetryOf = 2, busy
		located("aaa")(e)
	}))
	s.call(863, "end-6", "PUT", upload+"aaa?_state=REDACTED&digest="+digestOf(4), 201, [7]float64{0.1, 0, 0, 0, 1900, 95, 0.1},
		layer(4, 3_623_807, 0, func(e *Entry) {
			e.Request.Digest, e.Request.DigestBy = digestOf(4), ByStream
			e.Request.Headers.Set("Content-Type", "application/octet-stream")
		}))
	from := s.call(865, "end-2", "GET", pull+"/blobs/"+digestOf(4), 307, [7]float64{0.1, 0, 0, 0, 0.1, 33, 0.1}, layer(4, 0, 0, func(e *Entry) {
		e.Response.Headers.Set("Location", store+"/data?X-Signature=REDACTED")
	}))
	s.call(899, "redirect", "GET", store+"/data?X-Signature=REDACTED", 200, [7]float64{0.3, 4, 11, 25, 0.1, 130, 1690},
		func(e *Entry) {
			layer(4, 0, 3_623_807, nil)(e)
			e.Request.Headers.Del("Authorization")
			e.Why.RedirectOf, e.Response.Digest, e.Response.DigestBy = from, digestOf(4), ByStream
		})
	s.call(360, "end-11", "POST", mount(6), 202, [7]float64{0.1, 0, 0, 0, 0.1, 13, 0.1}, layer(6, 0, 0, located("bbb")))
	s.call(375, "end-5", "PATCH", upload+"bbb?_state=REDACTED", 202, [7]float64{0.1, 0, 0, 0, 700, 40, 0.1}, layer(6, 1_048_576, 0, func(e *Entry) {
		e.Request.Headers.Set("Content-Range", "0-1048575")
		e.Request.Headers.Set("Content-Type", "application/octet-stream")
		located("bbb")(e)
	}))
	s.call(377, "end-2", "GET", pull+"/blobs/"+digestOf(6), 200, [7]float64{0.1, 0, 0, 0, 0.1, 90, 1400}, layer(6, 0, 1_548_576, func(e *Entry) {
		e.Response.Digest, e.Response.DigestBy = digestOf(6), ByStream
	}))
	lost := s.call(1116, "end-5", "PATCH", upload+"bbb?_state=REDACTED", 0, [7]float64{0.1, 0, 0, 0, 300, 0, 0}, layer(6, 190_000, 0, func(e *Entry) {
		e.Request.Headers.Set("Content-Range", "1048576-1548575")
		e.Error = "read tcp 192.0.2.9:50001->192.0.2.1:443: read: connection reset by peer"
	}))
	s.call(1820, "end-13", "GET", upload+"bbb?_state=REDACTED", 204, [7]float64{0.2, 0, 8, 17, 0.1, 9, 0}, layer(6, 0, 0, func(e *Entry) {
		located("bbb")(e)
		e.Response.Headers.Set("Range", "0-1048575")
	}))
	s.call(1856, "end-5", "PATCH", upload+"bbb?_state=REDACTED", 202, [7]float64{0.1, 0, 0, 0, 280, 40, 0.1}, layer(6, 500_000, 0, func(e *Entry) {
		e.Request.Headers.Set("Content-Range", "1048576-1548575")
		e.Request.Headers.Set("Content-Type", "application/octet-stream")
		e.Why.RetryOf, e.Resent = lost, 1
		located("bbb")(e)
	}))
	s.call(2177, "end-6", "PUT", upload+"bbb?_state=REDACTED&digest="+digestOf(6), 201, [7]float64{0.1, 0, 0, 0, 0.1, 30, 0.1}, layer(6, 0, 0, nil))
	s.call(2210, "end-7a", "PUT", push+"/manifests/"+digestOf(2), 201, [7]float64{0.1, 0, 0, 0, 0.1, 25, 0.1}, manifest(2, 1022, true))
	s.call(2859, "end-7a", "PUT", push+"/manifests/"+digestOf(3), 201, [7]float64{0.1, 0, 0, 0, 0.1, 26, 0.1}, manifest(3, 1022, true))
	s.call(2887, "end-7a", "PUT", push+"/manifests/3.20", 201, [7]float64{0.1, 0, 0, 0, 0.1, 31, 0.1}, manifest(1, 1853, true))
	s.call(2921, "end-7a", "PUT", push+"/manifests/latest", 0, [7]float64{}, func(e *Entry) {
		*e = Entry{Sequence: e.Sequence, Attempt: 1, Why: e.Why, Row: e.Row, Method: e.Method, URL: e.URL, Start: e.Start,
			Error: "refused by --max-calls: 22 calls have been made", Refused: "max-calls"}
	})
	return s
}

// file is the story as a JSONL file.
func (s *story) file(t testing.TB) string {
	t.Helper()
	var c chain
	var f jsonlEncoding
	var out []byte
	add := func(record, _ []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, record...)
	}
	add(f.begin(&c, Run{Tool: "transship", Version: "0.1.0", Start: s.start,
		Command: []string{"transship", "copy", "--chunk-size", "1MiB", "--audit", "run.jsonl", "alpine:3.20", "registry.example.com/mirror/alpine:3.20"}}))
	for _, e := range s.entries {
		add(f.entry(&c, e))
	}
	add(f.end(&c, End{Calls: int64(len(s.entries)), Time: s.start.Add(2935 * time.Millisecond)}))
	return string(out)
}

// The story is what the other golden files are made of, here and in
// cmd/transship.
func TestStory(t *testing.T) {
	text := newStory().file(t)
	golden.Compare(t, "record.jsonl", text)
	if result := verified(t, []byte(text)); !result.Sound() || !result.Complete {
		t.Errorf("%+v", result)
	}
}
