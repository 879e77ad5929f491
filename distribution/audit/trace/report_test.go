package trace

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/audittest"
	"github.com/hczjl/transship/testdata/golden"
)

// read reads an audit's text.
func read(t testing.TB, text string) *Trace {
	t.Helper()
	tr, err := Read(audittest.Reader(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestReport(t *testing.T) {
	r := read(t, audittest.Golden(t)).Report(3)
	want := Group{Calls: 22, Retries: 2, Failed: 1, Errors: map[int]int{404: 1, 503: 1}, Expected: map[int]int{401: 1},
		Sent: 5_366_280, Received: 5_178_380, Connections: 5}
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
	ms := func(n float64) audit.Millis { return audit.Millis(n * float64(time.Millisecond)) }
	if diff := cmp.Diff(map[Activity]Quantiles{
		Blocked: {3, ms(0.1), ms(0.1)}, Send: {3, ms(300), ms(700)}, Wait: {2, ms(40), ms(40)},
		Receive: {2, ms(0.1), ms(0.1)},
		Total:   {3, ms(320.2), ms(740.2)},
	}, chunks); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Refusal{{"max-calls", "PUT", "registry.example.com", "mirror/alpine/manifests/latest", 1}},
		r.Refusals); diff != "" {
		t.Error(diff)
	}
	if len(r.Blobs) != 3 || r.MoreBlobs != 1 || r.Blobs[0].Digest != audittest.Digest(4) || !r.Blobs[0].Sent ||
		r.Blobs[0].Bytes != 3_623_807 {
		t.Errorf("%d more, %+v", r.MoreBlobs, r.Blobs)
	}
	if rate := r.Blobs[0].Rate(); rate < 1.81e6 || rate > 1.82e6 {
		t.Errorf("rate %v", rate)
	}
	if first := r.Reasons[0]; first.Activity != Stream || first.Host != "storage.example.net" ||
		first.To != "registry.example.com" ||
		first.Time != ms(1690) || first.Longest.Blob != audittest.Digest(4) {
		t.Errorf("%+v", first)
	}
	if last := r.Path[len(r.Path)-1]; last.Sequence != 22 || last.Row != "end-7a" ||
		last.Path != "mirror/alpine/manifests/3.20" {
		t.Errorf("%+v", last)
	}
	if put := r.Path[6]; put.Sequence != 10 || put.Source != 12 {
		t.Errorf("%+v", put)
	}
}

func TestQuantilesByNearestRank(t *testing.T) {
	for n, want := range map[int][2]int64{1: {1, 1}, 2: {1, 2}, 3: {2, 3}, 4: {2, 4}, 100: {50, 99}, 101: {51, 100},
		160: {80, 159}, 1000: {500, 990}} {
		var d []int64
		for i := n; i > 0; i-- {
			d = append(d, int64(i))
		}
		got := quantiles(d)
		if got.Calls != n || got.Median != millis(want[0]) || got.P99 != millis(want[1]) {
			t.Errorf("of %d: %+v", n, got)
		}
	}
}

// Scripts rely on names and units.
func TestReportJSON(t *testing.T) {
	text, err := json.MarshalIndent(read(t, audittest.Golden(t)).Report(2), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "record-report.json", string(text)+"\n")
}

// A HAR of a browser has no Run, no End and no sequences.
func TestReportOfOtherTool(t *testing.T) {
	tr := read(t, audittest.OtherTool(t))
	r := tr.Report(5)
	if r.Complete || r.Run.Tool != "Firefox" || r.Total.Calls != 2 || r.Total.Connections != 1 || r.Total.Failed != 1 ||
		tr.Broken != nil {
		t.Errorf("%+v", r)
	}
	// The first call began at 02:04:05.678 UTC, the second one an hour later and without a
	// duration.
	if want := audit.Millis(59*time.Minute + 60*time.Second + 322*time.Millisecond); r.Wall != want {
		t.Errorf("wall %s, want %s", r.Wall, want)
	}
	if len(r.Hosts) != 2 || r.Hosts[1].Host != "" || r.Hosts[0].Rows[0].Row != "end-3" {
		t.Errorf("%+v", r.Hosts)
	}
}

// No date and no duration overflows the sums.
func TestReportOfExtremes(t *testing.T) {
	r := read(t, audittest.Extremes()).Report(1)
	var sum audit.Millis
	for _, x := range r.Reasons {
		sum += x.Time
		if x.Time <= 0 || x.Share < 0 || x.Share > 1 {
			t.Errorf("%+v", x)
		}
	}
	if r.Wall <= 0 || sum != r.Wall || len(r.Reasons) == 0 {
		t.Errorf("%s of %s", sum, r.Wall)
	}
}

// A call whose body a policy cut off counts as sent.
func TestReportOfCutBody(t *testing.T) {
	e := audit.Entry{Sequence: 1, Attempt: 1, Method: "GET", URL: "http://h/v2/x/blobs/" + audittest.Digest(1),
		Row: "end-2", Status: 200, Peer: "127.0.0.1:1",
		Timings: audit.Timings{Receive: time.Second}, Response: audit.Message{Bytes: 7}, Refused: "max-bytes",
		Error: "refused"}
	r := read(t, audittest.JSONL(t, audit.Run{}, e)).Report(1)
	if r.Total.Calls != 1 || r.Total.Failed != 1 || r.Total.Received != 7 || len(r.Refusals) != 1 || len(r.Path) != 1 {
		t.Errorf("%+v", r)
	}
}

// The reasons of any audit add up to the wall clock's time.
func FuzzReport(f *testing.F) {
	audittest.Fuzz(f, func(t *testing.T, text string) {
		report := read(t, text).Report(3)
		var sum audit.Millis
		for _, reason := range report.Reasons {
			sum += reason.Time
		}
		if sum != report.Wall {
			t.Errorf("reasons for %s of %s", sum, report.Wall)
		}
	})
}
