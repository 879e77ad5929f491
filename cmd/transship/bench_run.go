package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution/transfer"
)

func (b *benching) run(ctx context.Context, a *app, args []string) error {
	if err := b.settle(); err != nil {
		return err
	}
	p, err := b.places(args)
	if err != nil {
		return err
	}
	if err := b.mayRun(ctx, a, p); err != nil {
		return err
	}
	defer p.close()
	if err := b.complete(p); err != nil {
		return err
	}
	page, err := b.openPage()
	if err != nil {
		return err
	}
	defer page.discard()
	if b.side.creds == "-" { // it is asked for once, whatever the number of connections
		account, err := b.side.given(ctx)
		if err != nil {
			return err
		}
		b.side.creds = account.Username + ":" + account.Password
	}
	return b.measure(ctx, a, p, page)
}

// settle fills in what was not given, and refuses what does not go together.
func (b *benching) settle() error {
	if b.sizes.text == "" {
		_ = b.sizes.Set(b.defaultSize()) // it is well formed
	}
	if len(b.jobs) == 0 {
		b.jobs = jobsList{transfer.DefaultJobs}
	}
	switch {
	case !b.sizes.alone && b.layers > 0:
		return &usageError{message: "--size says how many layers there are, and so does --layers", advice: "leave out one of them"}
	case int(b.layers) > maxLayers:
		return &usageError{message: "so many layers are too many for a manifest", advice: "10000 are the most"}
	case b.sizes.alone:
		b.sizes.sizes = slices.Repeat(b.sizes.sizes[:1], cmp.Or(int(b.layers), defaultLayers))
	}
	if err := b.spec(0).Validate(); err != nil {
		return &usageError{message: err.Error()}
	}
	return nil
}

func (b *benching) spec(seed uint64) synthetic.Spec {
	return synthetic.Spec{Seed: seed, Platforms: b.platforms, Layers: b.sizes.sizes, Compressible: float64(b.part)}
}

// cells are the combinations of the flags.
func (b *benching) cells() []bench.Cell {
	var http []string
	if b.http1 {
		http = append(http, "1")
	}
	if b.http2 {
		http = append(http, "2")
	}
	return bench.Matrix(b.jobs, http, b.uploads, b.ranges, b.buffers)
}

// mayRun announces the run, and refuses it where it is beyond the bounds. Nothing was sent yet.
func (b *benching) mayRun(ctx context.Context, a *app, p *benchPlaces) error {
	at, host := onThisMachine(), ""
	for _, ref := range p.refs {
		if n := nearnessOf(ctx, ref.Host()); n.rate < at.rate {
			at, host = n, ref.Domain
		}
	}
	return b.announce(a, at, host)
}

// measure runs the benchmark and prints what it finds.
func (b *benching) measure(ctx context.Context, a *app, p *benchPlaces, page *page) error {
	calls := &bench.Recorder{}
	a.measure = calls.Call
	report := b.report(p)
	if !b.seed.given {
		a.note("seed %d; --seed repeats it", report.Seed)
	}
	work := b.work(a, p, report.Seed)
	if err := b.checkProtocols(ctx, work); err != nil {
		return err
	}
	err := b.measureLimit(ctx, a, p, report)
	if err == nil {
		err = b.print(a, report.GoHeader, report.GoLimit)
	}
	if err == nil {
		report.Samples, err = b.runner(a, report, calls).Run(ctx, work)
	}
	report.Left = append(report.Left, work.Close(ctx)...)
	b.tellLeft(a, report.Left)
	if err != nil {
		return err
	}
	b.tell(a, report)
	if b.json {
		err = report.JSON(a.stdout)
	}
	return errors.Join(err, page.write(report))
}

func (b *benching) runner(a *app, report *bench.Report, calls *bench.Recorder) *bench.Runner {
	return &bench.Runner{
		Cells: report.Cells, Count: int(b.count), Warmups: int(b.warmups), Calls: calls,
		OnWarm:   func(round time.Duration) error { return b.warmed(a, round) },
		OnSample: func(s bench.Sample) error { return b.print(a, sampleLine(report, s)) },
	}
}

func (b *benching) report(p *benchPlaces) *bench.Report {
	target := p.names[0]
	if len(p.names) > 1 {
		target += " to " + p.names[1]
	}
	layers := len(b.sizes.sizes)
	return &bench.Report{
		Kind: b.kind, Target: target, Seed: b.seed.orRandom(), Started: time.Now(), Machine: bench.ThisMachine(), Cells: b.cells(),
		Shape: bench.Shape{Platforms: max(len(b.platforms), 1), Layers: layers, Size: b.sizes.text, Compressible: float64(b.part), Warm: b.warm},
	}
}

// work is what is measured, on the repositories of the kind.
func (b *benching) work(a *app, p *benchPlaces, seed uint64) *bench.Work {
	w := &bench.Work{
		Kind: b.kind, Spec: b.spec(seed), Tag: fmt.Sprintf("bench-%x", time.Now().UnixNano()), Warm: b.warm || b.kind == bench.Resolve, Requests: int(b.requests),
		OnImage: func(im *synthetic.Image) { p.shelf.image.Store(im) },
	}
	last := b.open(a, p.refs[len(p.refs)-1])
	if b.kind.Reads() {
		w.From = b.open(a, p.refs[0])
	}
	if b.kind.Writes() {
		w.To = last
	}
	return w
}

func (b *benching) checkProtocols(ctx context.Context, w *bench.Work) error {
	if !b.http2 {
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
