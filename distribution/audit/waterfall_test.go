package audit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func bytesText(n int64) string { return fmt.Sprint(n, " B") }

// drawn is a trace's waterfall, which is well-formed XML.
func drawn(t testing.TB, tr *Trace) string {
	t.Helper()
	var out strings.Builder
	if err := tr.Waterfall(&out, bytesText); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, out.String())
	return out.String()
}

func wellFormed(t testing.TB, text string) {
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
	golden(t, "story.svg", drawn(t, trace(t, newStory().file(t))))
}

// Long runs are strips and the calls that took longest; the image does not
// grow with the calls.
func TestWaterfallOfALongRun(t *testing.T) {
	long := func(n int) *Trace {
		var calls []planned
		for i := range n {
			calls = append(calls, planned{at: i * 10, row: "end-2", host: fmt.Sprint("host-", i%2), blob: i%200 + 1,
				phases: [phases]float64{waitPhase: float64(i % 97), receivePhase: float64(i % 31)}})
		}
		calls = append(calls, planned{at: 50, host: "host-0", again: 1}) // without a row
		return schedule(n*10+100, calls...)
	}
	if text := drawn(t, long(waterfallRows-1)); strings.Contains(text, "took longest") || strings.Count(text, "<g><title>") != waterfallRows {
		t.Error("as many calls as have rows are condensed")
	}
	text := drawn(t, long(2000))
	for _, part := range []string{"The 40 calls that took longest", "1000 calls, median 62ms, p99 118ms", ">end-2 pull blob<", `class="receive" d="M`, "up to 6 at a time"} {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q", part)
		}
	}
	if n := strings.Count(text, "<g><title>"); n != longestRows {
		t.Errorf("%d rows", n)
	}
	refused := long(2000)
	for i := range refused.spans {
		refused.spans[i].held = true
	}
	drawn(t, refused)
	if longer := drawn(t, long(20_000)); len(longer) > 2*len(text)+100_000 {
		t.Errorf("2000 calls are %d bytes, 20000 are %d", len(text), len(longer))
	}
}

// Nothing that a file says becomes more than text.
func TestWaterfallIsText(t *testing.T) {
	evil := `</text><script>alert(1)</script>"'&<!--` + "\x00\x1b[2J\n\ufffe"
	e := Entry{Sequence: 1, Attempt: 2, Method: evil, URL: "https://h/" + "%3Cscript%3E%0A", Row: evil, Status: 200, Refused: "",
		Start: time.Unix(0, 0), Timings: Timings{Wait: time.Second}, Why: Why{Blob: evil}}
	hostless := e
	hostless.URL, hostless.Refused, hostless.Sequence = evil, evil, 2
	tr := &Trace{Run: Run{Tool: evil, Command: []string{evil, evil}}}
	tr.add(e)
	tr.add(hostless)
	tr.settle()
	text := drawn(t, tr)
	if strings.ContainsAny(text, "\x00\x1b") || strings.Contains(text, "alert(1)</") {
		t.Error(text)
	}
}

func TestWaterfallOfNothing(t *testing.T) {
	drawn(t, &Trace{Run: Run{Tool: "x"}})
	drawn(t, trace(t, `{"log":{"creator":{"name":"x"},"entries":[]}}`))
	drawn(t, trace(t, otherHAR))
}

func TestTick(t *testing.T) {
	for _, wall := range []time.Duration{1, time.Microsecond, 57 * time.Millisecond, time.Second, 9 * time.Second, 31 * time.Second,
		time.Minute, 89 * time.Minute, 300 * time.Hour, 250 * 365 * 24 * time.Hour} {
		step := tick(wall)
		if n := wall / step; step < time.Microsecond || n > 8 || wall > 10*time.Microsecond && n < 3 {
			t.Errorf("%v has %d steps of %v", wall, n, step)
		}
	}
}
