package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/testdata/golden"
)

// testReport returns a report of two cells with three rounds each.
func testReport() *Report {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := &Report{
		Origin: Origin{Kind: Push, Shape: Shape{Platforms: 2, Layers: 4, Size: "4x16MiB", Compressible: 0.5}, Target: "localhost:5000/bench",
			Seed: 42, Started: start, Machine: Machine{"linux", "amd64", "Some CPU <1>", 2}},
		Cells: Matrix([]int{1, 8}, nil, nil, nil, nil),
		Limit: &Baseline{Over: "plain TCP on loopback",
			Link: []Rate{{1, 1e9, time.Second}, {8, 2e9, time.Second}},
			Hash: []Rate{{1, 5e8, time.Second}, {2, 1e9, time.Second}}},
		Left: []Leftover{{"localhost:5000/bench", 3, 10, 134217728, errors.New("405 Method Not Allowed")}},
	}
	for turn := range Order(2, 0, 3) {
		i := turn.Serial
		s := Sample{Turn: turn, Moved: Moved{Ops: 1, Bytes: 128e6, Blobs: 10}, Start: start, Calls: 29,
			CPU: 200 * time.Millisecond, Peak: 16 << 20}
		s.Elapsed = time.Duration(500-turn.Cell*250+10*i) * time.Millisecond
		for n := range 100 {
			s.TTFB = append(s.TTFB, time.Duration(n+1)*time.Millisecond)
		}
		if turn.Round == 0 {
			const repo = "http://localhost:5000/v2/bench/"
			s.Trace = []wire.Call{
				{Sequence: 2, Method: "PUT", URL: repo + "blobs/uploads/x?digest=sha256%3A0123456789abcdef", StatusCode: 201,
					Start: start.Add(3 * time.Millisecond), Duration: 80 * time.Millisecond, Sent: 16 << 20},
				{Sequence: 1, Method: "POST", URL: repo + "blobs/uploads/?from=bench&mount=sha256%3A0123456789abcdef", StatusCode: 202,
					Start: start, Duration: 2 * time.Millisecond},
				{Sequence: 3, Method: "GET", URL: repo + "manifests/<&>", StatusCode: 200,
					Start: start.Add(85 * time.Millisecond), Duration: 3 * time.Millisecond,
					Timings: wire.Timings{Receive: 2 * time.Millisecond}, Received: 700},
			}
		}
		r.Samples = append(r.Samples, s)
	}
	return r
}

func TestGoFormat(t *testing.T) {
	r := testReport()
	var b bytes.Buffer
	err := errors.Join(r.GoHeader(&b), r.GoLimit(&b))
	for _, s := range r.Samples {
		err = errors.Join(err, r.GoSample(&b, s))
	}
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "push.txt", b.String())
}

// A name has no suffix for one processor, and a line has no speed if no bytes move.
func TestGoFormatWithoutBytes(t *testing.T) {
	r := &Report{Origin: Origin{Kind: Resolve, Shape: Shape{Platforms: 1, Layers: 1, Size: "4KiB"}, Machine: Machine{Procs: 1}}}
	r.Cells = Matrix([]int{4}, []string{"2"}, nil, nil, nil)
	var b bytes.Buffer
	r.GoSample(&b, Sample{Moved: Moved{Ops: 100}, Elapsed: time.Second, Calls: 200, TTFB: []time.Duration{5000}})
	want := "BenchmarkResolve/jobs=4/http=2/platforms=1/layers=1/size=4KiB\t     100" +
		"\t10000000 ns/op\t2.00 calls/op\t5000 ttfb-p50-ns\t5000 ttfb-p99-ns\t0 rss-peak-bytes\n"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

func TestPage(t *testing.T) {
	var b bytes.Buffer
	if err := testReport().HTML(&b); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "push.html", b.String())
	for _, forbidden := range []string{
		"<script", "src=", "@import", "url(", "http-equiv", "ZgotmplZ", "NaN", "<no value>", "<1>",
	} {
		if strings.Contains(b.String(), forbidden) {
			t.Errorf("the page has %s", forbidden)
		}
	}
	for _, link := range regexp.MustCompile(`href="[^"]*"`).FindAllString(b.String(), -1) {
		t.Errorf("the page has %s", link)
	}
}

