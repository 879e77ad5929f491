package delta

import "encoding/binary"

// matcher describes the elements of the target by copies from the base.
type matcher[T element] struct {
	base  *window[T]
	index *index[T]
	back  int64 // how far before reach a copy may begin
	ahead int64 // how far the base is read ahead of where the target is
	top   uint64
	out   *opWriter
	code  func(w *bitWriter, t []T) error // codes elements that are not copied
	from  progress                        // of the base
	to    progress                        // of the target

	reach    int64 // the greatest end of all copies
	last     int64 // the end of the last copy
	at       int64 // how many elements of the target were written
	home     int64 // how far the last long copy was in the base from its place in the target
	other    int64 // the same of the last copy that was elsewhere
	want     int64 // how far the base is to be read
	inserted int64 // how many elements were not copied since want was set
	place    int64 // about where the target is in the base
	drift    int64 // how much of place is due to elements that were not copied
	found    []int64
	sizing   bitWriter // what worth compares with
}

// minAligned is how many elements are copied at least from within nearby elements of the last copy, if
// they are as far from their place in the target as one before. Elsewhere it is a run.
const (
	minAligned = 2
	nearby     = 64
	homeLength = 32 // of a copy that is long
)

// A copy moves reach, and what is more than back before that cannot be copied any more. So that what is
// in the base twice does not pull it past what is still needed, a copy must end at most back/2 after
// place. Each match, copied or not, moves place towards itself by its allowance, so that much may be
// skipped at last. Elements that are not copied move it by half their number, by back/4 at most.
const (
	longMatch    = 1024
	matchDivisor = 64
)

// allowance returns how far a match of n elements moves place: short ones are often there by chance.
func allowance(n int) int64 { return int64(n) * int64(min(n, longMatch)) / matchDivisor }

func newMatcher[T element](base *window[T], slots *[]uint32, run int, back, ahead int64, out *opWriter,
	code func(*bitWriter, []T) error) *matcher[T] {
	ahead = min(ahead, int64(len(base.ring))/2)
	m := &matcher[T]{base: base, index: newIndex(base, slots, run), back: back, ahead: ahead, top: 1, out: out, code: code}
	for range run - 1 {
		m.top *= multiplier
	}
	return m
}

// add writes the next elements of the target.
func (m *matcher[T]) add(t []T) error {
	if err := m.readBase(); err != nil {
		return err
	}
	m.index.add()
	start, i := 0, 0
	var hash uint64
	hashed := -2 // of which i the hash is
	for i < len(t) {
		position, n := m.aligned(t[i:], m.at+int64(i))
		skip := 1
		if n == 0 && i+m.index.run <= len(t) {
			hash = m.roll(t, i, hash, hashed == i-1)
			hashed = i
			position, n = m.search(t[i:], m.at+int64(i), hash)
			if n > 0 && !m.mayCopy(position, n) {
				m.pull(position, n)
				skip, n = max(1, n-m.index.run), 0
			}
		}
		if n == 0 {
			i += skip
			continue
		}
		before := m.commonBefore(t[start:i], position)
		worth, err := m.worth(t[i-before:i+n], position-int64(before)-m.last)
		if err != nil {
			return err
		}
		if !worth {
			i++
			continue
		}
		if err := m.insert(t[start : i-before]); err != nil {
			return err
		}
		position, n = position-int64(before), n+before
		if err := m.out.copy(position-m.last, n); err != nil {
			return err
		}
		i += n - before
		start = i
		m.copied(position, n, m.at+int64(i))
	}
	m.at += int64(len(t))
	return m.insert(t[start:])
}

// progress is how much of a blob was read.
type progress struct {
	size int64        // of the blob, in bytes
	read func() int64 // returns how many bytes were read
}

func (p progress) rest() int64 { return p.size - p.read() }

// readBase reads the base as far as it may be needed now. While nothing matches the window moves towards
// the place where the base has as much left as the target: at half the target's pace at least, since
// there may be more in the target later, and at twice its pace at most.
func (m *matcher[T]) readBase() error {
	end := m.base.end
	const unit = 1 << 10
	perByte := end * unit / max(m.from.read(), 1)
	aligned := end + (m.from.rest()-m.to.rest())*perByte/unit
	m.want = max(m.reach+m.ahead, min(max(m.want+m.inserted/2, aligned+m.ahead), m.want+2*m.inserted))
	m.inserted = 0
	return m.base.readTo(m.want)
}

