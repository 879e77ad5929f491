package bench

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
)

// Cell is one combination of settings.
type Cell struct {
	Jobs   int    // transfer.Engine.Jobs; 0 is auto: chosen by the engine
	HTTP   string // "1" is only HTTP/1.1, "2" is only HTTP/2, "" is negotiated
	Upload Upload
	Ranges int // transfer.Engine.Ranges; 0 is chosen by the engine
	Buffer int // bytes of a large blob read and written at a time; 0 is the client's default
}

// Upload is a way to upload a blob. The zero value is one PUT.
type Upload struct {
	Name  string // in the benchmark's name; "" leaves it out
	Chunk int64  // maximum number of bytes in one call; 0 is no maximum
	Patch bool   // PATCH and an empty PUT
}

// String returns the cell in a benchmark's name, such as jobs=8/http=2/upload=put.
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

// bytesText returns a size in the largest unit that divides it.
func bytesText(n int) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return strconv.Itoa(n)
}

func jobsText(jobs int) string {
	if jobs == 0 {
		return "auto"
	}
	return strconv.Itoa(jobs)
}

// Matrix returns all combinations without duplicates. An empty list means its zero value.
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

// Turn is the measurement of one cell in one round.
type Turn struct {
	Cell   int // index of the cell
	Round  int // from 0; warm-up rounds are negative
	Serial int // index of the turn in the run
}

// Order returns the turns of a run. Each round has every cell once, in ascending order in one round
// and in descending order in the next, so that a steady drift affects all cells equally.
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
