package transcripts

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/audit"
)

// entries reads an audit, in the order in which the calls began, or sorted by URL where that order
// may vary.
func entries(t *testing.T, file string, sideBySide bool) []audit.Entry {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := audit.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []audit.Entry
	for e, err := range r.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b audit.Entry) int {
		if sideBySide {
			return strings.Compare(a.URL+a.Method, b.URL+b.Method)
		}
		return int(a.Sequence - b.Sequence)
	})
	return out
}

// transcript returns the calls of a command line, with placeholders for what differs between runs.
func (s *stage) transcript(sc scenario, calls []audit.Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ transship %s\n", sc.line)
	if sc.sideBySide {
		b.WriteString("(calls are made side by side, and sorted here)\n")
	}
	for _, e := range calls {
		fmt.Fprintf(&b, "\n%s\n", s.normal(fmt.Sprintf("%-7s %s %s", e.Row, e.Method, strings.TrimPrefix(e.URL, "http://"))))
		s.headers(&b, ">", e.Request)
		fmt.Fprintf(&b, "  < %d %s\n", e.Status, http.StatusText(e.Status))
		s.headers(&b, "<", e.Response)
	}
	return b.String()
}

// headers writes a message's headers, and the size and digest of its body.
func (s *stage) headers(b *strings.Builder, direction string, m audit.Message) {
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		for _, value := range m.Headers[name] {
			fmt.Fprintf(b, "  %s %s: %s\n", direction, name, s.value(name, value))
		}
	}
	if m.Bytes > 0 {
		fmt.Fprintf(b, "  %s (%d bytes", direction, m.Bytes)
		if m.Digest != "" {
			fmt.Fprintf(b, ", %s by %s", m.Digest, m.DigestBy)
		}
		fmt.Fprintln(b, ")")
	}
}

// What a server generates for each upload: session IDs, and the state signed into a Location.
var (
	uuid  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|/uploads/[0-9A-Za-z_-]{20,}`)
	agent = regexp.MustCompile(`^transship/\S+`)
)

// value normalizes a header's value.
func (s *stage) value(name, value string) string {
	switch name {
	case "Date":
		return "{date}"
	case "User-Agent":
		return agent.ReplaceAllString(value, "transship/{version}")
	}
	return s.normal(value)
}

func (s *stage) normal(text string) string {
	return uuid.ReplaceAllStringFunc(s.hide.Replace(text), func(id string) string {
		if strings.HasPrefix(id, "/") {
			return "/uploads/{session}"
		}
		return "{session}"
	})
}
