package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	r := trace(t, newStory().file(t)).Report(3)
	want := Group{Calls: 22, Retries: 2, Failed: 1, Errors: map[int]int{401: 1, 404: 1, 503: 1}, Sent: 5_366_280, Received: 5_178_380, Connections: 5}
	if diff := cmp.Diff(want, r.Total); diff != "" {
		t.Errorf("total: %s", diff)
	}
	var rows []string
	var sum Group
	for _, h := range r.Hosts {
		for _, row := range h.Rows {
			rows = append(rows, fmt.Sprintf("%s %s %d", h.Host, row.Row, row.Calls))
			sum.Calls += row.Calls
			sum.Sent += row.Sent
			sum.Received += row.Received
		}
	}
	if diff := cmp.Diff([]string{
		"registry-1.docker.io end-2 2", "registry-1.docker.io end-3 4", "auth.docker.io token 1",
		"registry.example.com end-3 1", "registry.example.com end-5 3", "registry.example.com end-6 2",
		"registry.example.com end-7a 3", "registry.example.com end-11 4", "registry.example.com end-13 1",
		"storage.example.net redirect 1",
	}, rows); diff != "" {
		t.Error(diff)
	}
	if sum.Calls != r.Total.Calls || sum.Sent != r.Total.Sent || sum.Received != r.Total.Received {
		t.Errorf("the rows have %+v", sum)
	}
	chunks := r.Hosts[2].Rows[1].Timings
	ms := func(n float64) Millis { return Millis(n * float64(time.Millisecond)) }
	if diff := cmp.Diff(map[Activity]Quantiles{
		Blocked: {3, ms(0.1), ms(0.1)}, Sending: {3, ms(300), ms(700)}, Waiting: {2, ms(40), ms(40)}, Receiving: {2, ms(0.1), ms(0.1)},
		Total: {3, ms(320.2), ms(740.2)},
	}, chunks); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Refusal{{"max-calls", "PUT", "registry.example.com", "mirror/alpine/manifests/latest", 1}}, r.Refusals); diff != "" {
		t.Error(diff)
	}
	if len(r.Blobs) != 3 || r.MoreBlobs != 1 || r.Blobs[0].Digest != digestOf(4) || !r.Blobs[0].Sent || r.Blobs[0].Bytes != 3_623_807 {
		t.Errorf("%d more, %+v", r.MoreBlobs, r.Blobs)
	}
	if rate := r.Blobs[0].Rate(); rate < 1.81e6 || rate > 1.82e6 {
		t.Errorf("rate %v", rate)
	}
	if first := r.Reasons[0]; first.Activity != Streaming || first.Host != "storage.example.net" || first.To != "registry.example.com" ||
		first.Time != ms(1690) || first.Longest.Blob != digestOf(4) {
		t.Errorf("%+v", first)
	}
	if last := r.Path[len(r.Path)-1]; last.Sequence != 22 || last.Row != "end-7a" || last.What != "mirror/alpine/manifests/3.20" {
		t.Errorf("%+v", last)
	}
	if put := r.Path[6]; put.Sequence != 10 || put.Source != 12 {
		t.Errorf("%+v", put)
	}
}

// The nearest rank is a duration that occurred.
func TestQuantiles(t *testing.T) {
	for n, want := range map[int][2]int64{1: {1, 1}, 2: {1, 2}, 3: {2, 3}, 4: {2, 4}, 100: {50, 99}, 101: {51, 100}, 160: {80, 159}, 1000: {500, 990}} {
		var d []int64
		for i := n; i > 0; i-- {
			d = append(d, int64(i))
		}
		got := quantiles(d)
		if got.Calls != n || got.Median != ofMicros(want[0]) || got.P99 != ofMicros(want[1]) {
			t.Errorf("of %d: %+v", n, got)
		}
	}
}

// Scripts rely on the names and units.
func TestReportJSON(t *testing.T) {
	text, err := json.MarshalIndent(trace(t, newStory().file(t)).Report(2), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "story-report.json", string(text)+"\n")
}

