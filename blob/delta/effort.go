package delta

// What it may cost to make a blob. Blocks without tokens, and operations of a bit each, would take the
// time of a blob of many times the size.
const (
	effortOfHead = 32      // a block's head whose code has to be made; any other operation costs 1
	freeEffort   = 1 << 16 // may be spent besides 1 for each byte
)

// effort is what was spent on a blob.
type effort int64

const errEffort = formatError("it has too many blocks or operations for its size")

// spend adds the cost of an operation, whose bits are p unless it is a copy. It returns errEffort if a blob
// of that size, in bytes, must cost less.
func (e *effort) spend(kind uint64, p []byte, size int64) error {
	if kind == opHead && p[0]>>1&3 != storedBlock {
		*e += effortOfHead
	} else {
		*e++
	}
	if int64(*e)-freeEffort > size {
		return errEffort
	}
	return nil
}
