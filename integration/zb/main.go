// Command zb runs zot's benchmark zb against transship serve and other registries in turns, and prints a table of
// requests per second: make zb.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// options are the flags.
type options struct {
	zb, serve, cncf, zot, olareg string // programs
	commit                       bool   // zot synchronises what it writes
	dir                          string
	rows                         string
	rounds, clients, requests    int
}

func main() {
	var o options
	flag.StringVar(&o.zb, "zb", "zb", "the `program` zb")
	flag.StringVar(&o.serve, "serve", "transship", "the `program` transship")
	flag.StringVar(&o.cncf, "cncf", "", "the `program` of CNCF distribution 3; empty leaves it out")
	flag.StringVar(&o.zot, "zot", "zot", "the `program` zot; empty leaves it out")
	flag.StringVar(&o.olareg, "olareg", "olareg", "the `program` olareg; empty leaves it out")
	flag.BoolVar(&o.commit, "commit", false, "have zot synchronise what it writes, as transship does")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "keep content in a new folder in this `folder`")
	flag.StringVar(&o.rows, "rows", ".", "run the rows of zb that match this `regexp`")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each row")
	flag.IntVar(&o.clients, "c", 4, "concurrency, as zb has it")
	flag.IntVar(&o.requests, "n", 40, "requests, as zb has it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "zb:", err)
		os.Exit(1)
	}
}

// run measures each row with all registries in turns, and prints its line.
func (o *options) run(ctx context.Context) error {
	rows, err := o.names(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "zb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all, err := o.start(ctx, dir)
	defer func() {
		for _, r := range all {
			r.stop()
		}
	}()
	if err != nil {
		return err
	}
	t := table{registries: all}
	t.header(o)
	for _, row := range rows {
		rates := make([][]float64, len(all))
		for round := range o.rounds {
			for i := range all {
				at := (i + round) % len(all) // no registry is always the first
				rate, err := o.measure(ctx, dir, row, all[at].url)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					fmt.Fprintf(os.Stderr, "zb: %s, %s: %v\n", all[at].name, row, err)
					continue
				}
				rates[at] = append(rates[at], rate)
			}
		}
		t.row(row, rates)
	}
	return nil
}

// names are the rows of zb that are wanted. Those of zot's own sync need a second registry of its kind.
func (o *options) names(ctx context.Context) ([]string, error) {
	wanted, err := regexp.Compile(o.rows)
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, o.zb, "--list-tests", "http://localhost").Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.zb, err)
	}
	var rows []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if line != "" && wanted.MatchString(line) && !strings.HasPrefix(line, "On-demand Sync") {
			rows = append(rows, line)
		}
	}
	return rows, nil
}

var (
	rateLine   = regexp.MustCompile(`Requests per second:\s+([0-9.e+-]+)`)
	failedLine = regexp.MustCompile(`Failed requests:\s+(\d+)`)
)

// measure runs one row, and returns the requests per second.
func (o *options) measure(ctx context.Context, dir, row, url string) (float64, error) {
	cmd := exec.CommandContext(ctx, o.zb, "-c", strconv.Itoa(o.clients), "-n", strconv.Itoa(o.requests),
		"-t", "^"+regexp.QuoteMeta(row)+"$", "-d", filepath.Join(dir, "blobs"), url)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	rate, failed := rateLine.FindSubmatch(out), failedLine.FindSubmatch(out)
	switch {
	case rate == nil || failed == nil:
		return 0, fmt.Errorf("%w: %s", errors.Join(err, errors.New("no result")), lastLine(out))
	case string(failed[1]) != "0":
		return 0, fmt.Errorf("%s of %d requests failed", failed[1], o.requests)
	}
	return strconv.ParseFloat(string(rate[1]), 64)
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
