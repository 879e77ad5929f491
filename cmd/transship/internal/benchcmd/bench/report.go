package bench

import (
	"fmt"
	"runtime"
	"time"
)

// Report is all that a run has found.
type Report struct {
	Kind    Kind
	Shape   Shape
	Target  string // where the images went or came from, for people
	Seed    uint64 // of the images: the same one makes the same again
	Started time.Time
	Machine Machine
	Cells   []Cell
	Samples []Sample // in the order of the turns
	Limit   *Limit   // nil where it was not measured
	Left    []Left   // what could not be removed; none where all was
}

// Shape is what the images are like, as it stands in a benchmark's name.
type Shape struct {
	Platforms    int     // how many
	Layers       int     // of each platform
	Size         string  // of a layer, or of all of them, as the user wrote it
	Compressible float64 // the part that compression takes out, from 0 to 1
	Warm         bool    // the same content in all rounds
}

// String is the shape's part of a benchmark's name.
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

// Machine is what the run ran on, as go test -bench says it.
type Machine struct {
	OS, Arch, CPU string
	Procs         int // GOMAXPROCS
}

// ThisMachine returns the machine that the program runs on.
func ThisMachine() Machine {
	return Machine{runtime.GOOS, runtime.GOARCH, cpuModel(), runtime.GOMAXPROCS(0)}
}

// Of returns the samples of a cell, in the order of the rounds.
func (r *Report) Of(cell int) (out []Sample) {
	for _, s := range r.Samples {
		if s.Cell == cell {
			out = append(out, s)
		}
	}
	return out
}

// Summary is what the samples of one cell say together.
type Summary struct {
	Cell   Cell
	Rounds int             // how many samples it has
	Speed  Spread          // in bytes per second; zero where no bytes moved
	Op     Spread          // nanoseconds of one operation
	Calls  Spread          // of one operation
	TTFB   []time.Duration // of the calls of all rounds, as in Sample
	CPU    Spread          // nanoseconds for each byte; zero where no bytes moved
	Peak   int64           // bytes
	// Floors is how many times as long as the floor a round took, by the median; 0 where that is not known.
	Floors float64
}

// Summary returns what the samples of a cell say together.
func (r *Report) Summary(cell int) Summary {
	out := Summary{Cell: r.Cells[cell]}
	var speed, op, calls, cpu, floors []float64
	for _, s := range r.Of(cell) {
		out.Rounds++
		op = append(op, s.NsPerOp())
		calls = append(calls, float64(s.Calls)/float64(max(s.Ops, 1)))
		out.TTFB = append(out.TTFB, s.TTFB...)
		out.Peak = max(out.Peak, s.Peak)
		if s.Bytes > 0 {
			speed = append(speed, s.MBPerSecond()*1e6)
			cpu = append(cpu, s.CPUPerByte())
		}
		if f := r.floors(s); f > 0 {
			floors = append(floors, f)
		}
	}
	out.Speed, out.Op, out.Calls, out.CPU = SpreadOf(speed), SpreadOf(op), SpreadOf(calls), SpreadOf(cpu)
	out.Floors = SpreadOf(floors).Median
	return out
}

// Best returns the index of the cell with the highest median speed, or where no bytes move the shortest operation; -1
// without cells.
func (r *Report) Best() int {
	cells := make([]Summary, len(r.Cells))
	for i := range cells {
		cells[i] = r.Summary(i)
	}
	return bestBy(cells, func(s Summary) float64 {
		if s.Speed.Median > 0 || s.Op.Median == 0 {
			return s.Speed.Median
		}
		return 1 / s.Op.Median
	})
}

// floors returns how many times as long as the floor a sample took, 0 where that is not known.
func (r *Report) floors(s Sample) float64 {
	floor := r.Limit.Floor(s.Bytes, r.Cells[s.Cell].Jobs)
	if floor <= 0 {
		return 0
	}
	return float64(s.Elapsed) / float64(floor)
}

// CPUPerByte returns the nanoseconds of processor time for each byte that moved, 0 where none did.
func (s Sample) CPUPerByte() float64 {
	if s.Bytes == 0 {
		return 0
	}
	return float64(s.CPU.Nanoseconds()) / float64(s.Bytes)
}
