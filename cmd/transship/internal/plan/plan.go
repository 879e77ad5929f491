package plan

import (
	"fmt"
	"sync"

	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
)

// Plan is what --plan asks for and finds out. The zero value is of a run that does what it says.
type Plan struct {
	Format string // "text" or "json"; "" where nothing is planned
	calls  wire.Plan

	mu      sync.Mutex
	kept    []transfer.Event        // the images that are up to date
	places  map[string]*LocalTarget // the layouts and tars of the run, by their names
	inOrder []*LocalTarget
}

// IsBoolFlag lets the flag stand without a value.
func (*Plan) IsBoolFlag() bool { return true }

// String implements flag.Value.
func (p *Plan) String() string { return p.Format }

// Set implements flag.Value.
func (p *Plan) Set(s string) error {
	switch s {
	case "true", "text":
		p.Format = "text"
	case "json":
		p.Format = "json"
	case "false":
		p.Format = ""
	default:
		return fmt.Errorf("%q is no format; they are text and json", s)
	}
	return nil
}

// Enabled reports whether the calls are planned.
func (p *Plan) Enabled() bool { return p.Format != "" }

// Wire returns what keeps the writes of a plan from the registries, nil where none is wanted.
func (p *Plan) Wire() *wire.Plan {
	if !p.Enabled() {
		return nil
	}
	return &p.calls
}

// AddUpToDate notes an image that is up to date.
func (p *Plan) AddUpToDate(ev transfer.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = append(p.kept, ev)
}
