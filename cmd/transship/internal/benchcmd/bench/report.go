package bench

import (
	"fmt"
	"runtime"
	"time"
)

// Report is the result of a run.
type Report struct {
	Origin
	Cells   []Cell
	Samples []Sample   // in the order of the turns
	Limit   *Baseline  // nil if not measured
	Left    []Leftover // what could not be removed
}

// Origin is where a result is from: what another needs to repeat it. Its JSON is that of all benchmarks.
type Origin struct {
	Kind    Kind      `json:"benchmark"`
	Label   string    `json:"label,omitempty"` // what is measured, in the user's words
	Target  string    `json:"target"`          // the registry or repository
	Started time.Time `json:"started"`
	Version string    `json:"version"` // of transship
	Command string    `json:"command"` // the command line, without secrets
	Seed    uint64    `json:"seed"`    // of the images: the same seed gives the same images
	Corpus  string    `json:"corpus"`  // digest of the images; docs/formats.md says of what
	Machine Machine   `json:"machine"`
	Shape   Shape     `json:"image"`
}

// Shape describes the images in a benchmark's name, and in JSON.
type Shape struct {
	Images       int     `json:"images,omitempty"` // number of images that bench mix reads; not in the name
	Platforms    int     `json:"platforms"`        // number of platforms
	Layers       int     `json:"layers"`           // number of layers of each platform
	Size         string  `json:"size"`             // of a layer, or of all layers, as the user wrote it
	Compressible float64 `json:"compressible"`     // ratio that compression removes, from 0 to 1
	Warm         bool    `json:"warm"`             // the same content in all rounds
}

// String returns the shape in a benchmark's name.
func (s Shape) String() string {
	name := fmt.Sprintf("platforms=%d/layers=%d/size=%s", s.Platforms, s.Layers, s.Size)
	if s.Compressible > 0 {
		name += fmt.Sprintf("/compressible=%g", s.Compressible)
	}
	if s.Warm {
		name += "/warm=true"
	}
	return name
}

// Machine describes the machine as go test -bench does.
type Machine struct {
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	CPU   string `json:"cpu,omitempty"`
	Procs int    `json:"procs"` // GOMAXPROCS
}

// ThisMachine returns the machine of this process.
func ThisMachine() Machine {
	return Machine{runtime.GOOS, runtime.GOARCH, cpuModel(), runtime.GOMAXPROCS(0)}
}

// SamplesOf returns the samples of a cell, in the order of the rounds.
func (r *Report) SamplesOf(cell int) (out []Sample) {
	for _, s := range r.Samples {
		if s.Cell == cell {
			out = append(out, s)
		}
	}
	return out
}

// Summary summarizes the samples of one cell.
type Summary struct {
	Cell   Cell
	Rounds int             // number of samples
	Speed  Spread          // bytes per second; zero if no bytes moved
	Op     Spread          // nanoseconds of one operation
	Calls  Spread          // of one operation
	TTFB   []time.Duration // of the calls of all rounds, as in Sample
	CPU    Spread          // nanoseconds per byte; zero if no bytes moved
	Peak   int64           // bytes
	// TimesFloor is the median of a round's time divided by the floor, or 0 if the floor is
	// unknown.
	TimesFloor float64
}

// Summary returns the summary of a cell's samples.
func (r *Report) Summary(cell int) Summary {
	out := Summary{Cell: r.Cells[cell]}
	var speed, op, calls, cpu, floors []float64
	for _, s := range r.SamplesOf(cell) {
		out.Rounds++
		op = append(op, s.NsPerOp())
		calls = append(calls, float64(s.Calls)/float64(max(s.Ops, 1)))
		out.TTFB = append(out.TTFB, s.TTFB...)
		out.Peak = max(out.Peak, s.Peak)
		if s.Bytes > 0 {
			speed = append(speed, s.MBPerSecond()*1e6)
			cpu = append(cpu, s.CPUPerByte())
		}
		if f := r.timesFloor(s); f > 0 {
			floors = append(floors, f)
		}
	}
	out.Speed, out.Op, out.Calls, out.CPU = SpreadOf(speed), SpreadOf(op), SpreadOf(calls), SpreadOf(cpu)
	out.TimesFloor = SpreadOf(floors).Median
	return out
}

// Best returns the index of the cell with the highest median speed, or the shortest operation if no
// bytes move. It returns -1 without cells.
func (r *Report) Best() int {
	cells := make([]Summary, len(r.Cells))
	for i := range cells {
		cells[i] = r.Summary(i)
	}
	return indexOfMax(cells, func(s Summary) float64 {
		if s.Speed.Median > 0 || s.Op.Median == 0 {
			return s.Speed.Median
		}
		return 1 / s.Op.Median
	})
}

// timesFloor returns a sample's time divided by the floor, or 0 if the floor is unknown.
func (r *Report) timesFloor(s Sample) float64 {
	floor := r.Limit.Floor(s.Bytes, r.Cells[s.Cell].Jobs)
	if floor <= 0 {
		return 0
	}
	return float64(s.Elapsed) / float64(floor)
}

// CPUPerByte returns the nanoseconds of CPU time per byte, or 0 if no bytes moved.
func (s Sample) CPUPerByte() float64 {
	if s.Bytes == 0 {
		return 0
	}
	return float64(s.CPU.Nanoseconds()) / float64(s.Bytes)
}
