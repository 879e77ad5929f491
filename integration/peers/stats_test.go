package main

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told are samples of three rounds in which the machine got slower and slower.
func told() []sample {
	var all []sample
	for round, slower := range []float64{1, 2, 4} {
		for tool, takes := range map[string]float64{subject: 0.5, "crane": 1, "oras": 1.25} {
			all = append(all, sample{Work: "many", Tool: tool, Round: round, Wall: takes * slower, Source: 700, Target: 1210, Peak: 20e6})
		}
	}
	return append(all,
		sample{Work: "many", Tool: "skopeo", Wall: 0.1, Error: "no"},
		sample{Work: "disk", Tool: subject, Written: 1000, Size: 1000, Peak: 25e6},
		sample{Work: "tags", Tool: subject, Peak: 90e6})
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{5, 1, 2}, spread{2, 1, 5}},
		{[]float64{4, 1, 2, 3}, spread{2.5, 1, 4}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
	if !math.IsNaN(spreadOf(nil).median) {
		t.Error("there is a median of nothing")
	}
}

// The ratio is that of each round, however the rounds differ; a run that failed has no part in it.
func TestRatios(t *testing.T) {
	t.Parallel()
	r := good(told())
	if best := r.best("many", wall); best != "crane" {
		t.Errorf("the best is %q", best)
	}
	if diff := cmp.Diff([]float64{0.5, 0.5, 0.5}, r.ratios("many", subject, "crane", wall)); diff != "" {
		t.Error(diff)
	}
}

// Targets are met or missed by the median ratio, by the figure itself, and memory by the most of all works.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	r := report{Samples: told(), works: works(), Rounds: 3}
	var out strings.Builder
	r.print(&out)
	for _, want := range []string{
		"| 100 images, 50 ms round trip | wall | 1.00 s (0.50 s to 2.00 s) | crane 2.00 s (1.00 s to 4.00 s) | 0.50 | <= 0.25 of crane | **missed** |\n",
		"| 100 images, 50 ms round trip | calls on source + target | 1910 |  |  | <= 1916 | met |\n",
		"| save it so, on a disk | bytes written / size | 1.000 |  |  | <= 1.010 | met |\n",
		"| one image on a clean link | peak memory | 25.0 MB |  |  | <= 24.0 MB | **missed** |\n",
		"| every other work | peak memory | 20.0 MB |  |  | <= 40.0 MB | met |\n",
		"| 100 images, 50 ms round trip | crane | 2.00 s (1.00 s to 4.00 s) | 0.00 s | 20.0 MB | 700 + 1210 |\n",
		"\nmany, round 1, skopeo: no\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report has no %q", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// A peer that was ended takes longer than that, which is enough to tell who is faster; a run of the subject that was ended
// has failed.
func TestLatePeers(t *testing.T) {
	t.Parallel()
	r := report{Rounds: 1, works: works(), Samples: []sample{
		{Work: "lossy-up", Tool: ofSystem, Wall: 60}, {Work: "lossy-up", Tool: "crane", Wall: 120, Late: true, Error: "it takes longer than 2m0s"},
		{Work: "many", Tool: subject, Wall: 120, Late: true, Error: "it takes longer than 2m0s"}, {Work: "many", Tool: "crane", Wall: 9},
	}}
	var out strings.Builder
	r.print(&out)
	for want, is := range map[string]bool{
		" | wall with --congestion system | 60.0 s | crane > 120 s | 0.50 | <= 1.00 of the best | met |\n": true,
		" | crane | > 120 s | ": true, "| 100 images, 50 ms round trip | wall | 120 s": false,
	} {
		if strings.Contains(out.String(), want) != is {
			t.Errorf("that the report has %q is %v", want, !is)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// A file that went to no disk says nothing of how often its bytes were written.
func TestUnknown(t *testing.T) {
	t.Parallel()
	r := good([]sample{{Work: "disk", Tool: subject, Size: 1000}})
	for _, target := range targets() {
		if v := target.judge(r); target.work == "disk" && v.met {
			t.Errorf("%+v is met", v)
		}
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0.0123: "0.01", 1.239: "1.24", 20.71: "20.7", 206.7: "207"} {
		if got := digits(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

// The plots can be read as XML, also with names that XML would take for its own, and with a single figure.
func TestPlots(t *testing.T) {
	t.Parallel()
	some := works()
	some[2].title = `a < b & "c"`
	wellFormed(t, comparison(report{Samples: told(), works: some}))
	wellFormed(t, growthPlot(results{{Work: "1 images", Tool: subject, Wall: 0.2, Peak: 13e6}, {Work: "10 images", Tool: subject, Wall: 1.1, Peak: 13e6}}))
	wellFormed(t, growthPlot(results{{Work: "1 workers", Tool: sharded, Wall: 20, Source: 9600}, {Work: "2 workers", Tool: sharded, Wall: 11, Source: 9700}}))
	wellFormed(t, growthPlot(nil))
}
