package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/hczjl/transship/integration/workers"
)

// sharded names the samples of several workers that share a registry. They are no samples of the subject alone.
const sharded = "transship --shard"

// workersName is the work of n workers.
func workersName(n int) string { return fmt.Sprintf("%d workers", n) }

// numbersOfWorkers are how many workers share a registry, one after the other.
func numbersOfWorkers() []int { return []int{1, 2, 4, 8} }

// shards measures several workers that copy a registry of 1,000 images. Both registries wait 200 ms before they answer and
// answer 128 calls at once, so that the limit is theirs and not the machine's.
func (b *bench) shards(bin string) (ran []work) {
	w := workers.World{
		Program: filepath.Join(bin, subject), Repositories: 100, Tags: 1000, Latency: 200 * time.Millisecond, AtOnce: 128,
	}
	b.must(w.Fill(b.t.Context()))
	for _, n := range numbersOfWorkers() {
		name := workersName(n)
		ran = append(ran, work{name: name, title: fmt.Sprintf("%d images by %s", w.Tags, name)})
		for round := range b.rounds {
			w.Shards = n
			r, err := w.Run(b.t.Context())
			b.must(err)
			b.note(sample{Work: name, Tool: sharded, Round: round, Wall: r.Time.Seconds(), Peak: r.Memory, Source: int(r.Calls)})
		}
	}
	return ran
}

// shardResults returns the numbers of workers, with the median seconds and the thousands of calls.
func shardResults(all results) (numbers, times, thousands []float64) {
	for _, n := range numbersOfWorkers() {
		if of := all.of(workersName(n), sharded); len(of) > 0 {
			numbers = append(numbers, float64(n))
			times = append(times, spreadOf(of.measured(wall)).median)
			thousands = append(thousands, spreadOf(of.measured(calls)).median/1000)
		}
	}
	return numbers, times, thousands
}