// copied notes a copy that ends at a place of the target.
func (m *matcher[T]) copied(position int64, n int, at int64) {
	m.last = position + int64(n)
	switch shift := m.last - at; {
	case shift == m.home:
	case n < homeLength:
		m.other = shift
	default:
		m.home, m.other = shift, m.home
	}
	m.reach = max(m.reach, m.last)
	m.pull(position, n)
}

// pull moves place towards the end of a match.
func (m *matcher[T]) pull(position int64, n int) {
	most := allowance(n)
	m.place += max(-most, min(position+int64(n)-m.place, most))
	m.drift = max(0, m.drift-most)
}

// mayCopy reports whether a copy does not move reach too far.
func (m *matcher[T]) mayCopy(position int64, n int) bool {
	return position+int64(n) <= max(m.reach, m.place+m.back/2)
}

// Fewer than shortCopy elements may take fewer bits than the operation that copies them: besides the distance
// that is copyBits, for its own number and that of what is inserted next.
const (
	shortCopy = 16
	copyBits  = 16
)

// worth reports whether copying elements, from a distance after the end of the last copy, saves anything.
func (m *matcher[T]) worth(t []T, distance int64) (bool, error) {
	if len(t) >= shortCopy {
		return true, nil
	}
	m.sizing.reset()
	err := m.code(&m.sizing, t)
	m.out.num = binary.AppendVarint(m.out.num[:0], distance)
	return m.sizing.len() > copyBits+8*len(m.out.num), err
}

// insert writes elements that are not copied.
func (m *matcher[T]) insert(t []T) error {
	if len(t) == 0 {
		return nil
	}
	if err := m.code(&m.out.raw, t); err != nil {
		return err
	}
	m.inserted += int64(len(t))
	drift := min(int64(len(t))/2, m.back/4-m.drift)
	m.place, m.drift = m.place+drift, m.drift+drift
	return m.out.limitRaw()
}

// roll returns the hash of the run from i on. before is that of i-1, if it is known.
func (m *matcher[T]) roll(t []T, i int, before uint64, known bool) uint64 {
	if !known {
		return hashOf(t[i : i+m.index.run])
	}
	before -= (uint64(t[i-1]) + 1) * m.top
	return before*multiplier + uint64(t[i+m.index.run-1]) + 1
}

// aligned returns how many elements, from a place of the target on, are as far from there as earlier
// ones, 0 if too few.
func (m *matcher[T]) aligned(t []T, at int64) (position int64, n int) {
	for _, shift := range [...]int64{m.home, m.other} {
		p := at + shift
		length := common(m.base.from(p), t)
		least := m.index.run
		if distance(p, m.last) <= nearby {
			least = minAligned
		}
		if length >= least && length > n && p >= m.reach-m.back && m.mayCopy(p, length) {
			position, n = p, length
		}
	}
	return position, n
}

// search returns the longest match of a run with the given hash, and of what follows it, at a place of
// the target.
func (m *matcher[T]) search(t []T, at int64, hash uint64) (position int64, n int) {
	m.found = m.index.candidates(hash, m.found[:0])
	for _, p := range m.found {
		length := common(m.base.from(p), t)
		if length < m.index.run || p < m.reach-m.back {
			continue
		}
		if length > n || length == n && distance(p, at+m.home) < distance(position, at+m.home) {
			position, n = p, length
		}
	}
	return position, n
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// common returns how many elements a and b begin with that are equal.
func common[T element](a, b []T) int {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// commonBefore returns how many of the last elements of t also are in the base before a position.
func (m *matcher[T]) commonBefore(t []T, position int64) int {
	n := 0
	lowest := max(m.base.start(), m.reach-m.back)
	for n < len(t) && position-int64(n) > lowest && m.base.from(position - int64(n) - 1)[0] == t[len(t)-1-n] {
		n++
	}
	return n
}
