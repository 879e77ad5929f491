package benchcmd

import (
	"context"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
)

const (
	// limitBytes is how much is fetched with each number of connections, to see what a link allows.
	limitBytes = 32 << 20
	// limitTime is how long the machine is measured for each number.
	limitTime = 300 * time.Millisecond
)

// widths are the numbers of connections that --limit measures.
func (c *benchCommand) widths() []int { return bench.Widths(c.jobs) }

// measureLimit finds out what the link and the machine allow, where that is asked for: plain TCP where all is on this
// machine, else GETs of blobs that are put there for it.
func (c *benchCommand) measureLimit(ctx context.Context, r *run.Run, p *benchPlaces, report *bench.Report) error {
	if !c.limit {
		return nil
	}
	hash, err := bench.HashRates(ctx, limitTime)
	if err != nil {
		return err
	}
	limit := &bench.Limit{Hash: hash, Over: "plain TCP on loopback"}
	report.Limit = limit
	for _, ref := range p.refs {
		if distanceOf(ctx, ref.Host()) != onThisMachine() {
			limit.Over = "GETs of blobs from " + ref.FamiliarName()
			limit.Link, err = c.linkRates(ctx, report, c.open(r, ref))
			return err
		}
	}
	limit.Link, err = bench.LoopbackRates(ctx, c.widths(), limitTime)
	return err
}

// linkRates pushes an image for that, which is removed again.
func (c *benchCommand) linkRates(ctx context.Context, report *bench.Report, open bench.Open) ([]bench.Rate, error) {
	widths := c.widths()
	most := widths[len(widths)-1]
	spec := synthetic.Spec{Seed: ^report.Seed, Layers: make([]int64, most)}
	for i := range spec.Layers {
		spec.Layers[i] = int64(limitBytes / most)
	}
	rates, left, err := bench.MeasureLink(ctx, open, spec, widths)
	report.Left = append(report.Left, left...)
	return rates, err
}
