package audit

// storage is the part of *os.File that a journal needs.
type storage interface {
	// WriteAt writes all of p at an offset in bytes, or fails.
	WriteAt(p []byte, at int64) (int, error)
	// Truncate changes the file's length to size bytes.
	Truncate(size int64) error
	// Sync flushes the file to the disk.
	Sync() error
	// Close releases the file.
	Close() error
}

// journal is a file that grows by whole records. At every moment the trailer, the text that closes
// a document of the format, follows the last record; the next record overwrites it.
type journal struct {
	file    storage
	end     int64 // of the last record
	trailer []byte
	err     error // sticky
}

// append writes a record and its trailer with one system call. After a failure it restores the
// trailer that a partial write has overwritten, and nothing more is written.
func (j *journal) append(record, trailer []byte) error {
	if j.err != nil {
		return j.err
	}
	text := append(record[:len(record):len(record)], trailer...)
	if _, j.err = j.file.WriteAt(text, j.end); j.err != nil {
		_, _ = j.file.WriteAt(j.trailer, j.end) // the file had these bytes before, so a full disk takes them
		_ = j.file.Truncate(j.end + int64(len(j.trailer)))
		return j.err
	}
	j.end += int64(len(record))
	j.trailer = trailer
	return nil
}

// close flushes and closes the file.
func (j *journal) close() error {
	if err := j.file.Sync(); j.err == nil {
		j.err = err
	}
	if err := j.file.Close(); j.err == nil {
		j.err = err
	}
	return j.err
}
