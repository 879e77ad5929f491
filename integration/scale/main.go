// Command scale copies a whole registry of synthetic images with several workers, kills some of them and starts them again,
// and prints what it took: "make scale" (docs/scale.md).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/hczjl/transship/integration/workers"
)

func main() {
	var w workers.World
	flag.StringVar(&w.Program, "program", "bin/transship", "the transship to run")
	flag.IntVar(&w.Repositories, "repositories", 10_000, "how many repositories the source has")
	flag.IntVar(&w.Tags, "tags", 100_000, "how many tags they have together")
	flag.IntVar(&w.Kills, "kills", 3, "how many workers are killed")
	flag.DurationVar(&w.Latency, "latency", 0, "how long each registry waits before it answers")
	flag.IntVar(&w.AtOnce, "at-once", 0, "how many calls each registry answers at once (default any number)")
	shards := flag.String("shards", "8", "how many workers, or several numbers with commas, each for a run of its own")
	svgFile := flag.String("svg", "", "draw the images per second of each number of workers in this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	points, err := measure(ctx, w, *shards)
	if err == nil && *svgFile != "" {
		title := fmt.Sprintf("sync --all --shard: %d tags, %s latency, %d calls at once", w.Tags, w.Latency, w.AtOnce)
		err = os.WriteFile(*svgFile, []byte(plot(title, points)), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// measure runs each number of workers without kills, whose points it returns, and then with them.
func measure(ctx context.Context, w workers.World, shards string) (points []point, err error) {
	if err := w.Fill(ctx); err != nil {
		return nil, err
	}
	fmt.Printf("%d repositories, %d tags, latency %s, %d at once\n", w.Repositories, w.Tags, w.Latency, w.AtOnce)
	fmt.Printf("%8s %6s %12s %12s %8s %10s %12s\n", "workers", "kills", "calls", "again", "time", "images/s", "peak memory")
	for text := range strings.SplitSeq(shards, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of workers", text)
		}
		w.Shards = n
		unbroken := w
		unbroken.Kills = 0
		for _, run := range []*workers.World{&unbroken, &w} {
			if run == &w && w.Kills == 0 {
				continue
			}
			r, err := run.Run(ctx)
			if err != nil {
				return nil, err
			}
			rate := float64(w.Tags) / r.Time.Seconds()
			if run == &unbroken {
				points = append(points, point{n, rate})
			}
			fmt.Printf("%8d %6d %12d %12d %8s %10.0f %9.1f MB\n", n, r.Kills, r.Calls, r.Again,
				r.Time.Round(100*time.Millisecond), rate, float64(r.Memory)/1e6)
		}
	}
	return points, nil
}
