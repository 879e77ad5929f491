package blob

// BufferSize returns how many bytes of a blob of size bytes to read and write at a time, at least 1 and at most most: a
// quarter of it, since small blobs are many at a time and large ones few, but not less than 64 KiB where it has so many.
func BufferSize(size, most int64) int64 {
	const small = 64 << 10
	return max(1, min(size, max(size/4, small), most))
}
