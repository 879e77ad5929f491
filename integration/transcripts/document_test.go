package transcripts

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
)

// wireDocument is docs/wire.md. It has a table for the first registry, and further tables where
// other registries get other calls.
type wireDocument struct {
	text   strings.Builder
	first  map[string]string // by scenario: the table of the first kind
	others map[string][]string
	order  []scenario
}

func newDocument() *wireDocument {
	return &wireDocument{first: map[string]string{}, others: map[string][]string{}}
}

// add adds the calls of a scenario on a kind of registry.
func (d *wireDocument) add(s *stage, k kind, sc scenario, calls []audit.Entry) {
	table := tableOf(s, calls)
	first, known := d.first[sc.name]
	switch {
	case !known:
		d.first[sc.name] = table
		d.order = append(d.order, sc)
	case first != table:
		d.others[sc.name] = append(d.others[sc.name], fmt.Sprintf("On %s:\n\n%s", k.name, table))
	}
}

// tableOf returns a table of the calls by kind, ordered by the first call of each kind.
func tableOf(s *stage, calls []audit.Entry) string {
	var kinds []row
	count := map[row]int{}
	for _, e := range calls {
		r := rowOf(s, e)
		if count[r] == 0 {
			kinds = append(kinds, r)
		}
		count[r]++
	}
	var b strings.Builder
	b.WriteString("| calls | row | call | answer | for |\n|---|---|---|---|---|\n")
	for _, r := range kinds {
		fmt.Fprintf(&b, "| %d | %s | `%s` | %s | %s |\n", count[r], r.spec, r.call, r.answer, r.why)
	}
	if len(kinds) == 0 {
		return "No call.\n"
	}
	return b.String()
}

// String returns the document.
func (d *wireDocument) String() string {
	d.text.Reset()
	d.text.WriteString(`# The calls of each command

Made by ` + "`cd integration && go test ./transcripts -update`" + ` from what the program does against CNCF distribution 3, Debian's 2.8
and the embedded registry; a test holds it against the golden transcripts in testdata/wire, which have every header.
The column "row" names that of the endpoint table of the OCI distribution-spec 1.1. Calls are in the order in which the first
of each kind comes. The tables are those of distribution 3; where another registry is spoken to in another way, its table
follows. SOURCE has halohub/halo:1.6, an image for three platforms with ten blobs.
`)
	for _, sc := range d.order {
		fmt.Fprintf(&d.text, "\n## %s\n\n    transship %s\n\n%s\n\n%s", sc.name, sc.line, sc.text, d.first[sc.name])
		for _, other := range d.others[sc.name] {
			fmt.Fprintf(&d.text, "\n%s", other)
		}
	}
	return d.text.String()
}

var digestInURL = regexp.MustCompile(`sha256(?::|%3A)[0-9a-f]{64}`)

// template returns a URL with placeholders for digests, sessions and state.
func (s *stage) template(text string) string {
	text = s.normal(strings.TrimPrefix(text, "http://"))
	if unescaped, err := url.PathUnescape(text); err == nil {
		text = unescaped
	}
	text = strings.NewReplacer("_state=REDACTED&", "", "?_state=REDACTED", "").Replace(text) // distribution's own, in its Locations
	text = digestInURL.ReplaceAllString(text, "{digest}")
	return regexp.MustCompile(`sha256-[0-9a-f]{64}`).ReplaceAllString(text, "sha256-{hex}")
}

func answerOf(e audit.Entry) string { return fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)) }

// whyOf returns what a call is for.
func whyOf(e audit.Entry) string {
	switch {
	case e.Why.TokenFor > 0:
		return "a token"
	case e.Why.RedirectOf > 0:
		return "a redirect"
	case e.Why.RetryOf > 0:
		return "again"
	case e.Why.Blob != "":
		return "a blob"
	case e.Why.Manifest != "":
		return "a manifest"
	case e.Why.Image != "":
		return "the image"
	}
	return "-"
}
