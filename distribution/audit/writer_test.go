package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var formats = []Format{JSONL, HAR}

func TestReaderReturnsWhatWasWritten(t *testing.T) {
	for _, f := range formats {
		r, got, err := readEntries(t, auditOf(t, f, sampleEntries()...))
		if err != nil {
			t.Fatal(f, err)
		}
		if diff := cmp.Diff(sampleEntries(), got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", f, diff)
		}
		if diff := cmp.Diff(sampleRun(), r.Run); diff != "" || r.Format() != f {
			t.Errorf("%s: format %s, run (-want +got):\n%s", f, r.Format(), diff)
		}
		if r.End == nil || r.End.Calls != 3 || r.End.Time.IsZero() {
			t.Errorf("%s: end %+v", f, r.End)
		}
	}
}

// Other programs rely on the members of a line.
func TestJSONLLines(t *testing.T) {
	lines := strings.Split(string(auditOf(t, JSONL, sampleEntries()...)), "\n")
	if len(lines) != 6 || lines[5] != "" {
		t.Fatalf("%d lines", len(lines))
	}
	want := `{"sequence":3,"attempt":2,"why":{"command":"copy","image":"a","blob":"sha256:AB","retryOf":2},"row":"end-6","method":"PUT",` +
		`"url":"http://127.0.0.1:5000/v2/b/blobs/uploads/1?digest=sha256:AB","status":201,"protocol":"HTTP/1.1",` +
		`"start":"2026-01-02T03:04:06.6789Z","timings":{"send":900,"wait":1},` +
		`"request":{"headers":{"Content-Type":["application/octet-stream"]},"bytes":1099511627776,"digest":"sha256:AB","digestBy":"stream"},` +
		`"response":{"headers":{"Location":["/x?_state=REDACTED"]},"bytes":0},` +
		`"peer":"127.0.0.1:5000","local":"127.0.0.1:50002","reused":true,"congestion":"bbr","resent":1,"record":3,"previous":"`
	got := strings.ReplaceAll(lines[2], strings.Repeat("ab", 32), "AB")
	if !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestHARDocument(t *testing.T) {
	var doc struct {
		Log struct {
			Version string
			Creator harCreator
			Entries []struct {
				Started string `json:"startedDateTime"`
				Time    float64
				Timings map[string]float64
				Request struct {
					QueryString []harHeader
					BodySize    int64
				}
				Response struct {
					RedirectURL string
					Content     harContent
				}
				ServerIPAddress, Connection string
			}
		}
	}
	if err := json.Unmarshal(auditOf(t, HAR, sampleEntries()...), &doc); err != nil {
		t.Fatal(err)
	}
	first := doc.Log.Entries[0]
	wantTimings := map[string]float64{"blocked": 1.5, "dns": 2, "connect": 7, "ssl": 4, "send": 0.005, "wait": 6,
		"receive": 7}
	if diff := cmp.Diff(wantTimings, first.Timings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]harHeader{{"n", "<1>"}, {"x", "REDACTED"}}, first.Request.QueryString); diff != "" {
		t.Error(diff)
	}
	if first.Time != 23.505 || first.ServerIPAddress != "::1" || first.Connection != "50001" ||
		first.Response.Content.Size != 700 {
		t.Errorf("%+v", first)
	}
	second := doc.Log.Entries[1]
	if second.Timings["dns"] != -1 || second.Timings["ssl"] != -1 || second.Timings["receive"] != 0 ||
		second.Response.RedirectURL != "" || second.Request.BodySize != 1<<40 {
		t.Errorf("%+v", second)
	}
	if doc.Log.Version != "1.2" || doc.Log.Creator != (harCreator{"transship", "0.1.0"}) || len(doc.Log.Entries) != 3 {
		t.Errorf("%+v", doc.Log)
	}
}

// After every write a HAR is valid JSON, JSONL has whole lines, and both have all entries so far.
func TestFileIsCompleteAfterEveryWrite(t *testing.T) {
	for _, f := range formats {
		file := &memoryFile{capacity: -1}
		w, err := newWriter("x", file, f, sampleRun())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range sampleEntries() {
			if err := w.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		for i, state := range file.snapshots {
			if f == HAR && !json.Valid([]byte(state)) || !strings.HasSuffix(state, "\n") {
				t.Errorf("%s after write %d: %s", f, i, state)
			}
			r, got, err := readEntries(t, []byte(state))
			if err != nil || len(got) != i || r.End != nil {
				t.Errorf("%s after write %d: %d entries, end %v, %v", f, i, len(got), r.End, err)
			}
		}
	}
}

// A full disk leaves the records before it intact, and every later call reports it.
func TestFullDisk(t *testing.T) {
	for _, f := range formats {
		// In a bubble, as the end's time must be as long in each file: zeros at its end are left out.
		t.Run(string(f), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testFullDisk(t, f) }) })
	}
}

func testFullDisk(t *testing.T, f Format) {
	whole := len(auditOf(t, f, sampleEntries()...))
	for capacity := whole - 1; capacity >= 0; capacity -= 7 {
		file := &memoryFile{capacity: capacity}
		w, err := newWriter("x", file, f, sampleRun())
		written := 0
		if err == nil {
			for _, e := range sampleEntries() {
				if err = w.Write(e); err != nil {
					break
				}
				written++
			}
			if closing := w.Close(); err != nil && closing != err {
				t.Errorf("Close: %v, want %v", closing, err)
			} else {
				err = closing
			}
		}
		var fileErr *FileError
		if !errors.As(err, &fileErr) || !errors.Is(err, errFull) || fileErr.Name != "x" {
			t.Fatalf("capacity %d of %d: %v", capacity, whole, err)
		}
		if _, got, err := readEntries(t, file.content); len(file.content) > 0 &&
			(err != nil || len(got) != written) {
			t.Errorf("capacity %d of %d: %d entries, %v, want %d:\n%s", capacity, whole, len(got), err, written,
				file.content)
		}
	}
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "old.JSONL")
	if err := os.WriteFile(old, []byte(strings.Repeat("x", 1<<16)), 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := Create(old, sampleRun())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(old); err != nil || info.Mode().Perm() != 0o600 || info.Size() > 1000 {
		t.Errorf("%v %v", info, err)
	}
	for _, name := range []string{"x", "x.json", "no/such.har", ".har/x"} {
		_, err := Create(filepath.Join(dir, name), sampleRun())
		var file *FileError
		if !errors.As(err, &file) || strings.Count(err.Error(), dir) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	folder := filepath.Join(dir, "folder.har")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(folder, sampleRun()); !errors.Is(err, errNotRegular) {
		t.Error(err)
	}
}

func TestWriteConcurrently(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.har")
	w, err := Create(name, sampleRun())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	const n = 50
	for i := range n {
		group.Go(func() {
			if err := w.Write(Entry{Sequence: int64(i + 1), Method: "GET",
				URL: fmt.Sprint("http://r.example/", i)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if result := mustVerify(t, text); !result.Sound() || !result.Complete || result.Entries != n {
		t.Errorf("%+v", result)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, f := range formats {
		b.Run(string(f), func(b *testing.B) {
			w, err := Create(filepath.Join(b.TempDir(), "x."+string(f)), sampleRun())
			if err != nil {
				b.Fatal(err)
			}
			e := sampleEntries()[0]
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(e); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
