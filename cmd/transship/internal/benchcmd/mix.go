package benchcmd

import (
	"flag"
	"fmt"
	"strconv"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/mix"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/openloop"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// mixCommand is bench mix and its flags beside those of the other benchmarks.
type mixCommand struct {
	benchCommand
	rate        openloop.Range
	read        percent
	scenarios   mix.Weights
	length      span
	warmup      span
	outstanding cli.Count
}

// mixLong is the help of bench mix.
const mixLong = `Each operation starts when it is due, whether or not others have ended, and its time counts from when it was due: a
stall of the registry shows. Operations are evenly spaced. A rate such as 50..1000/s rises in up to 20 steps, and a note
names the knee: the last step before the first one whose median is more than five times that of the first step, or of
which more than 1% fails.

The scenarios:
  resolve    HEAD of a manifest by tag
  pull       GET of a manifest by tag, of its config and of its layers, verified
  tags       GET of all tags of TARGET
  referrers  GET of an image's referrers; under their tag where the registry has no such API
  push       POST and PUT for each blob of a new image, and the PUT of its manifest, to TARGET-pushed
  mount      POST that mounts a blob of TARGET in TARGET-mounted
  delete     DELETE of a manifest of TARGET by digest
The first four are reads and have the share of --read, the others the rest. The scenarios of --scenario have equal
parts of the share of their kind; pull=3 has three parts.

Latencies are in a histogram with 128 buckets for each doubling: a value is off by 0.4% at most. Each call is sent once;
errors count by the status of the answer, or why there was none. At most --outstanding operations are under way: when
all places are taken, the next one waits, and its time counts from when it was due. 10 seconds after the last one was
due, those under way are cancelled (unfinished), and those without a place are not sent (unsent); both count in the
latencies with the time until then.

Where more than 1% of the operations, and 10 of them, start 10 ms late by the fault of this program or its machine, the
rate is one that the machine cannot make, and the exit code is 1. Of a ramp only the steps before that count.

What was pushed is removed from the registry, and a note says what could not be removed.

More than 1 GiB in all, more than an hour, more than 100000 blobs and manifests to mount and delete, or a registry that
is not on this machine or a private network needs --yes.`

// Mix returns the command bench mix.
func Mix() run.Command {
	return run.Command{
		Name: "bench mix", Args: "[TARGET]", Min: 0, Max: 1,
		Short: "measure how a registry holds a rate of mixed calls",
		Long: "Makes reads and writes at a given rate to TARGET, a repository as HOST/NAME. Without TARGET a registry inside the " +
			"program is measured, whose processor time counts as the program's.\n\n" + mixLong,
		Example: `transship bench mix --rate 200/s --read 75 --for 60s localhost:5000/bench
transship bench mix --rate 50..1000/s --scenario resolve,pull=3 localhost:5000/bench
transship bench mix --rate 100/s --json --label zot-2.1.20 localhost:5000/bench > zot.json`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &mixCommand{
				benchCommand: benchCommand{kind: bench.Mix, flags: fs, images: 16},
				rate:         openloop.Range{From: 200, To: 200}, read: -1,
				length: span(time.Minute), warmup: span(5 * time.Second), outstanding: 256,
			}
			c.registry = r.RemoteFlags(fs, "", "the registry")
			c.rateFlags(fs)
			fs.Var(&c.images, "images", fmt.Sprintf("read this `number` of images (default %d)", c.images))
			c.imageFlags(fs)
			r.JSONFlag(fs)
			c.labelFlag(fs)
			fs.BoolVar(&c.yes, "yes", false, "allow more than 1 GiB, more than an hour, and any registry")
			r.QuietFlag(fs)
			r.WaitFlags(fs)
			r.AuditFlags(fs)
			r.VerboseFlag(fs)
			return c.run
		},
	}
}

func (c *mixCommand) rateFlags(fs *flag.FlagSet) {
	fs.Var(&c.rate, "rate", "start this `number` of operations a second, such as 200/s; 50..1000/s rises (default 200/s)")
	fs.Var(&c.read, "read", "the `percentage` of the operations that read (default 75, or all or none with --scenario)")
	fs.Var(&c.scenarios, "scenario", "run these scenarios, a `list` such as resolve,pull=3,push (default all)")
	fs.Var(&c.length, "for", "measure for this `time` (default 1m)")
	fs.Var(&c.warmup, "warmup", "run the first rate for this `time` before, which is not measured (default 5s)")
	fs.Var(&c.outstanding, "outstanding", fmt.Sprintf("have at most `N` operations under way at once (default %d)", c.outstanding))
}

// span is a time from 0 to a day.
type span time.Duration

// String implements flag.Value.
func (s *span) String() string { return time.Duration(*s).String() }

// Set implements flag.Value.
func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 24*time.Hour {
		return fmt.Errorf("%q is no time from 0s to 24h, such as 60s", text)
	}
	*s = span(d)
	return nil
}

// percent is a number from 0 to 100; negative if it was not given.
type percent float64

// String implements flag.Value.
func (p *percent) String() string { return strconv.FormatFloat(float64(*p), 'g', -1, 64) }

// Set implements flag.Value.
func (p *percent) Set(text string) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= 100) {
		return fmt.Errorf("%q is no number from 0 to 100", text)
	}
	*p = percent(v)
	return nil
}
