package blob

// LargeSize is the size in bytes from which a blob counts as large. Over a link with a round trip
// of 50 ms and 20 MB/s, a smaller one spends more time on waiting for answers than on its bytes.
const LargeSize = 1 << 20

// BufferSize returns how many bytes of a blob to read and write at a time: a quarter of size, but
// at least 64 KiB (or size, if that is less) and at most maximum; never less than 1. Small blobs
// move many at a time and large ones few, so the sum of all buffers stays small. All values are in
// bytes.
func BufferSize(size, maximum int64) int64 {
	const small = 64 << 10
	return max(1, min(size, max(size/4, small), maximum))
}