// A run that was interrupted before its first sample and one that moves no bytes give valid pages.
func TestPageWithoutData(t *testing.T) {
	empty := testReport()
	empty.Samples, empty.Limit, empty.Left = nil, nil, nil
	noBytes := testReport()
	for i := range noBytes.Samples {
		noBytes.Samples[i].Bytes = 0
	}
	for _, r := range []*Report{empty, noBytes} {
		var b bytes.Buffer
		if err := r.HTML(&b); err != nil || !strings.HasSuffix(b.String(), "</html>\n") {
			t.Errorf("%v: %s", err, b.String())
		}
		for _, forbidden := range []string{"NaN", "Inf", "ZgotmplZ"} {
			if strings.Contains(b.String(), forbidden) {
				t.Errorf("the page has %s", forbidden)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(testReport().Document()); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "push.json", b.String())
	if !json.Valid(b.Bytes()) {
		t.Error("the output is not valid JSON")
	}
}

// Auto jobs are called auto, come after the numbers in the plot and are not joined to them. Their
// floor is that of any number of jobs.
func TestReportWithAutoJobs(t *testing.T) {
	r := testReport()
	r.Cells = Matrix([]int{0, 8}, nil, nil, nil, nil)
	plot, cell := string(r.jobsPlot().SVG()), r.jsonCell(0)
	eight, auto := strings.Index(plot, ">8</text>"), strings.Index(plot, ">auto</text>")
	if eight < 0 || auto < eight || strings.Contains(plot, "join") {
		t.Error(plot)
	}
	if text, err := json.Marshal(cell); cell.Name != "jobs=auto" || err != nil || bytes.Contains(text, []byte(`"jobs"`)) {
		t.Errorf("%s, %v", text, err)
	}
	if got, want := r.Limit.Floor(1e9, 0), r.Limit.Floor(1e9, 8); got != want || got == r.Limit.Floor(1e9, 1) {
		t.Errorf("got a floor of %s, want %s as with 8 jobs", got, want)
	}
	if got := ConnectionCounts([]int{0, 16, 1 << 40, 1 << 30}); !slices.Equal(got, []int{1, 6, 16, 128}) {
		t.Errorf("got widths %d", got)
	}
}

func TestSummary(t *testing.T) {
	r := testReport()
	// Cell 0 takes 500, 530 and 540 ms for 128 MB, and the floor with one job is that of one hash:
	// 256 ms.
	s := r.Summary(0)
	if s.Rounds != 3 || s.Op != (Spread{500e6, 530e6, 540e6}) || s.Calls.Median != 29 || len(s.TTFB) != 300 {
		t.Errorf("%+v", s)
	}
	if got := 530.0 / 256; s.TimesFloor < got-1e-6 || s.TimesFloor > got+1e-6 {
		t.Errorf("%g times the floor, want %g", s.TimesFloor, got)
	}
	if r.Best() != 1 {
		t.Errorf("the best cell is %d", r.Best())
	}
}

func TestFloor(t *testing.T) {
	l := testReport().Limit
	for _, x := range []struct {
		bytes int64
		jobs  int
		want  time.Duration
	}{{1e9, 1, 2 * time.Second}, {1e9, 2, time.Second}, {1e9, 100, time.Second}, {0, 1, 0}} {
		if got := l.Floor(x.bytes, x.jobs); got != x.want {
			t.Errorf("%d bytes with %d jobs: %v, want %v", x.bytes, x.jobs, got, x.want)
		}
	}
	l.Link = []Rate{{1, 1e8, time.Second}}
	if got := l.Floor(1e9, 8); got != 10*time.Second {
		t.Errorf("over a slow link: %v", got)
	}
	if (*Baseline)(nil).Floor(1, 1) != 0 || (&Baseline{}).Floor(1, 1) != 0 {
		t.Error("a floor without rates")
	}
}

// A repository may be named like the API's words.
func TestCallWhatOfRepositoryNamedLikeTheAPI(t *testing.T) {
	for path, want := range map[string]string{
		"a/blobs/b/manifests/1":               "manifest 1",
		"a/manifests/b/blobs/sha256:01":       "blob 01 0 B",
		"a/manifests/b/blobs/uploads/x":       "upload 0 B",
		"uploads/blobs/uploads/?mount=sha256": "mount sha256",
		"uploads/tags/list":                   "list",
	} {
		if got := callWhat(wire.Call{Method: "GET", URL: "https://r.example/v2/" + path}); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
