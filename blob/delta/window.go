package delta

import "math/bits"

// element is what a blob consists of for a delta: tokens of a gzip file, or bytes.
type element interface{ ~uint8 | ~uint32 }

// window is the part of the base that copies may come from. It moves forward only.
type window[T element] struct {
	next func() ([]T, error) // the next elements, none at the end
	keep int                 // how many elements stay when others are read

	buf   []T
	start int64 // position in the base of buf[0]
	ended bool
}

// newWindow returns a window that keeps n elements. For those that are read it has room for a
// quarter more, so that moving them costs little.
func newWindow[T element](next func() ([]T, error), n int) *window[T] {
	return &window[T]{next: next, keep: n, buf: make([]T, 0, n+n/4+elementBatch)}
}

// elementBatch is how many elements next returns at most.
const elementBatch = 64 << 10

// end returns the position after the last element that was read.
func (w *window[T]) end() int64 { return w.start + int64(len(w.buf)) }

// readTo reads until the window has the element before a position, or to the end of the base.
func (w *window[T]) readTo(position int64) error {
	for w.end() < position && !w.ended {
		if cap(w.buf)-len(w.buf) < elementBatch {
			w.shift()
		}
		some, err := w.next()
		if err != nil {
			return err
		}
		w.ended = len(some) == 0
		w.buf = append(w.buf, some...)
	}
	return nil
}

// shift drops all but the last elements.
func (w *window[T]) shift() {
	drop := max(0, len(w.buf)-w.keep)
	w.start += int64(drop)
	w.buf = w.buf[:copy(w.buf, w.buf[drop:])]
}

// from returns the elements from a position on that were read, none if it is not in the window.
func (w *window[T]) from(position int64) []T {
	if position < w.start || position >= w.end() {
		return nil
	}
	return w.buf[position-w.start:]
}

// index finds runs of elements in a window. It has a sample of all of them: those at multiples of run.
type index[T element] struct {
	window *window[T]
	run    int      // how many elements a run has
	next   int64    // position of the first run that is not in it
	slots  []uint32 // in buckets: the number of the run, modulo 1<<numberBits, and tagBits of its hash
	shift  int      // of a hash, which makes it the number of a bucket
}

const (
	numberBits  = 21
	tagBits     = 32 - numberBits
	maxSlotBits = 21
	minSlotBits = 10
	bucketBits  = 2 // slots of one hash
)

// newIndex returns an index with about two slots for each run in the window.
func newIndex[T element](w *window[T], run int) *index[T] {
	slotBits := min(max(minSlotBits, bits.Len(uint(w.keep/run))+1), maxSlotBits)
	return &index[T]{window: w, run: run, slots: make([]uint32, 1<<slotBits), shift: 64 - slotBits + bucketBits}
}

// multiplier is that of the hashes, an odd number with its bits spread (Knuth, TAOCP 3, section 6.4).
const multiplier = 0x9E3779B97F4A7C15

// hashOf returns the hash of a run: its elements as the digits of a number to the base multiplier.
func hashOf[T element](run []T) (h uint64) {
	for _, e := range run {
		h = h*multiplier + uint64(e) + 1
	}
	return h
}

// locate returns the bucket and the tag of a hash.
func (x *index[T]) locate(h uint64) (slots []uint32, tag uint32) {
	h ^= h >> 29
	h *= multiplier
	at := h >> x.shift << bucketBits
	return x.slots[at : at+1<<bucketBits], uint32(h & (1<<tagBits - 1))
}

// add adds the runs that were read since. In a full bucket the oldest run is replaced.
func (x *index[T]) add() {
	run := int64(x.run)
	x.next = max(x.next, (x.window.start+run-1)/run*run)
	for ; x.next+run <= x.window.end(); x.next += run {
		slots, tag := x.locate(hashOf(x.window.from(x.next)[:run]))
		number := uint32(x.next / run)
		oldest := 0
		for i, s := range slots {
			if x.age(number, s) > x.age(number, slots[oldest]) {
				oldest = i
			}
		}
		slots[oldest] = number<<tagBits | tag
	}
}

// age returns how many runs before number that of a slot is.
func (x *index[T]) age(number, slot uint32) uint32 {
	return (number - slot>>tagBits) & (1<<numberBits - 1)
}

// candidates adds the positions of runs that may have a hash.
func (x *index[T]) candidates(h uint64, out []int64) []int64 {
	slots, tag := x.locate(h)
	last := x.next/int64(x.run) - 1
	for _, s := range slots {
		if s&(1<<tagBits-1) != tag {
			continue
		}
		if number := last - int64(x.age(uint32(last), s)); number >= 0 {
			out = append(out, number*int64(x.run))
		}
	}
	return out
}
