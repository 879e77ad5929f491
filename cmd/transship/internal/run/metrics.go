package run

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/metrics"
)

// metricsSuffix is that of the files which node_exporter's textfile collector reads.
const metricsSuffix = ".prom"

// maxMetrics is the maximum size of a file of --metrics in bytes.
const maxMetrics = 1 << 20

// Measures is what a run has done, for --metrics.
type Measures struct {
	Images   map[string]int // by status
	Bytes    int64          // of the blobs that were transferred
	Failures []int          // the exit codes of the images that failed
}

// MetricsFlag registers --metrics. A command that has it calls [Run.SetMeasures].
func (r *Run) MetricsFlag(fs *flag.FlagSet) {
	defer r.group(fs, outputFlags)()
	fs.Func("metrics", "in copy, sync, save and load: at the end, write how the run went to this `file`, which ends in "+
		".prom, for Prometheus; node_exporter's textfile collector reads it", func(name string) error {
		if base := filepath.Base(name); !strings.HasSuffix(base, metricsSuffix) || base == metricsSuffix {
			return fmt.Errorf("%q must end in .prom: node_exporter reads no other files", name)
		}
		r.metrics = name
		return nil
	})
}

// HasMetrics reports whether --metrics is given.
func (r *Run) HasMetrics() bool { return r.metrics != "" }

// SetMeasures sets what returns, at the end of the run, what it has done.
func (r *Run) SetMeasures(measures func() Measures) { r.measures = measures }

// checkMetrics returns an error if the folder of --metrics does not exist.
func (r *Run) checkMetrics() error {
	if r.metrics == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Dir(r.metrics)); err != nil {
		return fmt.Errorf("--metrics: %w", err)
	}
	return nil
}

// WriteMetrics writes the file of --metrics for a run that ended with err.
func (r *Run) WriteMetrics(err error) error {
	if r.metrics == "" || r.Planning() {
		return nil
	}
	var m Measures
	if r.measures != nil {
		m = r.measures()
	}
	if err != nil && len(m.Failures) == 0 {
		m.Failures = []int{ExitCode(err)}
	}
	var b bytes.Buffer
	_ = metrics.Write(&b, r.runMetrics(m, err == nil, time.Now())) // a buffer takes all
	if err := cli.ReplaceFile(r.metrics, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("--metrics: %w", err)
	}
	return nil
}

// lastSuccess is the name of the metric that outlives a run which fails.
const lastSuccess = "transship_run_last_success_timestamp_seconds"

// runMetrics returns the metrics of a run that ended now. The label run is the name of the file, so
// that several runs on a machine have metrics of their own.
func (r *Run) runMetrics(m Measures, succeeded bool, now time.Time) []metrics.Family {
	labels := []string{"run", strings.TrimSuffix(filepath.Base(r.metrics), metricsSuffix), "command", r.Command}
	value := func(v float64, more ...string) metrics.Sample {
		return metrics.Sample{Labels: append(labels[:len(labels):len(labels)], more...), Value: v}
	}
	one := func(name, help string, v float64) metrics.Family {
		return metrics.Family{Name: name, Help: help, Type: metrics.Gauge, Samples: []metrics.Sample{value(v)}}
	}
	images := metrics.Family{Name: "transship_run_images", Help: "Images of the last run by status.", Type: metrics.Gauge}
	for _, status := range []string{"copied", "unchanged", "kept", "removed", "failed"} {
		images.Samples = append(images.Samples, value(float64(m.Images[status]), "status", status))
	}
	failures := metrics.Family{Name: "transship_run_failures", Type: metrics.Gauge,
		Help: "Images of the last run that failed, by the class of the exit code; the run itself if it failed as a whole."}
	count := map[int]int{}
	for _, code := range m.Failures {
		count[code]++
	}
	for _, class := range failureClasses() {
		failures.Samples = append(failures.Samples, value(float64(count[class.code]), "class", class.name))
	}
	success, last := 0.0, r.lastSuccess(labels)
	if succeeded {
		success, last = 1, float64(now.Unix())
	}
	out := []metrics.Family{
		images, failures,
		one("transship_run_transferred_bytes", "Bytes of blobs that the last run transferred.", float64(m.Bytes)),
		one("transship_run_duration_seconds", "How long the last run took.", now.Sub(r.began).Seconds()),
		one("transship_run_success", "1 if the exit code of the last run was 0, else 0.", success),
		one("transship_run_end_timestamp_seconds", "When the last run ended.", float64(now.Unix())),
	}
	if last > 0 {
		out = append(out, one(lastSuccess, "When the last run that succeeded ended.", last))
	}
	return out
}

// lastSuccess returns what the file of an earlier run has, 0 if there is none.
func (r *Run) lastSuccess(labels []string) float64 {
	text, err := cli.ReadFile(context.Background(), r.metrics, maxMetrics)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Note("warning: --metrics: when a run last succeeded is not known: %v", err)
	}
	last, _ := metrics.Value(text, lastSuccess, labels...)
	return last
}

// failureClass names an exit code in metrics.
type failureClass struct {
	code int
	name string
}

func failureClasses() []failureClass {
	return []failureClass{
		{cli.ExitFailed, "other"},
		{cli.ExitUsage, "usage"},
		{cli.ExitAuth, "auth"},
		{cli.ExitNotFound, "not_found"},
		{cli.ExitNetwork, "network"},
		{cli.ExitRateLimited, "rate_limited"},
		{cli.ExitIntegrity, "integrity"},
		{cli.ExitPartial, "partial"},
		{cli.ExitRefused, "refused"},
		{cli.ExitInterrupted, "interrupted"},
	}
}
