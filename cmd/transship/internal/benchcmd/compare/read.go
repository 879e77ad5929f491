package compare

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/mix"
)

// Run is one result of a benchmark.
type Run struct {
	bench.Origin
	File string
	// rows has the samples by what they are of, in order.
	rows []row
}

// IsSame reports whether both are one run, under one label.
func (r *Run) IsSame(other *Run) bool {
	return r.Label == other.Label && r.Command == other.Command && r.Seed == other.Seed && r.Started.Equal(other.Started)
}

// row is the samples of one quantity.
type row struct {
	work    string // what was done, the same for all that can be compared
	name    string // the quantity
	unit    unit
	samples []float64
	single  bool // one number of the whole run, without samples
}

// FormatError is a file that is no result of a benchmark.
type FormatError struct{ File, Reason string }

// Error names the file.
func (e *FormatError) Error() string { return e.File + ": " + e.Reason }

// ExitCode is that of a command line that makes no sense (cli.ExitUsage).
func (*FormatError) ExitCode() int { return 2 }

// Hint says where results come from.
func (*FormatError) Hint() string {
	return "a result is what transship bench push, pull, copy, mount, resolve and mix print: print one with --json"
}

// noResult returns the error of a file that has other JSON.
func noResult(file string, err error) *FormatError {
	reason := err.Error()
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		reason = fmt.Sprintf("%s must not be a JSON %s", cmp.Or(wrong.Field, "it"), wrong.Value)
	}
	return &FormatError{file, "no result of a benchmark: " + reason}
}

// Read reads a result, as bench push, pull, copy, mount, resolve and mix print it under --json. label, if
// not empty, is in place of the label that it has. The error is a *FormatError.
func Read(file, label, text string) (*Run, error) {
	var head struct {
		bench.Origin
		OK    *bool
		Error string
	}
	if err := json.Unmarshal([]byte(text), &head); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, &FormatError{file, fmt.Sprintf("no JSON at byte %d: %v", syntax.Offset, err)}
		}
		return nil, noResult(file, err)
	}
	switch {
	case head.Kind == "":
		return nil, &FormatError{file, "no result of a benchmark: it has no member benchmark"}
	case head.OK == nil || !*head.OK:
		return nil, &FormatError{file, "the result of a run that failed: " + head.Error}
	}
	r := &Run{Origin: head.Origin, File: file}
	if label != "" {
		r.Label = label
	}
	if r.Label == "" {
		r.Label = r.Target
	}
	read := r.readRounds
	if head.Kind == bench.Mix {
		read = r.readMix
	}
	if err := read([]byte(text)); err != nil {
		return nil, noResult(file, err)
	}
	if len(r.rows) == 0 {
		return nil, &FormatError{file, "it has no samples"}
	}
	return r, nil
}

// readRounds reads a result with rounds: each is a sample.
func (r *Run) readRounds(text []byte) error {
	var d bench.Document
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	for _, c := range d.Cells {
		work := fmt.Sprintf("%s/%s/%s", r.Kind, c.Name, r.Shape)
		speed, times := row{work: work, name: "throughput", unit: bytesPerSecond}, row{work: work, name: "time of one", unit: nanoseconds}
		for _, s := range c.Rounds {
			if s.Bytes > 0 && s.Ns > 0 {
				speed.samples = append(speed.samples, float64(s.Bytes)/float64(s.Ns)*1e9)
			}
			times.samples = append(times.samples, float64(s.Ns)/float64(max(s.Ops, 1)))
		}
		if len(speed.samples) == len(times.samples) {
			times = speed
		}
		if len(times.samples) > 0 {
			r.rows = append(r.rows, times)
		}
	}
	return nil
}

// readMix reads a result of bench mix: of a steady rate each slice is a sample.
func (r *Run) readMix(text []byte) error {
	var d mix.Document
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	shape := fmt.Sprintf("images=%d/layers=%d/size=%s", r.Shape.Images, r.Shape.Layers, r.Shape.Size)
	if d.Knee != nil {
		work := fmt.Sprintf("mix/rate=%g..%g/read=%.3g%%/%s", d.Rate.From, d.Rate.To, d.Read, shape)
		if d.Knee.Found {
			r.rows = append(r.rows, row{work: work, name: "knee", unit: perSecond, samples: []float64{d.Knee.Rate}, single: true})
		} else {
			r.rows = append(r.rows, row{work: work, name: "held to the end, without a knee", unit: perSecond, samples: []float64{d.Knee.Rate}, single: true})
		}
		return nil
	}
	for _, s := range d.Scenarios {
		work := fmt.Sprintf("mix/rate=%g/read=%.3g%%/%s %.3g%%/%s", d.Rate.From, d.Read, s.Name, s.Percent, shape)
		p50, p99 := row{work: work, name: "median", unit: nanoseconds}, row{work: work, name: "p99", unit: nanoseconds}
		for _, slice := range d.Slices {
			for _, one := range slice.Scenarios {
				if one.Name == s.Name && one.Due > 0 {
					p50.samples, p99.samples = append(p50.samples, float64(one.P50)), append(p99.samples, float64(one.P99))
				}
			}
		}
		if len(p50.samples) == 0 {
			continue
		}
		r.rows = append(r.rows, p50, p99,
			row{work: work, name: "p99.9 of the whole run", unit: nanoseconds, samples: []float64{float64(s.Latency.P999)}, single: true},
			row{work: work, name: "failed", unit: share, samples: []float64{float64(s.Failed) / float64(max(s.Due, 1))}, single: true})
	}
	return nil
}
