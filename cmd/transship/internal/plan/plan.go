// Package plan finds out what a run with --plan would write, and prints it. A [wire.Planner]
// answers the writes to registries, and a [LocalTarget] takes the place of a layout or tar. Start
// from [Plan].
package plan

import (
	"fmt"
	"sync"

	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest/signature"
)

// Plan is the value of the flag --plan, and what the run finds out. The zero value is of a run that
// is not planned.
type Plan struct {
	Format string // "text", "json", "expect" or "sizes"; "" if the run is not planned
	// TotalsOnly leaves images and calls out of the text, for runs of thousands. Their order is then
	// that of any run.
	TotalsOnly bool
	Limit      int64 // of --rate in bytes per second, 0 for none
	Measured   int64 // bytes per second of an earlier run, 0 if it is not known
	calls      wire.Planner

	mu       sync.Mutex
	upToDate []transfer.Event // images that the target has already
	locals   []*LocalTarget   // in the order of their first use
	signed   []signature.Verdict
}

// IsBoolFlag makes --plan stand for --plan=text.
func (*Plan) IsBoolFlag() bool { return true }

// String implements flag.Value.
func (p *Plan) String() string { return p.Format }

// Set implements flag.Value.
func (p *Plan) Set(s string) error {
	switch s {
	case "true", "text":
		p.Format = "text"
	case "json", "expect", "sizes":
		p.Format = s
	case "false":
		p.Format = ""
	default:
		return fmt.Errorf("%q is not a format: use text, json, expect or sizes", s)
	}
	return nil
}

// Enabled reports whether the run is planned.
func (p *Plan) Enabled() bool { return p.Format != "" }

// Wire returns what answers the writes to registries, nil if the run is not planned.
func (p *Plan) Wire() *wire.Planner {
	if !p.Enabled() {
		return nil
	}
	return &p.calls
}

// AddVerdict adds what the policy of --require-signature says of an image.
func (p *Plan) AddVerdict(v signature.Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signed = append(p.signed, v)
}

// AddUpToDate adds an image that the target has already.
func (p *Plan) AddUpToDate(ev transfer.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upToDate = append(p.upToDate, ev)
}
