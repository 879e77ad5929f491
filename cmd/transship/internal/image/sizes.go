package image

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

const (
	// maxSizesFile is the maximum size in bytes of the file of --sizes. A repository takes some 60.
	maxSizesFile = 64 << 20
	// maxSizes is the maximum of all bytes in it together.
	maxSizes = 1 << 60
)

// readSizes reads the file of --sizes, and finds out which worker takes each of its repositories.
func (s *Shard) readSizes(ctx context.Context) error {
	if s.file == "" {
		return nil
	}
	if s.Count == 0 {
		return &cli.UsageError{
			Message: "--sizes is for the workers of --shard, and this run has no shard",
			Advice:  "give --shard I/N, or leave out --sizes",
		}
	}
	text, err := cli.ReadFile(ctx, s.file, maxSizesFile)
	if err != nil {
		return fmt.Errorf("--sizes: %w", err)
	}
	sizes, err := parseSizes(s.file, text)
	if err != nil {
		return err
	}
	s.workers, s.Sizes = assign(sizes, s.Count), blob.FromBytes([]byte(text))
	return nil
}

// parseSizes parses lines of bytes and a repository, as --plan=sizes and du print them. Several of one
// repository add up, so that the plans of several shards can be joined.
func parseSizes(file, text string) (map[string]int64, error) {
	sizes, left := map[string]int64{}, int64(maxSizes)
	lines := bufio.NewScanner(strings.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		bad := func(format string, args ...any) error {
			return &cli.UsageError{
				Message: fmt.Sprintf("--sizes %s, line %d: %s", file, number, fmt.Sprintf(format, args...)),
				Advice:  "each line is BYTES HOST/REPOSITORY; --plan=sizes prints them",
			}
		}
		if len(fields) != 2 {
			return nil, bad("it has %d words", len(fields))
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil || n < 0 || n > left {
			return nil, bad("%q is no number of bytes", fields[0])
		}
		name, err := reference.ParseRepository(fields[1])
		if err != nil {
			return nil, bad("%v", err)
		}
		sizes[name.Name()] += n
		left -= n
	}
	if err := lines.Err(); err != nil {
		return nil, &cli.UsageError{Message: fmt.Sprintf("--sizes %s: %v", file, err)}
	}
	return sizes, nil
}

// assign returns the worker of each repository, from 1 to count. The largest comes first, and each stays
// with its hashedWorker unless that would then have more than an equal part and a twentieth; then the
// worker takes it that has least. It depends on nothing but the sizes and the count, so each worker finds
// out the same, and a further worker or other sizes move little.
func assign(sizes map[string]int64, count int) map[string]int {
	names := slices.SortedFunc(maps.Keys(sizes), func(a, b string) int {
		return cmp.Or(cmp.Compare(sizes[b], sizes[a]), cmp.Compare(a, b))
	})
	var total int64
	for _, n := range sizes {
		total += n
	}
	limit := total/int64(count) + total/int64(count)/20
	load, workers := make([]int64, count), map[string]int{}
	for _, name := range names {
		i := hashedWorker(name, count) - 1
		if load[i]+sizes[name] > limit {
			i = slices.Index(load, slices.Min(load))
		}
		load[i] += sizes[name]
		workers[name] = i + 1
	}
	return workers
}
