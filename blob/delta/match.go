package delta

// matcher describes the elements of the target by copies from the base.
type matcher[T element] struct {
	base  *window[T]
	index *index[T]
	back  int64 // how far before reach a copy may begin
	ahead int64 // how far the base is read ahead of where the target is
	top   uint64
	out   *opWriter
	code  func(w *bitWriter, t []T) error // codes elements that are not copied

	reach    int64 // the greatest end of all copies
	last     int64 // the end of the last copy
	expected int64 // where the next element is in the base, if neither has more than the other since
	want     int64 // how far the base is to be read
	inserted int64 // how many elements were not copied since want was set
	credit   int64 // how far reach may move
	far      int64 // where the last match ended that was too far away
	farSum   int64 // what the matches there allow together
	found    []int64
}

// minAligned is how many elements are copied at least from where they are expected. Elsewhere it is a
// run.
const minAligned = 4

// A copy moves reach, and what is more than back before that cannot be copied any more. So that what is
// in the base twice does not pull it past what is still needed, a copy may move it by its allowance only.
// What is left of that is saved, up to back/8. Matches that are too far away count together as long as they
// follow one another, within nearby elements, so that much may be skipped at last.
const (
	nearby       = 64 << 10
	longMatch    = 256
	matchDivisor = 64
)

// allowance returns how far a copy of n elements may move reach: short ones are often there by chance.
func allowance(n int) int64 { return int64(n) * int64(min(n, longMatch)) / matchDivisor }

func newMatcher[T element](base *window[T], run int, back, ahead int64, out *opWriter,
	code func(*bitWriter, []T) error) *matcher[T] {
	ahead = min(ahead, int64(base.keep)/2)
	m := &matcher[T]{base: base, index: newIndex(base, run), back: back, ahead: ahead, top: 1, out: out, code: code}
	for range run - 1 {
		m.top *= multiplier
	}
	return m
}

// add writes the next elements of the target.
func (m *matcher[T]) add(t []T) error {
	// While nothing matches the window moves at half the target's pace, so that it has the place where
	// they meet again whether the target has more than the base or less.
	m.want = max(m.want+m.inserted/2, m.reach+m.ahead)
	m.inserted = 0
	if err := m.base.readTo(m.want); err != nil {
		return err
	}
	m.index.add()
	start, i := 0, 0
	var hash uint64
	hashed := -2 // of which i the hash is
	for i < len(t) {
		position, n := m.aligned(t[i:])
		skip := 1
		if n == 0 && i+m.index.run <= len(t) {
			hash = m.roll(t, i, hash, hashed == i-1)
			hashed = i
			position, n = m.search(t[i:], hash)
			if n > 0 && !m.mayCopy(position, n) && !m.mayJump(position, n) {
				skip, n = max(1, n-m.index.run), 0
			}
		}
		if n == 0 {
			i += skip
			m.expected += int64(skip)
			continue
		}
		before := m.commonBefore(t[start:i], position)
		if err := m.insert(t[start : i-before]); err != nil {
			return err
		}
		position, n = position-int64(before), n+before
		if err := m.out.copy(position-m.last, n); err != nil {
			return err
		}
		i += n - before
		start = i
		m.copied(position, n)
	}
	return m.insert(t[start:])
}

// copied notes a copy.
func (m *matcher[T]) copied(position int64, n int) {
	m.last = position + int64(n)
	m.expected = m.last
	m.credit = min(m.credit+allowance(n), m.back/8)
	if moved := m.last - m.reach; moved > 0 {
		m.credit = max(0, m.credit-moved)
		m.reach = m.last
	}
}

// mayCopy reports whether a copy does not move reach too far.
func (m *matcher[T]) mayCopy(position int64, n int) bool {
	return position+int64(n)-m.reach <= m.credit+allowance(n)
}

// mayJump notes a match that is too far away, and reports whether there were enough of them.
func (m *matcher[T]) mayJump(position int64, n int) bool {
	if distance(position, m.far) > nearby {
		m.far, m.farSum = position, 0
	}
	end := position + int64(n)
	m.farSum += allowance(int(max(0, end-max(m.far, position))))
	m.far = max(m.far, end)
	return end-m.reach <= m.credit+m.farSum
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

// aligned returns how many elements are where they are expected, 0 if too few.
func (m *matcher[T]) aligned(t []T) (position int64, n int) {
	if m.expected < m.reach-m.back {
		return 0, 0
	}
	n = common(m.base.from(m.expected), t)
	if near := m.expected-m.last <= int64(n); n < minAligned || !near && !m.mayCopy(m.expected, n) {
		return 0, 0
	}
	return m.expected, n
}

// search returns the longest match of a run with the given hash, and of what follows it.
func (m *matcher[T]) search(t []T, hash uint64) (position int64, n int) {
	m.found = m.index.candidates(hash, m.found[:0])
	for _, p := range m.found {
		length := common(m.base.from(p), t)
		if length < m.index.run || p < m.reach-m.back {
			continue
		}
		if length > n || length == n && distance(p, m.expected) < distance(position, m.expected) {
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
	lowest := max(m.base.start, m.reach-m.back)
	for n < len(t) && position-int64(n) > lowest && m.base.buf[position-int64(n)-1-m.base.start] == t[len(t)-1-n] {
		n++
	}
	return n
}
