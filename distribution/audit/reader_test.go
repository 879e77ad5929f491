package audit

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// otherToolHAR has what browsers and proxies write and this program does not: a byte order mark,
// members in another order, pages, bodies, cookies, custom fields of other types, floats, unknown
// sizes.
func otherToolHAR(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/other-tool.har")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReadHAROfOtherTool(t *testing.T) {
	r, got, err := readEntries(t, otherToolHAR(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{
			Sequence: 1, Attempt: 1, Row: "end-3", Method: "GET",
			URL:    "https://r.example/v2/a/b/manifests/1?token=REDACTED",
			Status: 200, Protocol: "h2", Start: time.Date(2026, 1, 2, 2, 4, 5, 678_000_000, time.UTC),
			Timings: Timings{DNS: time.Millisecond, Connect: 3 * time.Millisecond, TLS: 2 * time.Millisecond,
				Wait: 6500 * time.Microsecond},
			Request:  Message{Headers: http.Header{"Authorization": {"Bearer REDACTED"}, ":path": {"REDACTED"}}},
			Response: Message{Headers: http.Header{"Content-Type": {"text/plain"}}, Bytes: 5},
			Peer:     "2001:db8::1",
		},
		{Sequence: 2, Attempt: 1, Method: "POST", URL: "REDACTED", Start: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
			Request: Message{Headers: http.Header{}}, Response: Message{Headers: http.Header{}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Run.Tool != "Firefox" || r.Run.Version != "128.0" || r.End != nil {
		t.Errorf("%+v", r)
	}
	if result := mustVerify(t, otherToolHAR(t)); !result.Sound() || result.Chained || result.Entries != 2 {
		t.Errorf("%+v", result)
	}
}

func TestReadBadInput(t *testing.T) {
	genesis, _, _ := strings.Cut(string(auditOf(t, JSONL)), "\n")
	tests := map[string]struct{ text, want string }{
		"JSONL, no JSON":       {genesis + "\nx\n", "line 2: "},
		"JSONL, no record":     {genesis + "\n{}\n", "line 2: it is no record of an audit"},
		"JSONL, cut":           {genesis + "\n{\"seq", "line 2: it is cut off"},
		"HAR, cut in an entry": {`{"log":{"entries":[{},{"a":`, "entry 1: startedDateTime"},
		"HAR, cut in the list": {`{"log":{"entries":[`, "entry 0: it is cut off"},
		"HAR, two documents": {`{"log":{"entries":[]}} {}`,
			"entry 0: there is something after the end of the HAR"},
		"HAR, entries not a list":  {`{"log":{"entries":{}}}`, "entry 0: want [, got {"},
		"HAR, log not an object":   {`{"log":7}`, "entry 0: want {, got 7"},
		"HAR, a wrong type":        {`{"log":{"entries":[{"time":"x"}]}}`, "entry 1: time must not be a JSON string"},
		"JSON lines of some other": {"{\"a\":1}\n", "line 1: it is no record of an audit"},
	}
	for name, test := range tests {
		_, _, err := readEntries(t, []byte(test.text))
		var at *RecordError
		if !errors.As(err, &at) || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func TestEntriesStopsWithTheLoop(t *testing.T) {
	for _, f := range formats {
		r, err := NewReader(strings.NewReader(string(auditOf(t, f, entriesOf(3)...))))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range r.Entries() {
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			t.Errorf("%s: %d entries", f, n)
		}
	}
}

func TestReadRefusesLongRecords(t *testing.T) {
	long := strings.Repeat("x", 5000)
	var har, jsonl error
	for _, har = range harRecords(strings.NewReader(`{"log":{"entries":[{},{"a":"`+long+`"}]}}`), 2000) {
	}
	for _, jsonl = range lines(bufio.NewReader(strings.NewReader("{}\n{\""+long+"\":1}\n")), 2000) {
	}
	if fmt.Sprint(har) != "entry 2: it is too long for a record" ||
		fmt.Sprint(jsonl) != "line 2: it is too long for a record" {
		t.Error(har, jsonl)
	}
	// The limit is that of one record, not of all of them.
	short := `{"log":{"pages":{},"entries":[{}` + strings.Repeat(`,{"a":"b"}`, 2000) + `]}}`
	for _, har = range harRecords(strings.NewReader(short), 2000) {
		if har != nil {
			t.Fatal(har)
		}
	}
}

func TestReadAll(t *testing.T) {
	whole, har := copyRecord().jsonl(t), string(otherToolHAR(t))
	lines := strings.SplitAfter(whole, "\n")
	for name, test := range map[string]struct {
		text    string
		entries int
		broken  string // "" for an audit that is whole
		err     string
	}{
		"whole":    {whole, 23, "", ""},
		"cut":      {whole[:len(whole)-len(lines[len(lines)-2])-5], 22, "line 24: it is cut off", ""},
		"one line": {lines[0], 0, "", ""},
		"garbled": {strings.Join(lines[:4], "") + "garbage\n" + strings.Join(lines[4:], ""), 3,
			"line 5: invalid character", ""},
		"other JSON lines": {"{\"a\":1}\n", 0, "", "line 1: it is no record of an audit"},
		"text":             {"hello", 0, "", "neither an audit"},
		"nothing":          {"", 0, "", "neither an audit"},
		"a HAR, cut":       {har[:strings.Index(har, `"pages"`)-10], 2, "entry 2: it is cut off", ""},
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
