package benchcmd

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution/transfer"
)

func (c *benchCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if err := c.applyDefaults(); err != nil {
		return err
	}
	t, err := c.parseTargets(args)
	if err != nil {
		return err
	}
	if err := c.checkBounds(ctx, r, t); err != nil {
		return err
	}
	defer t.close()
	if err := c.addDefaults(t); err != nil {
		return err
	}
	page, err := openPage(c.html)
	if err != nil {
		return err
	}
	defer page.discard()
	if err := c.readCredentials(ctx); err != nil {
		return err
	}
	return c.measure(ctx, r, t, page)
}

// readCredentials reads the account of --creds - from standard input, once for all connections of the
// run.
func (c *benchCommand) readCredentials(ctx context.Context) error {
	if c.registry.Creds != "-" {
		return nil
	}
	account, err := c.registry.FlagCredential(ctx)
	if err != nil {
		return err
	}
	c.registry.Creds = account.Username + ":" + account.Password
	return nil
}

// applyDefaults sets the flags that were not given, and refuses flags that contradict each other.
func (c *benchCommand) applyDefaults() error {
	if c.sizes.text == "" {
		_ = c.sizes.Set(c.defaultSize()) // it is well formed
	}
	if len(c.jobs.values) == 0 {
		c.jobs.values = []int{transfer.DefaultJobs}
	}
	switch {
	case !c.sizes.alone && c.layers > 0:
		return &cli.UsageError{
			Message: "--size and --layers both say how many layers there are",
			Advice:  "leave out one of them",
		}
	case int(c.layers) > maxLayers:
		return &cli.UsageError{
			Message: fmt.Sprintf("%d layers are too many for a manifest", c.layers),
			Advice:  fmt.Sprintf("the maximum is %d", maxLayers),
		}
	case c.sizes.alone:
		c.sizes.sizes = slices.Repeat(c.sizes.sizes[:1], cmp.Or(int(c.layers), c.defaultLayers()))
	}
	if err := c.spec(0).Validate(); err != nil {
		return &cli.UsageError{Message: err.Error()}
	}
	return nil
}

func (c *benchCommand) spec(seed uint64) synthetic.Spec {
	return synthetic.Spec{
		Seed: seed, Platforms: c.platforms, Layers: c.sizes.sizes, Compressible: float64(c.compressible),
	}
}

// cells returns the combinations of the flags.
func (c *benchCommand) cells() []bench.Cell {
	var http []string
	if c.http1 {
		http = append(http, "1")
	}
	if c.http2 {
		http = append(http, "2")
	}
	return bench.Matrix(c.jobs.values, http, c.uploads, c.ranges.values, c.buffers.values)
}

// checkBounds announces the run and refuses one that exceeds the bounds, before any call.
func (c *benchCommand) checkBounds(ctx context.Context, r *run.Run, t *targets) error {
	at, host := farthestOf(ctx, t)
	return c.announce(r, at, host)
}

// document is what bench --json prints.
type document struct {
	cli.Outcome
	bench.Document
}

// measure runs the benchmark and prints its results.
func (c *benchCommand) measure(ctx context.Context, r *run.Run, t *targets, page *page) error {
	calls := &bench.Recorder{}
	r.MeasureCall = calls.Call
	report := c.newReport(t)
	if !c.seed.given {
		r.Note("seed %d; --seed repeats it", report.Seed)
	}
	work := c.work(r, t, report.Seed)
	if err := c.checkProtocols(ctx, work); err != nil {
		return err
	}
	err := c.measureLimit(ctx, r, t, report)
	if err == nil {
		err = c.print(r, report.GoHeader, report.GoLimit)
	}
	if err == nil {
		report.Samples, err = c.runner(r, report, calls).Run(ctx, work)
	}
	report.Left = append(report.Left, work.Close(ctx)...)
	noteLeft(r, report.Left)
	report.Corpus = string(work.Corpus())
	if err != nil {
		return err
	}
	c.noteResults(r, report)
	r.Note("corpus %s", report.Corpus)
	r.SetDocument(&document{Document: report.Document()})
	return page.write(report.HTML)
}

func (c *benchCommand) runner(r *run.Run, report *bench.Report, calls *bench.Recorder) *bench.Runner {
	return &bench.Runner{
		Cells: report.Cells, Count: int(c.count), Warmups: int(c.warmups), Calls: calls,
		OnWarm:   func(round time.Duration) error { return c.afterWarmup(r, round) },
		OnSample: func(s bench.Sample) error { return c.print(r, sampleLine(report, s)) },
	}
}

// newReport returns the report without its results.
func (c *benchCommand) newReport(t *targets) *bench.Report {
	return &bench.Report{Origin: c.origin(t), Cells: c.cells()}
}

// origin returns where the result is from, without the digest of the corpus.
func (c *benchCommand) origin(t *targets) bench.Origin {
	seed := c.seed.orRandom()
	return bench.Origin{
		Kind: c.kind, Label: c.label, Target: strings.Join(t.names, " to "), Started: time.Now(),
		Version: cli.Version, Command: c.commandLine(t, seed), Seed: seed, Machine: bench.ThisMachine(),
		Shape: bench.Shape{
			Images: int(c.images), Platforms: max(len(c.platforms), 1), Layers: len(c.sizes.sizes), Size: c.sizes.text,
			Compressible: float64(c.compressible), Warm: c.warm,
		},
	}
}

// commandLine returns the command line with its seed, the flags in alphabetical order, and without
// passwords. A shell reads it as it was given.
func (c *benchCommand) commandLine(t *targets, seed uint64) string {
	var args []string
	if !c.seed.given {
		args = append(args, fmt.Sprintf("--seed=%d", seed))
	}
	c.flags.Visit(func(f *flag.Flag) { args = append(args, "--"+f.Name+"="+f.Value.String()) })
	for _, ref := range t.refs[:t.given] {
		args = append(args, ref.FamiliarName())
	}
	args = cli.RedactArgs(c.flags, args)
	for i, arg := range args {
		if strings.ContainsAny(arg, " \t\n'\"\\$`&|;<>()*?#") {
			args[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(append([]string{"transship bench", string(c.kind)}, args...), " ")
}

// work returns the work to measure on the targets.
func (c *benchCommand) work(r *run.Run, t *targets, seed uint64) *bench.Work {
	w := &bench.Work{
		Kind: c.kind, Spec: c.spec(seed), Tag: fmt.Sprintf("bench-%x", time.Now().UnixNano()),
		Warm: c.warm || c.kind == bench.Resolve, Requests: int(c.requests),
		OnImage: func(im *synthetic.Image) { t.images.set(im.Blob) },
	}
	if c.kind.Reads() {
		w.From = c.open(r, t.refs[0])
	}
	if c.kind.Writes() {
		w.To = c.open(r, t.refs[len(t.refs)-1])
	}
	return w
}

// checkProtocols checks for --http2 that all targets speak HTTP/2.
func (c *benchCommand) checkProtocols(ctx context.Context, w *bench.Work) error {
	if !c.http2 {
		return nil
	}
	for _, open := range []bench.Open{w.From, w.To} {
		if open == nil {
			continue
		}
		if err := checkHTTP2(ctx, open); err != nil {
			return err
		}
	}
	return nil
}
