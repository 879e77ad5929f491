package delta

import "math/bits"

// element is what a blob consists of for a delta: tokens of a gzip file, or bytes.
type element interface{ ~uint8 | ~uint32 }

// window is the part of the base that copies may come from: its last elements, in a ring. It moves
// forward only.
type window[T element] struct {
	next  func() ([]T, error) // the next elements, none at the end
	ring  []T                 // has the element of position p at p modulo its length
	end   int64               // the position after the last element that was read
	ended bool
}

// newWindow returns a window that keeps the last elements, as many as ring has.
func newWindow[T element](next func() ([]T, error), ring []T) *window[T] {
	return &window[T]{next: next, ring: ring}
}

// elementBatch is how many elements next returns at most.
const elementBatch = 60 << 10

// start returns the position of the first element that is kept.
func (w *window[T]) start() int64 { return max(0, w.end-int64(len(w.ring))) }

// readTo reads until the window has the element before a position, or to the end of the base.
func (w *window[T]) readTo(position int64) error {
	for w.end < position && !w.ended {
		some, err := w.next()
		if err != nil {
			return err
		}
		w.ended = len(some) == 0
		for len(some) > 0 {
			n := copy(w.ring[w.end%int64(len(w.ring)):], some)
			some = some[n:]
			w.end += int64(n)
		}
	}
	return nil
}

// from returns elements from a position on: up to the last that was read or to the end of the ring. It
// returns none if the position is not in the window.
func (w *window[T]) from(position int64) []T {
	if position < w.start() || position >= w.end {
		return nil
	}
	at := position % int64(len(w.ring))
	return w.ring[at:min(at+w.end-position, int64(len(w.ring)))]
}

// index finds runs of elements in a window. It has a sample of all of them: those at multiples of run.
type index[T element] struct {
	window *window[T]
	run    int      // how many elements a run has
	next   int64    // position of the first run that is not in it
	slots  []uint32 // in buckets: the number of the run, modulo 1<<numberBits, and tagBits of its hash
	shift  int      // of a hash, which makes it the number of a bucket

	fetched uint32 // by fetch, which the compiler would leave out if it were kept nowhere
}

const (
	numberBits  = 22
	tagBits     = 32 - numberBits
	maxSlotBits = 22
	minSlotBits = 10
	bucketBits  = 2 // slots of one hash
)

// newIndex returns an index with about two slots for each run in the window: in slots, if that is enough.
func newIndex[T element](w *window[T], slots *[]uint32, run int) *index[T] {
	slotBits := min(max(minSlotBits, bits.Len(uint(len(w.ring)/run))+1), maxSlotBits)
	if cap(*slots) < 1<<slotBits {
		*slots = make([]uint32, 1<<slotBits)
	}
	x := &index[T]{window: w, run: run, slots: (*slots)[:1<<slotBits], shift: 64 - slotBits + bucketBits}
	clear(x.slots)
	return x
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

// locate returns where the bucket of a hash begins, and its tag.
func (x *index[T]) locate(h uint64) (at, tag uint32) {
	h ^= h >> 29
	h *= multiplier
	return uint32(h >> x.shift << bucketBits), uint32(h & (1<<tagBits - 1))
}

// bucket returns the slots of a bucket, the newest first.
func (x *index[T]) bucket(at uint32) *[1 << bucketBits]uint32 {
	return (*[1 << bucketBits]uint32)(x.slots[at:])
}

// addBatch is how many runs are added at once. Hardly any bucket is in a cache of the processor: those of a batch
// are fetched side by side.
const addBatch = 64

// add adds the runs that were read since.
func (x *index[T]) add() {
	run := int64(x.run)
	x.next = max(x.next, (x.window.start()+run-1)/run*run)
	for x.next+run <= x.window.end {
		some := x.window.from(x.next)
		x.addSome(some[:min(len(some)/x.run, addBatch)*x.run])
	}
}

// addSome adds runs that follow one another. In each bucket the oldest run goes.
func (x *index[T]) addSome(runs []T) {
	var places, tags [addBatch]uint32
	n := len(runs) / x.run
	for i := range n {
		places[i], tags[i] = x.locate(hashOf(runs[i*x.run:][:x.run]))
	}
	x.fetch(places[:n])
	number := uint32(x.next / int64(x.run))
	for i := range n {
		b := x.bucket(places[i])
		*b = [...]uint32{(number+uint32(i))<<tagBits | tags[i], b[0], b[1], b[2]}
	}
	x.next += int64(len(runs))
}

// fetch reads from buckets and does nothing else, so that the processor waits for many of them at once.
func (x *index[T]) fetch(places []uint32) {
	for _, at := range places {
		x.fetched |= x.slots[at]
	}
}

// age returns how many runs before number that of a slot is.
func (x *index[T]) age(number, slot uint32) uint32 {
	return (number - slot>>tagBits) & (1<<numberBits - 1)
}

// candidates adds the positions of runs that may have a hash.
func (x *index[T]) candidates(h uint64, out []int64) []int64 {
	at, tag := x.locate(h)
	last := x.next/int64(x.run) - 1
	for _, s := range x.bucket(at) {
		if s&(1<<tagBits-1) != tag {
			continue
		}
		if number := last - int64(x.age(uint32(last), s)); number >= 0 {
			out = append(out, number*int64(x.run))
		}
	}
	return out
}
