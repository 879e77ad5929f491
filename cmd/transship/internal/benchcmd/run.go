package benchcmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
	p, err := c.places(args)
	if err != nil {
		return err
	}
	if err := c.mayRun(ctx, r, p); err != nil {
		return err
	}
	defer p.close()
	if err := c.complete(p); err != nil {
		return err
	}
	page, err := c.openPage()
	if err != nil {
		return err
	}
	defer page.discard()
	if c.side.Creds == "-" { // it is asked for once, whatever the number of connections
		account, err := c.side.FlagCredential(ctx)
		if err != nil {
			return err
		}
		c.side.Creds = account.Username + ":" + account.Password
	}
	return c.measure(ctx, r, p, page)
}

// applyDefaults fills in what was not given, and refuses what does not go together.
func (c *benchCommand) applyDefaults() error {
	if c.sizes.text == "" {
		_ = c.sizes.Set(c.defaultSize()) // it is well formed
	}
	if len(c.jobs) == 0 {
		c.jobs = jobsList{transfer.DefaultJobs}
	}
	switch {
	case !c.sizes.alone && c.layers > 0:
		return &cli.UsageError{Message: "--size says how many layers there are, and so does --layers", Advice: "leave out one of them"}
	case int(c.layers) > maxLayers:
		return &cli.UsageError{Message: "so many layers are too many for a manifest", Advice: "10000 are the most"}
	case c.sizes.alone:
		c.sizes.sizes = slices.Repeat(c.sizes.sizes[:1], cmp.Or(int(c.layers), defaultLayers))
	}
	if err := c.spec(0).Validate(); err != nil {
		return &cli.UsageError{Message: err.Error()}
	}
	return nil
}

func (c *benchCommand) spec(seed uint64) synthetic.Spec {
	return synthetic.Spec{Seed: seed, Platforms: c.platforms, Layers: c.sizes.sizes, Compressible: float64(c.part)}
}

// cells are the combinations of the flags.
func (c *benchCommand) cells() []bench.Cell {
	var http []string
	if c.http1 {
		http = append(http, "1")
	}
	if c.http2 {
		http = append(http, "2")
	}
	return bench.Matrix(c.jobs, http, c.uploads, c.ranges, c.buffers)
}

// mayRun announces the run, and refuses it where it is beyond the bounds. Nothing was sent yet.
func (c *benchCommand) mayRun(ctx context.Context, r *run.Run, p *benchPlaces) error {
	at, host := onThisMachine(), ""
	for _, ref := range p.refs {
		if n := distanceOf(ctx, ref.Host()); n.rate < at.rate {
			at, host = n, ref.Domain
		}
	}
	return c.announce(r, at, host)
}

// measure runs the benchmark and prints what it finds.
func (c *benchCommand) measure(ctx context.Context, r *run.Run, p *benchPlaces, page *page) error {
	calls := &bench.Recorder{}
	r.MeasureCall = calls.Call
	report := c.report(p)
	if !c.seed.given {
		r.Note("seed %d; --seed repeats it", report.Seed)
	}
	work := c.work(r, p, report.Seed)
	if err := c.checkProtocols(ctx, work); err != nil {
		return err
	}
	err := c.measureLimit(ctx, r, p, report)
	if err == nil {
		err = c.print(r, report.GoHeader, report.GoLimit)
	}
	if err == nil {
		report.Samples, err = c.runner(r, report, calls).Run(ctx, work)
	}
	report.Left = append(report.Left, work.Close(ctx)...)
	c.tellLeft(r, report.Left)
	if err != nil {
		return err
	}
	c.tell(r, report)
	if c.json {
		err = report.JSON(r.Stdout)
	}
	return errors.Join(err, page.write(report))
}

func (c *benchCommand) runner(r *run.Run, report *bench.Report, calls *bench.Recorder) *bench.Runner {
	return &bench.Runner{
		Cells: report.Cells, Count: int(c.count), Warmups: int(c.warmups), Calls: calls,
		OnWarm:   func(round time.Duration) error { return c.warmed(r, round) },
		OnSample: func(s bench.Sample) error { return c.print(r, sampleLine(report, s)) },
	}
}

func (c *benchCommand) report(p *benchPlaces) *bench.Report {
	target := p.names[0]
	if len(p.names) > 1 {
		target += " to " + p.names[1]
	}
	layers := len(c.sizes.sizes)
	return &bench.Report{
		Kind: c.kind, Target: target, Seed: c.seed.orRandom(), Started: time.Now(), Machine: bench.ThisMachine(), Cells: c.cells(),
		Shape: bench.Shape{Platforms: max(len(c.platforms), 1), Layers: layers, Size: c.sizes.text, Compressible: float64(c.part), Warm: c.warm},
	}
}

// work is what is measured, on the repositories of the kind.
func (c *benchCommand) work(r *run.Run, p *benchPlaces, seed uint64) *bench.Work {
	w := &bench.Work{
		Kind: c.kind, Spec: c.spec(seed), Tag: fmt.Sprintf("bench-%x", time.Now().UnixNano()), Warm: c.warm || c.kind == bench.Resolve, Requests: int(c.requests),
		OnImage: func(im *synthetic.Image) { p.images.image.Store(im) },
	}
	last := c.open(r, p.refs[len(p.refs)-1])
	if c.kind.Reads() {
		w.From = c.open(r, p.refs[0])
	}
	if c.kind.Writes() {
		w.To = last
	}
	return w
}

func (c *benchCommand) checkProtocols(ctx context.Context, w *bench.Work) error {
	if !c.http2 {
		return nil
	}
	for _, open := range []bench.Open{w.From, w.To} {
		if open == nil {
			continue
		}
		if err := checkHTTP2(ctx, open, bench.Cell{Jobs: 1, HTTP: "2"}); err != nil {
			return err
		}
	}
	return nil
}
