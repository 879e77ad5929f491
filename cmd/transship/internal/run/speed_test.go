package run

import (
	"flag"
	"testing"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// Commands that wait for documents give up after a minute, and those that transfer blobs retry.
func TestStallDefaults(t *testing.T) {
	for name, test := range map[string]struct {
		register   func(*Run, *flag.FlagSet)
		stall      time.Duration
		unanswered int
	}{
		"documents": {func(*Run, *flag.FlagSet) {}, time.Minute, 1},
		"send":      {func(r *Run, fs *flag.FlagSet) { r.SendFlags(fs, r.NewRemote(""), new(cli.Count), "send") }, 0, 0},
		"fetch":     {func(r *Run, fs *flag.FlagSet) { r.FetchFlags(fs, new(cli.Count), "fetch") }, 0, 0},
	} {
		r := New(cli.NewStreams(func(string) string { return "" }, nil, nil, nil))
		fs := flag.NewFlagSet(name, flag.ContinueOnError)
		test.register(r, fs)
		r.CommonFlags(fs)
		o := r.NewRemote("").options(nil)
		if o.Stall != test.stall || o.Unanswered != test.unanswered {
			t.Errorf("%s: stall %s, at most %d attempts; want %s and %d", name, o.Stall, o.Unanswered, test.stall, test.unanswered)
		}
	}
}
