package mix

import (
	"maps"
	"slices"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/openloop"
)

// Document is a result as JSON has it. Names have the units.
type Document struct {
	bench.Origin
	Rate          Rates            `json:"rate"`
	Read          float64          `json:"readPercent"`
	Seconds       float64          `json:"seconds"`
	WarmupSeconds float64          `json:"warmupSeconds"`
	Precision     float64          `json:"latencyPrecision"` // the most that a latency is off, as a share of it
	Scenarios     []scenarioJSON   `json:"scenarios"`
	Slices        []sliceJSON      `json:"slices"`
	Knee          *kneeJSON        `json:"knee,omitempty"`
	Generator     generatorJSON    `json:"generator"`
	Left          []bench.LeftJSON `json:"left,omitempty"`
}

// Rates are the rates of a run in operations per second, the same two unless it ramps.
type Rates struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

type scenarioJSON struct {
	Name    Scenario       `json:"name"`
	Percent float64        `json:"percent"`
	Due     int            `json:"due"`
	Failed  int            `json:"failed"`
	Errors  map[string]int `json:"errors,omitempty"` // by class
	Latency latencyJSON    `json:"latency"`
	// Histogram has the buckets that are not empty: the end of each in microseconds, and its count.
	Histogram [][2]int64 `json:"histogramMicroseconds"`
}

type latencyJSON struct {
	Mean int64 `json:"meanNs"`
	P50  int64 `json:"p50Ns"`
	P90  int64 `json:"p90Ns"`
	P99  int64 `json:"p99Ns"`
	P999 int64 `json:"p999Ns"`
	Max  int64 `json:"maxNs"`
}

// sliceJSON is a part of a steady run, or a step of a ramp.
type sliceJSON struct {
	Start     float64             `json:"startSeconds"`
	Seconds   float64             `json:"seconds"`
	Rate      float64             `json:"rate"`
	Due       int                 `json:"due"`
	Ended     int                 `json:"ended"`
	Failed    int                 `json:"failed"`
	Late      int                 `json:"late"`
	Scenarios []sliceScenarioJSON `json:"scenarios"`
}

type sliceScenarioJSON struct {
	Name Scenario `json:"name"`
	Due  int      `json:"due"`
	P50  int64    `json:"p50Ns"`
	P99  int64    `json:"p99Ns"`
}

type kneeJSON struct {
	Rate  float64 `json:"rate"`
	Found bool    `json:"found"`
}

type generatorJSON struct {
	Late           int     `json:"late"`
	LateP99        int64   `json:"latenessP99Ns"`
	Waited         int     `json:"waitedForPlace"`
	Outstanding    int     `json:"outstandingMax"`
	Bound          int     `json:"outstandingBound"`
	CPUPercent     float64 `json:"cpuPercent"`               // of all processors, by this program
	MachinePercent float64 `json:"machinePercent,omitempty"` // by all programs
	Bottleneck     bool    `json:"bottleneck"`
}

// Document returns a result as JSON has it.
func (m *Mix) Document(origin bench.Origin, r *openloop.Result, u Usage) Document {
	steps := m.Schedule.Steps
	out := Document{
		Origin: origin, Rate: Rates{float64(steps[0].Rate), float64(steps[len(steps)-1].Rate)},
		Seconds:       (m.Schedule.Length() - m.Schedule.Warmup).Seconds(),
		WarmupSeconds: m.Schedule.Warmup.Seconds(), Precision: openloop.Precision,
		Generator: m.generator(r, u, origin.Machine.Procs),
	}
	for i, s := range m.Shares {
		out.Scenarios = append(out.Scenarios, scenarioOf(s, &r.Kinds[i]))
		if s.Scenario.Reads() {
			out.Read += s.Of * 100
		}
	}
	for i := range r.Steps {
		out.Slices = append(out.Slices, m.slice(&r.Steps[i]))
	}
	if m.Ramps() {
		knee := r.Knee()
		out.Knee = &kneeJSON{float64(knee.Rate), knee.Found}
	}
	return out
}

// Ramps reports whether the rate rises.
func (m *Mix) Ramps() bool {
	steps := m.Schedule.Steps
	return steps[0].Rate != steps[len(steps)-1].Rate
}

func (m *Mix) generator(r *openloop.Result, u Usage, procs int) generatorJSON {
	all := r.Elapsed * time.Duration(max(procs, 1))
	return generatorJSON{
		Late: r.Late, LateP99: r.Lateness.Quantile(0.99).Nanoseconds(), Waited: r.Waited,
		Outstanding: r.Outstanding, Bound: m.Outstanding,
		CPUPercent: percent(u.CPU, all), MachinePercent: min(percent(u.Busy, all), 100), Bottleneck: r.Slow(),
	}
}

func percent(part, of time.Duration) float64 {
	if of <= 0 {
		return 0
	}
	return 100 * float64(part) / float64(of)
}

func scenarioOf(s Share, c *openloop.Counts) scenarioJSON {
	out := scenarioJSON{
		Name: s.Scenario, Percent: s.Of * 100, Due: c.Due, Failed: c.Failures(), Errors: maps.Clone(c.Failed),
		Latency: latencyOf(&c.Latency), Histogram: [][2]int64{},
	}
	for end, n := range c.Latency.Buckets() {
		out.Histogram = append(out.Histogram, [2]int64{end.Microseconds(), int64(n)})
	}
	return out
}

func latencyOf(h *openloop.Histogram) latencyJSON {
	at := func(q float64) int64 { return h.Quantile(q).Nanoseconds() }
	return latencyJSON{h.Mean().Nanoseconds(), at(0.5), at(0.9), at(0.99), at(0.999), h.Max().Nanoseconds()}
}

func (m *Mix) slice(s *openloop.StepResult) sliceJSON {
	out := sliceJSON{
		Start: s.Start.Seconds(), Seconds: s.For.Seconds(), Rate: float64(s.Rate),
		Due: s.Due, Ended: s.Ended, Failed: s.Failures(), Late: s.Late, Scenarios: []sliceScenarioJSON{},
	}
	for i, share := range m.Shares {
		k := &s.Kinds[i]
		if k.Due > 0 {
			out.Scenarios = append(out.Scenarios, sliceScenarioJSON{
				share.Scenario, k.Due, k.Latency.Quantile(0.5).Nanoseconds(), k.Latency.Quantile(0.99).Nanoseconds(),
			})
		}
	}
	return out
}

// Classes returns the classes of errors with their counts, the most frequent first.
func Classes(errors map[string]int) (names []string) {
	return slices.SortedFunc(maps.Keys(errors), func(a, b string) int {
		if d := errors[b] - errors[a]; d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
}

// SetLeft adds what could not be removed from the registry.
func (d *Document) SetLeft(left []bench.Leftover) { d.Left = bench.LeftAsJSON(left) }
