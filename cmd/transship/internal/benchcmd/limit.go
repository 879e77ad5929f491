package benchcmd

import (
	"context"
	"slices"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
)

const (
	// linkBytes is how many bytes are fetched with each number of connections.
	linkBytes = 32 << 20
	// measureTime is how long hashing and loopback are measured with each number of processors or
	// connections.
	measureTime = 300 * time.Millisecond
)

// connections are the numbers of connections that --limit measures.
func (c *benchCommand) connections() []int { return bench.ConnectionCounts(c.jobs.values) }

// measureLimit measures for --limit what the link and the machine allow. If all targets are on this
// machine the link is plain TCP, else it is GETs of blobs that are pushed for it.
func (c *benchCommand) measureLimit(ctx context.Context, r *run.Run, t *targets, report *bench.Report) error {
	if !c.limit {
		return nil
	}
	hash, err := bench.HashRates(ctx, measureTime)
	if err != nil {
		return err
	}
	limit := &bench.Baseline{Hash: hash, Over: "plain TCP on loopback"}
	report.Limit = limit
	for _, ref := range t.refs {
		if distanceOf(ctx, ref.Host()) != onThisMachine() {
			limit.Over = "GETs of blobs from " + ref.FamiliarName()
			limit.Link, err = c.linkRates(ctx, report, c.open(r, ref))
			return err
		}
	}
	limit.Link, err = bench.LoopbackRates(ctx, c.connections(), measureTime)
	return err
}

// linkRates measures the link to a registry with an image that it pushes and removes again.
func (c *benchCommand) linkRates(ctx context.Context, report *bench.Report, open bench.Open) ([]bench.Rate, error) {
	connections := c.connections()
	largest := connections[len(connections)-1]
	layers := slices.Repeat([]int64{int64(linkBytes / largest)}, largest)
	spec := synthetic.Spec{Seed: ^report.Seed, Layers: layers} // not the content of the benchmark
	rates, left, err := bench.MeasureLink(ctx, open, spec, connections)
	report.Left = append(report.Left, left...)
	return rates, err
}
