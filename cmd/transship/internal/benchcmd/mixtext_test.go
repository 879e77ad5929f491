package benchcmd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/mix"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/openloop"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// A rate that the generator cannot make is an error that blames it, also if calls failed. Of a ramp the first
// step alone must be made.
func TestRateThatCannotBeMade(t *testing.T) {
	t.Parallel()
	m := &mix.Mix{Shares: []mix.Share{{Scenario: mix.Resolve, Of: 1}}}
	steady, rising := openloop.Steps(1000, 1000, 2*time.Second, 2), openloop.Steps(100, 1000, 2*time.Second, 2)
	for _, test := range []struct {
		steps    []openloop.Step
		prepare  time.Duration // of each operation
		err      error         // of each operation
		want     string
		exit     int
		slowKnee bool
	}{
		{steps: steady, prepare: 2 * time.Millisecond, want: "this machine cannot make that rate: ", exit: cli.ExitFailed},
		{steps: steady, prepare: 2 * time.Millisecond, err: errors.New("no"), want: "this machine cannot make that rate: ", exit: cli.ExitFailed},
		{steps: steady, prepare: time.Millisecond / 2},
		{steps: rising, prepare: 20 * time.Millisecond, want: "this machine cannot make that rate: ", exit: cli.ExitFailed},
		{steps: rising, prepare: 2 * time.Millisecond, slowKnee: true},
	} {
		m.Schedule = openloop.Schedule{Steps: test.steps, Shares: []float64{1}}
		result := runSlowly(t, m.Schedule, test.prepare, test.err)
		err := mixError(m, result)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("%+v: %v", test, err)
		}
		var code interface {
			ExitCode() int
			Hint() string
		}
		if test.want != "" && (!errors.As(err, &code) || code.ExitCode() != test.exit || !strings.HasPrefix(code.Hint(), "give a lower --rate")) {
			t.Errorf("%+v: %#v", test, err)
		}
		if k := result.Knee(); test.slowKnee && kneeText(k) != "no knee up to 100/s; above that the generator was the bottleneck" {
			t.Errorf("%+v: %s", test, kneeText(k))
		}
	}
}

// runSlowly runs a generator that needs a time for each operation.
func runSlowly(t *testing.T, s openloop.Schedule, each time.Duration, err error) (result *openloop.Result) {
	synctest.Test(t, func(t *testing.T) {
		g := &openloop.Generator{
			Schedule: s, Outstanding: 10, Drain: 10 * time.Second,
			Prepare: func(context.Context, openloop.Arrival) (openloop.Op, error) {
				time.Sleep(each)
				return func(context.Context) error { return err }, nil
			},
			Class: error.Error,
		}
		var failed error
		if result, failed = g.Run(t.Context()); failed != nil {
			t.Error(failed)
		}
	})
	return result
}
