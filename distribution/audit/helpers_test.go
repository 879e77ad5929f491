package audit

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sampleRun and sampleEntries together set every member of an audit.
func sampleRun() Run {
	return Run{Tool: "transship", Version: "0.1.0", Command: []string{"transship", "copy", "a", "b"},
		Start: time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)}
}

func sampleEntries() []Entry {
	start := sampleRun().Start
	blob := "sha256:" + strings.Repeat("ab", 32)
	return []Entry{
		{
			Sequence: 1, Attempt: 1, Why: Why{Command: "copy", Image: "a"}, Row: "end-3", Method: "GET",
			URL: "https://r.example:5000/v2/a/manifests/1?x=REDACTED&n=<1>", Status: 200, Protocol: "HTTP/2.0",
			Start: start,
			Timings: Timings{Blocked: 1500 * time.Microsecond, DNS: 2 * time.Millisecond, Connect: 3 * time.Millisecond,
				TLS: 4 * time.Millisecond, Send: 5 * time.Microsecond, Wait: 6 * time.Millisecond,
				Receive: 7 * time.Millisecond},
			Request: Message{Headers: http.Header{"Accept": {"x", "y"}, "Authorization": {"Bearer REDACTED"}}},
			Response: Message{Headers: http.Header{"Content-Type": {"application/json"}}, Bytes: 700,
				Digest: blob, DigestBy: ByRecord},
			Peer: "[::1]:443", Local: "[::1]:50001", TLS: TLS{"TLS 1.3", "TLS_AES_128_GCM_SHA256"},
		},
		{
			Sequence: 3, Attempt: 2, Why: Why{Command: "copy", Image: "a", Blob: blob, RetryOf: 2}, Row: "end-6",
			Method: "PUT",
			URL:    "http://127.0.0.1:5000/v2/b/blobs/uploads/1?digest=" + blob, Status: 201, Protocol: "HTTP/1.1",
			Start:   start.Add(time.Second),
			Timings: Timings{Send: 900 * time.Millisecond, Wait: time.Millisecond},
			Request: Message{Headers: http.Header{"Content-Type": {"application/octet-stream"}}, Bytes: 1 << 40,
				Digest: blob, DigestBy: ByStream},
			Response: Message{Headers: http.Header{"Location": {"/x?_state=REDACTED"}}},
			Peer:     "127.0.0.1:5000", Local: "127.0.0.1:50002", Reused: true, Resent: 1, Congestion: "bbr",
		},
		{
			Sequence: 2, Attempt: 1, Method: "PUT", URL: "http://127.0.0.1:5000/x", Start: start.Add(2 * time.Second),
			Request: Message{Headers: http.Header{}}, Response: Message{Headers: http.Header{}},
			Error: "refused", Refused: "read-only",
		},
	}
}

// auditOf returns an audit of sampleRun with the entries.
func auditOf(t testing.TB, f Format, entries ...Entry) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "audit."+string(f))
	w, err := Create(name, sampleRun())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readEntries reads an audit to its end.
func readEntries(t testing.TB, text []byte) (*Reader, []Entry, error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	var entries []Entry
	for e, err := range r.Entries() {
		if err != nil {
			return r, entries, err
		}
		entries = append(entries, e)
	}
	return r, entries, nil
}

// memoryFile is a storage. After capacity bytes writes fail; -1 is no limit.
type memoryFile struct {
	content   []byte
	capacity  int
	snapshots []string // the content after each write
}

var errFull = errors.New("no space left on device")

func (f *memoryFile) WriteAt(p []byte, at int64) (int, error) {
	n := len(p)
	if f.capacity >= 0 && int(at)+n > f.capacity {
		n = max(0, f.capacity-int(at))
	}
	if need := int(at) + n - len(f.content); need > 0 {
		f.content = append(f.content, make([]byte, need)...)
	}
	copy(f.content[at:], p[:n])
	if n < len(p) {
		return n, errFull
	}
	f.snapshots = append(f.snapshots, string(f.content))
	return n, nil
}

func (f *memoryFile) Truncate(size int64) error { f.content = f.content[:size]; return nil }
func (f *memoryFile) Sync() error               { return nil }
func (f *memoryFile) Close() error              { return nil }
