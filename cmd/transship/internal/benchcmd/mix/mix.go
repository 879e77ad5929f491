package mix

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/openloop"
)

// gcPercent is how much the heap may grow between two collections while the calls are made.
const gcPercent = 800

// drain is how long operations may take after the last one was due.
const drain = 10 * time.Second

// pullBuffer is how many bytes of a blob are read at a time. Many pulls may be under way at once.
const pullBuffer = 64 << 10

// Mix is a run.
type Mix struct {
	Shares      []Share
	Schedule    openloop.Schedule // without Shares
	Outstanding int               // most operations under way at once
	Corpus      *Corpus
	Tag         string       // prefix of all tags
	Setup       Repositories // by clients that repeat what fails, to prepare the run and to clean up
	Measured    Repositories // by clients that send each call once

	counts  map[Scenario]int // most operations of each scenario
	cleaner bench.Cleaner
	buffers blob.Buffers // for the blobs of pulls
}

// Usage is what the run has used of the machine's processors while it measured.
type Usage struct {
	CPU  time.Duration // of this program
	Busy time.Duration // of all programs; 0 if unknown
}

// Prepare puts into the registry what the run needs.
func (m *Mix) Prepare(ctx context.Context) error {
	m.Schedule.Shares, m.counts, m.buffers.Size = nil, map[Scenario]int{}, pullBuffer
	for _, s := range m.Shares {
		m.Schedule.Shares = append(m.Schedule.Shares, s.Of)
		m.counts[s.Scenario] = s.most(m.Schedule.Total())
	}
	return m.setup(ctx)
}

// most returns how many of all operations a scenario has at most.
func (s Share) most(total float64) int { return int(s.Of*total) + 2 }

// Pool returns how many blobs and manifests Prepare puts into the registry at most, for the operations
// that mount and delete one each.
func (m *Mix) Pool() (puts int) {
	for _, s := range m.Shares {
		if s.Scenario == Mount || s.Scenario == Delete {
			puts += s.most(m.Schedule.Total())
		}
	}
	return puts
}

// Run makes the calls.
func (m *Mix) Run(ctx context.Context) (*openloop.Result, Usage, error) {
	g := &openloop.Generator{
		Schedule: m.Schedule, Outstanding: m.Outstanding, Drain: drain, Prepare: m.prepare, Class: class,
	}
	// The heap is small, so that by default its garbage would be collected a hundred times a second.
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	cpu, busy := bench.CPUTime(), bench.BusyTime()
	result, err := g.Run(ctx)
	return result, Usage{bench.CPUTime() - cpu, bench.BusyTime() - busy}, err
}