// A HAR of a browser has neither run nor end, and no sequences.
func TestReportOfAnotherTool(t *testing.T) {
	tr := trace(t, otherHAR)
	r := tr.Report(5)
	if r.Complete || r.Run.Tool != "Firefox" || r.Total.Calls != 2 || r.Total.Connections != 1 || r.Total.Failed != 1 || tr.Broken != nil {
		t.Errorf("%+v", r)
	}
	// The first began at 02:04:05.678 by UTC, the other an hour later without any duration.
	if want := Millis(59*time.Minute + 60*time.Second + 322*time.Millisecond); r.Wall != want {
		t.Errorf("wall %s, want %s", r.Wall, want)
	}
	if len(r.Hosts) != 2 || r.Hosts[1].Host != "" || r.Hosts[0].Rows[0].Row != "end-3" {
		t.Errorf("%+v", r.Hosts)
	}
}

func TestReadAll(t *testing.T) {
	whole := newStory().file(t)
	lines := strings.SplitAfter(whole, "\n")
	for name, test := range map[string]struct {
		text    string
		entries int
		broken  string // "" for an audit that is whole
		err     string
	}{
		"whole":            {whole, 23, "", ""},
		"cut":              {whole[:len(whole)-len(lines[len(lines)-2])-5], 22, "line 24: it is cut off", ""},
		"one line":         {lines[0], 0, "", ""},
		"garbled":          {strings.Join(lines[:4], "") + "garbage\n" + strings.Join(lines[4:], ""), 3, "line 5: invalid character", ""},
		"other JSON lines": {"{\"a\":1}\n", 0, "", "line 1: it is no record of an audit"},
		"text":             {"hello", 0, "", "neither an audit"},
		"nothing":          {"", 0, "", "neither an audit"},
		"a HAR, cut":       {otherHAR[:strings.Index(otherHAR, `"pages"`)-10], 2, "entry 2: it is cut off", ""},
	} {
		n := 0
		r, err := NewReader(strings.NewReader(test.text))
		var broken *RecordError
		if err == nil {
			broken, err = ReadAll(r, func(Entry) { n++ })
		}
		said, failed := "", ""
		if broken != nil {
			said = broken.Error()
		}
		if err != nil {
			failed = err.Error()
		}
		if n != test.entries || !strings.HasPrefix(said, test.broken) || (said == "") != (test.broken == "") ||
			!strings.Contains(failed, test.err) || (failed == "") != (test.err == "") {
			t.Errorf("%s: %d entries, broken %q, error %q", name, n, said, failed)
		}
	}
}

// No date and no duration is too large to be summed up.
func TestReportOfNonsense(t *testing.T) {
	var text string
	for i, start := range []string{"0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "2026-01-02T03:04:05Z"} {
		text += fmt.Sprintf(`{"sequence":%d,"method":"GET","url":"http://h/","start":%q,"timings":{"blocked":1e300,"dns":1e300,"connect":1e300,"tls":1e300,"send":1e300,"wait":1e300,"receive":1e300}}`+"\n", i, start)
	}
	tr := trace(t, text)
	r := tr.Report(1)
	var sum Millis
	for _, x := range r.Reasons {
		sum += x.Time
		if x.Time <= 0 || x.Share < 0 || x.Share > 1 {
			t.Errorf("%+v", x)
		}
	}
	if r.Wall <= 0 || sum != r.Wall || len(r.Reasons) == 0 {
		t.Errorf("%s of %s", sum, r.Wall)
	}
	if image := drawn(t, tr); len(image) > 100_000 {
		t.Errorf("%d bytes", len(image))
	}
}

// A call whose body a policy cut off was made.
func TestReportOfACutBody(t *testing.T) {
	e := Entry{Sequence: 1, Attempt: 1, Method: "GET", URL: "http://h/v2/x/blobs/" + digestOf(1), Row: "end-2", Status: 200, Peer: "127.0.0.1:1",
		Timings: Timings{Receive: time.Second}, Response: Message{Bytes: 7}, Refused: "max-bytes", Error: "refused"}
	text := string(written(t, JSONL, e))
	r := trace(t, text).Report(1)
	if r.Total.Calls != 1 || r.Total.Failed != 1 || r.Total.Received != 7 || len(r.Refusals) != 1 || len(r.Path) != 1 {
		t.Errorf("%+v", r)
	}
	if script := scriptOf(t, text); !strings.Contains(script, "\ncurl -sSfg ") || !strings.Contains(script, "broken off after 1s") {
		t.Error(script)
	}
}
