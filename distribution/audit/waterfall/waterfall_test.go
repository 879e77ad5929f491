package waterfall

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/audittest"
	"github.com/hczjl/transship/distribution/audit/trace"
	"github.com/hczjl/transship/testdata/golden"
)

func formatBytes(n int64) string { return fmt.Sprint(n, " B") }

// draw returns the waterfall of an audit.
func draw(t testing.TB, record string) string {
	t.Helper()
	tr, err := trace.Read(audittest.Reader(t, record))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Write(&out, tr, formatBytes); err != nil {
		t.Fatal(err)
	}
	checkXML(t, out.String())
	return out.String()
}

// checkXML checks that an image is well-formed and has no scripts.
func checkXML(t testing.TB, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "script" {
			t.Fatal("there is a script in it")
		}
	}
}

func TestWaterfall(t *testing.T) {
	golden.Compare(t, "record.svg", draw(t, audittest.Golden(t)))
}

// The image of a long run has strips and the calls that took longest, and does not grow with the
// run.
func TestWaterfallOfLongRun(t *testing.T) {
	record := func(n int, refused string) string {
		start := time.Unix(0, 0)
		entry := func(i int) audit.Entry {
			return audit.Entry{Sequence: int64(i + 1), Attempt: 1,
				Start: start.Add(time.Duration(i) * 10 * time.Millisecond), Refused: refused,
				Row: "end-2", Method: "GET", URL: fmt.Sprintf("https://host-%d/x", i%2), Status: 200,
				Timings: audit.Timings{Wait: time.Duration(i%97) * time.Millisecond,
					Receive: time.Duration(i%31) * time.Millisecond}}
		}
		var entries []audit.Entry
		for i := range n - 1 {
			entries = append(entries, entry(i))
		}
		last := entry(n - 1)
		last.Row = ""
		return audittest.JSONL(t, audit.Run{Tool: "x", Start: start}, append(entries, last)...)
	}
	if text := draw(t, record(maxRows, "")); strings.Contains(text, "took longest") ||
		strings.Count(text, "<g><title>") != maxRows {
		t.Error("as many calls as have rows are condensed")
	}
	text := draw(t, record(2001, ""))
	for _, part := range []string{"The 40 calls that took longest", "1000 calls, median 62ms, p99 118ms",
		">end-2 pull blob<", ">other<", `z" class="receive"/>`, "up to 6 at a time"} {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q", part)
		}
	}
	if n := strings.Count(text, "<g><title>"); n != longestRows {
		t.Errorf("%d rows", n)
	}
	if text := draw(t, record(2001, "read-only")); !strings.Contains(text, "0 calls") {
		t.Error("calls that were not sent are counted")
	}
	if longer := draw(t, record(10_001, "")); len(longer) > 2*len(text)+100_000 {
		t.Errorf("2000 calls are %d bytes, 10000 are %d", len(text), len(longer))
	}
}

// Nothing in a file becomes markup.
func TestWaterfallEscapesText(t *testing.T) {
	evil := `</text><script>alert(1)</script>"'&<!--` + "\x00\x1b[2J\n\ufffe"
	e := audit.Entry{Sequence: 1, Attempt: 2, Method: evil, URL: "https://h/" + "%3Cscript%3E%0A", Row: evil,
		Status: 200,
		Start:  time.Unix(0, 0), Timings: audit.Timings{Wait: time.Second}, Why: audit.Why{Blob: evil}}
	hostless := e
	hostless.URL, hostless.Refused, hostless.Sequence = evil, evil, 2
	text := draw(t, audittest.JSONL(t, audit.Run{Tool: evil, Command: []string{evil, evil}}, e, hostless))
	if strings.ContainsAny(text, "\x00\x1b") || strings.Contains(text, "alert(1)</") {
		t.Error(text)
	}
}

func TestWaterfallWithoutCalls(t *testing.T) {
	draw(t, audittest.JSONL(t, audit.Run{Tool: "x"}))
	draw(t, `{"log":{"creator":{"name":"x"},"entries":[]}}`)
}

func TestWaterfallOfOtherTool(t *testing.T) {
	draw(t, audittest.OtherTool(t))
}

func TestWaterfallOfExtremes(t *testing.T) {
	if image := draw(t, audittest.Extremes()); len(image) > 100_000 {
		t.Errorf("%d bytes", len(image))
	}
}

func TestTick(t *testing.T) {
	for _, wall := range []time.Duration{1, time.Microsecond, 57 * time.Millisecond, time.Second, 9 * time.Second,
		31 * time.Second,
		time.Minute, 89 * time.Minute, 300 * time.Hour, 250 * 365 * 24 * time.Hour} {
		step := tick(wall)
		if n := wall / step; step < time.Microsecond || n > 8 || wall > 10*time.Microsecond && n < 3 {
			t.Errorf("%v has %d steps of %v", wall, n, step)
		}
	}
}

func FuzzWaterfall(f *testing.F) {
	audittest.Fuzz(f, func(t *testing.T, text string) { draw(t, text) })
}

func TestRowPath(t *testing.T) {
	for path, want := range map[string]string{
		"a/blobs/uploads/...?digest=sha256:0123456789ab": "a/uploads/?digest=01234567",
		"a/blobs/uploads/?from=b&mount=x":                "a/uploads/?mount=x",
		"a/blobs/uploads/manifests/1":                    "a/blobs/uploads/manifests/1",
	} {
		if got := rowPath(path, ""); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
