package lists

import (
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// An error with docker's text keeps the exit code and the hint of the error that it replaces.
func TestNoSuchManifestKeepsItsClass(t *testing.T) {
	answer := &distribution.Error{Method: "GET", URL: "https://r.example.com/v2/x/manifests/1", StatusCode: 404}
	r := run.New(cli.NewStreams(nil, nil, nil, nil))
	err, want := noSuchManifest(reference.Reference{}, answer), r.Hint(answer)
	if code, hint := run.ExitCode(err), r.Hint(err); code != cli.ExitNotFound || hint != want || hint == "" {
		t.Errorf("exit code %d, hint %q", code, hint)
	}
}
