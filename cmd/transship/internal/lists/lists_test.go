package lists

import (
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// An error in docker's words keeps its class: the exit code and the hint.
func TestNoSuchManifest(t *testing.T) {
	err := noSuchManifest(reference.Reference{}, &distribution.Error{Method: "GET", URL: "https://r.example.com/v2/x/manifests/1", StatusCode: 404})
	r := run.New(cli.NewStreams(nil, nil, nil, nil))
	if code, hint := run.ExitCode(err), r.Hint(err); code != cli.ExitNotFound || hint != "check the name and the tag; transship tags REPOSITORY lists what is there" {
		t.Errorf("exit code %d, hint %q", code, hint)
	}
}
