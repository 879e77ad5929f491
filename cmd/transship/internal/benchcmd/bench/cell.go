package bench

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
)

// Cell is one combination of settings.
type Cell struct {
	Jobs   int    // blobs in flight at once, as of transfer.Engine; 0 is auto: as many as the engine and the hosts find good
	HTTP   string // "1" is HTTP/1.1 only, "2" is HTTP/2 only, "" is what client and registry agree on
	Upload Upload
	Ranges int // of each big blob that are read at once, as of transfer.Engine; 0 leaves that to the engine
	Buffer int // bytes of a large blob that are read and written at a time; 0 is what the client thinks best
}

// Upload is a way for a blob to go out. The zero value is one PUT.
type Upload struct {
	Name  string // as it stands in the benchmark's name; "" leaves it out
	Chunk int64  // the most bytes in one call; 0 is no bound
	Patch bool   // PATCH, and an empty PUT
}

// String is the cell's part of a benchmark's name, such as jobs=8/http=2/upload=put.
func (c Cell) String() string {
	name := "jobs=" + jobsText(c.Jobs)
	if c.HTTP != "" {
		name += "/http=" + c.HTTP
	}
	if c.Upload.Name != "" {
		name += "/upload=" + c.Upload.Name
	}
	if c.Ranges > 0 {
		name += fmt.Sprintf("/ranges=%d", c.Ranges)
	}
	if c.Buffer > 0 {
		name += "/buffer=" + bytesText(c.Buffer)
	}
	return name
}

// bytesText is a size in the largest unit that divides it.
func bytesText(n int) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return strconv.Itoa(n)
}

// jobsText is how a number of jobs is called.
func jobsText(jobs int) string {
	if jobs == 0 {
		return "auto"
	}
	return strconv.Itoa(jobs)
}

// Matrix returns all combinations, each of them once. An empty list counts as one with the zero value.
func Matrix(jobs []int, http []string, uploads []Upload, ranges, buffers []int) (cells []Cell) {
	for _, b := range orZero(buffers) {
		for _, r := range orZero(ranges) {
			for _, u := range orZero(uploads) {
				for _, h := range orZero(http) {
					for _, j := range orZero(jobs) {
						if c := (Cell{j, h, u, r, b}); !slices.Contains(cells, c) {
							cells = append(cells, c)
						}
					}
				}
			}
		}
	}
	return cells
}

func orZero[T any](list []T) []T {
	if len(list) == 0 {
		return make([]T, 1)
	}
	return list
}

// Turn is a cell's turn in a round.
type Turn struct {
	Cell   int // its index
	Round  int // from 0; warm-ups come first, and are negative
	Serial int // the turn's place in the run, from 0
}

// Order returns whose turn it is: every cell once in each round, forwards in one round and backwards in the next. With that,
// what slowly drifts has the same sum for all cells after each pair of rounds.
func Order(cells, warmups, rounds int) iter.Seq[Turn] {
	return func(yield func(Turn) bool) {
		serial := 0
		for r := -warmups; r < rounds; r++ {
			for i := range cells {
				if r&1 != 0 {
					i = cells - 1 - i
				}
				if !yield(Turn{i, r, serial}) {
					return
				}
				serial++
			}
		}
	}
}
