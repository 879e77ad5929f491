package transcripts

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/audit"
)

var update = flag.Bool("update", false, "rewrite the golden files and docs/wire.md")

const (
	goldenDir = "../../testdata/wire"
	document  = "../../docs/wire.md"
)

// Each command makes the calls of its golden transcript on each registry, and docs/wire.md is
// current.
func TestTranscripts(t *testing.T) {
	doc := newDocument()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			s := newStage(t, k)
			for _, sc := range scenarios() {
				calls := entries(t, s.run(t, sc), sc.sideBySide)
				golden(t, filepath.Join(goldenDir, k.name, sc.name+".txt"), s.transcript(sc, calls))
				doc.add(s, k, sc, calls)
			}
		})
	}
	if !t.Failed() {
		golden(t, document, doc.String())
	}
}

// golden compares a text with a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (run go test ./transcripts -update to accept it):\n%s", file, diff)
	}
}

// row is a kind of call in docs/wire.md.
type row struct {
	spec, call, answer, why string
}

// rowOf returns the kind of a call, without digests and sessions.
func rowOf(s *stage, e audit.Entry) row {
	return row{spec: e.Row, call: e.Method + " " + s.template(e.URL), answer: answerOf(e), why: whyOf(e)}
}
