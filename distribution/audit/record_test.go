package audit

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/testdata/golden"
)

// recordedRun collects the entries of a run.
type recordedRun struct {
	start   time.Time
	entries []Entry
}

const (
	srcHost     = "https://registry-1.docker.io"
	authHost    = "https://auth.docker.io"
	storageHost = "https://storage.example.net"
	dstHost     = "https://registry.example.com"
)

func digestOf(n int) string { return "sha256:" + strings.Repeat(fmt.Sprintf("%02x", n), 32) }

// phases has the durations of the phases of a call, from Blocked to Receive, in milliseconds.
type phases [7]float64

// call adds a call that starts at milliseconds after the run. It returns the call's sequence.
func (r *recordedRun) call(at float64, row, method, url string, status int, p phases, more func(*Entry)) int64 {
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	e := Entry{
		Sequence: int64(len(r.entries) + 1), Attempt: 1, Row: row, Method: method, URL: url, Status: status, Protocol: "HTTP/2.0",
		Start:    r.start.Add(ms(at)),
		Timings:  Timings{ms(p[0]), ms(p[1]), ms(p[2]), ms(p[3]), ms(p[4]), ms(p[5]), ms(p[6])},
		Request:  Message{Headers: http.Header{"Accept-Encoding": {"identity"}}},
		Response: Message{Headers: http.Header{"Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}}},
		Peer:     "192.0.2.1:443", Local: "192.0.2.9:50001", TLS: TLS{"TLS 1.3", "TLS_AES_128_GCM_SHA256"},
		Reused: p[2] == 0,
		Why:    Why{Command: "copy", Image: "alpine:3.20"},
	}
	if status == 0 {
		e.Protocol, e.Response.Headers = "", nil
	}
	if more != nil {
		more(&e)
	}
	r.entries = append(r.entries, e)
	return e.Sequence
}

func bearer(e *Entry) { e.Request.Headers.Set("Authorization", "Bearer REDACTED") }

// withManifest changes an entry to one that transfers a manifest.
func withManifest(n int, bytes int64, sent bool) func(*Entry) {
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

// withBlob changes an entry to one about a blob.
func withBlob(n int, sent, received int64, more func(*Entry)) func(*Entry) {
	return func(e *Entry) {
		bearer(e)
		e.Why.Blob, e.Request.Bytes, e.Response.Bytes = digestOf(n), sent, received
		if more != nil {
			more(e)
		}
	}
}

// setLocation adds the location of an upload session.
func setLocation(id string) func(*Entry) {
	return func(e *Entry) {
		e.Response.Headers.Set("Location", "/v2/mirror/alpine/blobs/uploads/"+id+"?_state=REDACTED")
	}
}

// copyRecord is a copy in which everything happens that an entry can hold: tokens, redirects,
// mounts, chunks, further attempts, a lost connection, a refused call.
func copyRecord() *recordedRun {
	r := &recordedRun{start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	srcRepo, dstRepo := srcHost+"/v2/library/alpine", dstHost+"/v2/mirror/alpine"
	upload := dstRepo + "/blobs/uploads/"
	mount := func(n int) string { return upload + "?from=mirror%2Falpine&mount=" + digestOf(n) }
	denied := r.call(12, "end-3", "GET", srcRepo+"/manifests/3.20", 401, phases{1, 14, 22, 41, 0.2, 31, 0.1}, func(e *Entry) {
		e.Response.Headers.Set("Www-Authenticate", `Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"`)
	})
	r.call(123, "token", "GET", authHost+"/token?client_id=REDACTED&scope=repository%3Alibrary%2Falpine%3Apull&service=registry.docker.io", 200,
		phases{0.5, 9, 20, 38, 0.2, 60, 1}, func(e *Entry) { e.Why.TokenFor = denied; e.Response.Bytes = 2100 })
	r.call(254, "end-3", "GET", srcRepo+"/manifests/3.20", 200, phases{0.1, 0, 0, 0, 0.2, 28, 0.5}, func(e *Entry) {
		withManifest(1, 1853, false)(e)
		e.Why.RetryOf = denied
	})
	r.call(256, "end-3", "HEAD", dstRepo+"/manifests/3.20", 404, phases{1, 3, 8, 17, 0.1, 9, 0.1}, bearer)
	r.call(298, "end-3", "GET", srcRepo+"/manifests/"+digestOf(2), 200, phases{0.1, 0, 0, 0, 0.1, 26, 0.3}, withManifest(2, 1022, false))
	r.call(299, "end-3", "GET", srcRepo+"/manifests/"+digestOf(3), 200, phases{0.1, 0, 0, 0, 0.1, 55, 0.3}, withManifest(3, 1022, false))
	busy := r.call(330, "end-11", "POST", mount(4), 503, phases{0.1, 0, 0, 0, 0.1, 18, 0.2}, withBlob(4, 0, 0, nil))
	r.call(331, "end-11", "POST", mount(5), 201, phases{0.1, 0, 0, 0, 0.1, 12, 0}, withBlob(5, 0, 0, nil))
	r.call(848, "end-11", "POST", mount(4), 202, phases{0.1, 0, 0, 0, 0.1, 14, 0.1}, withBlob(4, 0, 0, func(e *Entry) {
		e.Attempt, e.Why.RetryOf = 2, busy
		setLocation("aaa")(e)
	}))
	r.call(863, "end-6", "PUT", upload+"aaa?_state=REDACTED&digest="+digestOf(4), 201, phases{0.1, 0, 0, 0, 1900, 95, 0.1},
		withBlob(4, 3_623_807, 0, func(e *Entry) {
			e.Request.Digest, e.Request.DigestBy = digestOf(4), ByStream
			e.Request.Headers.Set("Content-Type", "application/octet-stream")
		}))
	from := r.call(865, "end-2", "GET", srcRepo+"/blobs/"+digestOf(4), 307, phases{0.1, 0, 0, 0, 0.1, 33, 0.1}, withBlob(4, 0, 0, func(e *Entry) {
		e.Response.Headers.Set("Location", storageHost+"/data?X-Signature=REDACTED")
	}))
	r.call(899, "redirect", "GET", storageHost+"/data?X-Signature=REDACTED", 200, phases{0.3, 4, 11, 25, 0.1, 130, 1690},
		func(e *Entry) {
			withBlob(4, 0, 3_623_807, nil)(e)
			e.Request.Headers.Del("Authorization")
			e.Why.RedirectOf, e.Response.Digest, e.Response.DigestBy = from, digestOf(4), ByStream
		})
	r.call(360, "end-11", "POST", mount(6), 202, phases{0.1, 0, 0, 0, 0.1, 13, 0.1}, withBlob(6, 0, 0, setLocation("bbb")))
	r.call(375, "end-5", "PATCH", upload+"bbb?_state=REDACTED", 202, phases{0.1, 0, 0, 0, 700, 40, 0.1}, withBlob(6, 1_048_576, 0, func(e *Entry) {
		e.Request.Headers.Set("Content-Range", "0-1048575")
		e.Request.Headers.Set("Content-Type", "application/octet-stream")
		setLocation("bbb")(e)
	}))
	r.call(377, "end-2", "GET", srcRepo+"/blobs/"+digestOf(6), 200, phases{0.1, 0, 0, 0, 0.1, 90, 1400}, withBlob(6, 0, 1_548_576, func(e *Entry) {
		e.Response.Digest, e.Response.DigestBy = digestOf(6), ByStream
	}))
	lost := r.call(1116, "end-5", "PATCH", upload+"bbb?_state=REDACTED", 0, phases{0.1, 0, 0, 0, 300, 0, 0}, withBlob(6, 190_000, 0, func(e *Entry) {
		e.Request.Headers.Set("Content-Range", "1048576-1548575")
		e.Error = "read tcp 192.0.2.9:50001->192.0.2.1:443: read: connection reset by peer"
	}))
	r.call(1820, "end-13", "GET", upload+"bbb?_state=REDACTED", 204, phases{0.2, 0, 8, 17, 0.1, 9, 0}, withBlob(6, 0, 0, func(e *Entry) {
		setLocation("bbb")(e)
		e.Response.Headers.Set("Range", "0-1048575")
	}))
	r.call(1856, "end-5", "PATCH", upload+"bbb?_state=REDACTED", 202, phases{0.1, 0, 0, 0, 280, 40, 0.1}, withBlob(6, 500_000, 0, func(e *Entry) {
		e.Request.Headers.Set("Content-Range", "1048576-1548575")
		e.Request.Headers.Set("Content-Type", "application/octet-stream")
		e.Why.RetryOf, e.Resent = lost, 1
		setLocation("bbb")(e)
	}))
	r.call(2177, "end-6", "PUT", upload+"bbb?_state=REDACTED&digest="+digestOf(6), 201, phases{0.1, 0, 0, 0, 0.1, 30, 0.1}, withBlob(6, 0, 0, nil))
	r.call(2210, "end-7a", "PUT", dstRepo+"/manifests/"+digestOf(2), 201, phases{0.1, 0, 0, 0, 0.1, 25, 0.1}, withManifest(2, 1022, true))
	r.call(2859, "end-7a", "PUT", dstRepo+"/manifests/"+digestOf(3), 201, phases{0.1, 0, 0, 0, 0.1, 26, 0.1}, withManifest(3, 1022, true))
	r.call(2887, "end-7a", "PUT", dstRepo+"/manifests/3.20", 201, phases{0.1, 0, 0, 0, 0.1, 31, 0.1}, withManifest(1, 1853, true))
	r.call(2921, "end-7a", "PUT", dstRepo+"/manifests/latest", 0, phases{}, func(e *Entry) {
		*e = Entry{Sequence: e.Sequence, Attempt: 1, Why: e.Why, Row: e.Row, Method: e.Method, URL: e.URL, Start: e.Start,
			Error: "refused by --max-calls: 22 calls have been made", Refused: "max-calls"}
	})
	return r
}

// jsonl encodes the run as a JSONL file.
func (r *recordedRun) jsonl(t testing.TB) string {
	t.Helper()
	var c chain
	var encoder jsonlEncoder
	var out []byte
	add := func(record, _ []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, record...)
	}
	add(encoder.begin(&c, Run{Tool: "transship", Version: "0.1.0", Start: r.start,
		Command: []string{"transship", "copy", "--chunk-size", "1MiB", "--audit", "run.jsonl", "alpine:3.20", "registry.example.com/mirror/alpine:3.20"}}))
	for _, e := range r.entries {
		add(encoder.entry(&c, e))
	}
	add(encoder.end(&c, End{Calls: int64(len(r.entries)), Time: r.start.Add(2935 * time.Millisecond)}))
	return string(out)
}

// The other golden files, in the packages below and in cmd/transship, are made from this one.
func TestGoldenRecord(t *testing.T) {
	text := copyRecord().jsonl(t)
	golden.Compare(t, "record.jsonl", text)
	if result := mustVerify(t, []byte(text)); !result.Sound() || !result.Complete {
		t.Errorf("%+v", result)
	}
}
