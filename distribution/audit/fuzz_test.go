package audit

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// FuzzReports makes all that can be made of an audit, of whatever bytes.
func FuzzReports(f *testing.F) {
	for _, seed := range []string{
		`{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05Z","request":{"method":"GET","url":"http://h/v2/x/tags/list?n=1"},"timings":{"wait":1}}]}}`,
		`{"method":"PUT","url":"//","start":"9999-01-01T00:00:00Z","attempt":2,"status":-5,"why":{"retryOf":1}}` + "\n",
		`{"method":"GET","url":"http://h'/v2/x/blobs/uploads/?a=REDACTED","row":"end-2","status":200,"timings":{"wait":1e300,"send":1e300}}` + "\n",
		`{"sequence":2,"row":"end-5","method":"PATCH","url":"http://h/v2/x/blobs/uploads/1","status":202,"request":{"bytes":3},"response":{"headers":{"Location":["/v2/x/blobs/uploads/1"]}}}` + "\n",
		`{"sequence":1,"row":"token","method":"GET","url":"http://h/?scope=repository:x:pull","status":200}` + "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := NewReader(bytes.NewReader(text))
		if err != nil {
			return
		}
		tr, err := ReadTrace(r)
		if err != nil {
			return
		}
		report := tr.Report(3)
		var sum Millis
		for _, reason := range report.Reasons {
			sum += reason.Time
		}
		if sum != report.Wall {
			t.Errorf("reasons for %s of %s", sum, report.Wall)
		}
		drawn(t, tr)
		again := func() *Reader { r, _ := NewReader(bytes.NewReader(text)); return r }
		script, err := ReadScript(again())
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := script.Print(&out); err != nil {
			t.Fatal(err)
		}
		checkWords(t, out.String())
		var sets [2]*CallSet
		for i := range sets {
			if sets[i], err = ReadCallSet(again()); err != nil {
				t.Fatal(err)
			}
		}
		if d := Compare(sets[0], sets[1]); !d.Equal() {
			t.Errorf("it differs from itself: %+v", d)
		}
	})
}

// checkWords takes the words of a script's commands apart as a shell does, and
// checks that nothing outside of quotes is from the audit.
func checkWords(t *testing.T, script string) {
	t.Helper()
	r := strings.NewReader(script)
	comment, line := false, true // at a line's beginning
	for {
		c, _, err := r.ReadRune()
		if err == io.EOF {
			return
		}
		switch {
		case comment:
			comment = c != '\n'
		case c == '#' && line:
			comment = true
		case c == '\\':
			_, _, _ = r.ReadRune()
		case c == '\'':
			if err := skipTo(r, '\''); err != nil {
				t.Fatalf("a quotation has no end:\n%s", script)
			}
		case c > '~' || c < ' ' && c != '\n' && c != '\t':
			t.Fatalf("%q is not quoted:\n%s", c, script)
		}
		line = c == '\n'
	}
}

var errNoEnd = errors.New("no end")

func skipTo(r *strings.Reader, end rune) error {
	for {
		c, _, err := r.ReadRune()
		if err != nil {
			return errNoEnd
		}
		if c == end {
			return nil
		}
	}
}
