package auditcmd

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit"
)

// A file that grows while it is read is read up to its size at the start.
func TestReadAuditOfGrowingFile(t *testing.T) {
	text, err := os.ReadFile("../../../../distribution/audit/testdata/record.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.jsonl")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r := run.New(cli.NewStreams(func(string) string { return "" }, nil, io.Discard, io.Discard))
	n := 0
	broken, err := readAudit(t.Context(), r, path, func(from *audit.Reader) (*audit.RecordError, error) {
		return audit.ReadAll(from, func(audit.Entry) {
			if n++; n == 1 {
				file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
				if err == nil {
					_, err = file.WriteString(strings.Repeat("x", 1<<20))
					err = errors.Join(err, file.Close())
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}, func(broken *audit.RecordError) *audit.RecordError { return broken })
	if err != nil || n != 23 || broken != nil {
		t.Errorf("%d calls, %v, %v", n, broken, err)
	}
}
