package audit

// storage is the part of *os.File that a journal needs.
type storage interface {
	// WriteAt writes all of p at an offset in bytes, or fails.
	WriteAt(p []byte, at int64) (int, error)
	// Truncate cuts the file off, or lengthens it, to size bytes.
	Truncate(size int64) error
	// Sync brings what was written to the disk.
	Sync() error
	// Close ends the use of the file.
	Close() error
}

// journal is a file that grows by whole records. What closes the document, if
// its format has such, stands behind the last record at every moment and is
// overwritten by the next one.
type journal struct {
	file    storage
	end     int64 // of the last record
	trailer []byte
	err     error // sticky
}

// append writes a record and what closes the document behind it, by one call
// of the operating system. When that fails what a half of it has overwritten
// is put back, and nothing more is written.
func (j *journal) append(record, trailer []byte) error {
	if j.err != nil {
		return j.err
	}
	text := append(record[:len(record):len(record)], trailer...)
	if _, j.err = j.file.WriteAt(text, j.end); j.err != nil {
		_, _ = j.file.WriteAt(j.trailer, j.end) // these bytes have been there: a full disk takes them
		_ = j.file.Truncate(j.end + int64(len(j.trailer)))
		return j.err
	}
	j.end += int64(len(record))
	j.trailer = trailer
	return nil
}

// close brings the file to the disk.
func (j *journal) close() error {
	if err := j.file.Sync(); j.err == nil {
		j.err = err
	}
	if err := j.file.Close(); j.err == nil {
		j.err = err
	}
	return j.err
}
