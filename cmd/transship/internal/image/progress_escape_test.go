package image

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// A platform is whatever the index says: it must not control the terminal.
func TestProgressPrintsNoControlCharacters(t *testing.T) {
	var stderr strings.Builder
	p := NewProgress(run.New(cli.NewStreams(func(string) string { return "" }, nil, nil, &stderr)))
	d := manifest.Descriptor{Platform: &manifest.Platform{OS: "\x1b]0;title\a", Architecture: "\x1b[2J", OSVersion: "\u202e"}}
	p.Event(transfer.Event{Kind: transfer.ManifestDone, Descriptor: d})
	p.Event(transfer.Event{Kind: transfer.EntrySkipped, Descriptor: d})
	if got := stderr.String(); strings.Count(got, "\n") != 2 || strings.ContainsAny(got, "\x1b\a\u202e") {
		t.Errorf("got %q", got)
	}
}
