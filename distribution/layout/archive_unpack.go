package layout

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// OpenCompressed opens an archive that is compressed with gzip as a whole, as `docker save | gzip`
// writes it. It is unpacked into a temporary file, which Close removes: the blobs of an archive are
// read in another order than they are in, and again after an error. An archive that is not
// compressed is opened as by [OpenArchive], which has the same errors.
//
// If the temporary file cannot be written, the error is an *[UnpackError]. Cancelling ctx ends it.
func OpenCompressed(ctx context.Context, path string) (*Archive, error) {
	return openCompressed(ctx, path, false)
}

func openCompressed(ctx context.Context, path string, toVerify bool) (*Archive, error) {
	v, err := openVolumes(path)
	if err != nil {
		return nil, err
	}
	c, err := findCompression(v)
	if err != nil || c.name != gzipName {
		return newArchive(v, err)
	}
	defer v.Close()
	need := v.unpackedSize()
	if toVerify {
		need = 0 // little of it is kept
	}
	return unpack(ctx, v.path, io.NewSectionReader(v, 0, v.size), need, toVerify)
}

// ReadArchive reads an archive, compressed with gzip or not, from a stream such as standard input. It
// does as [OpenCompressed]. name stands for the path in messages. If ctx is cancelled while r does
// not return, r may still be read afterwards.
func ReadArchive(ctx context.Context, name string, r io.Reader) (*Archive, error) {
	return unpack(ctx, name, r, 0, false)
}

// UnpackError says that an archive could not be unpacked into a temporary file.
type UnpackError struct {
	Path       string // of the archive
	Dir        string // where the temporary file is: that of os.TempDir
	Need, Free int64  // bytes; 0 if the size was not known before
	Err        error  // syscall.ENOSPC if there is no room
}

// Error names the archive, the folder and the reason.
func (e *UnpackError) Error() string {
	if e.Need > 0 {
		return fmt.Sprintf("%s: unpacking it in %s takes %d bytes or more, and %d are free", e.Path, e.Dir, e.Need, e.Free)
	}
	return fmt.Sprintf("%s: unpacking it in %s: %v", e.Path, e.Dir, e.Err)
}

// Unwrap returns the reason.
func (e *UnpackError) Unwrap() error { return e.Err }

// unpack copies an archive into a temporary file, decompressed, and opens it. need is how many bytes
// it has at least.
func unpack(ctx context.Context, name string, r io.Reader, need int64, toVerify bool) (*Archive, error) {
	in := bufio.NewReaderSize(&contextReader{ctx, r}, copyBuffer)
	content, err := decompress(name, in)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "transship-*.tar")
	if err != nil {
		return nil, &UnpackError{Path: name, Dir: os.TempDir(), Err: err}
	}
	v := &volumes{path: name, files: []volume{{File: f}}, temporary: f.Name()}
	os.Remove(f.Name()) // Windows removes no open file: there Close does
	if err = v.checkRoom(need); err == nil {
		err = v.fill(ctx, content, toVerify)
	}
	return newArchive(v, err)
}

// decompress returns what a stream holds, decompressed if it is compressed with gzip.
func decompress(name string, in *bufio.Reader) (io.Reader, error) {
	head, err := in.Peek(longestMagic)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	switch c := compressionOf(head); c.name {
	case "":
		return in, nil
	case gzipName:
		content, err := gzip.NewReader(in)
		if err != nil {
			return nil, gzipError(name, err)
		}
		return content, nil
	default:
		return nil, c.refuse(name, c.tool+" -c, before this in the pipe")
	}
}

// checkRoom returns an error if the file system of the temporary file has less room than that. Where
// that cannot be found out, writing will tell.
func (v *volumes) checkRoom(need int64) error {
	free, known := freeSpace(v.files[0].File)
	if !known || need <= free {
		return nil
	}
	return &UnpackError{Path: v.path, Dir: os.TempDir(), Need: need, Free: free, Err: syscall.ENOSPC}
}

// fill writes the temporary file.
func (v *volumes) fill(ctx context.Context, content io.Reader, toVerify bool) (err error) {
	out := &fileWriter{file: v.files[0].File}
	if toVerify {
		v.size, err = v.hashLarge(content, out)
	} else {
		v.size, err = io.CopyBuffer(out, content, make([]byte, copyBuffer))
	}
	v.files[0].size = v.size
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case out.err != nil:
		return &UnpackError{Path: v.path, Dir: os.TempDir(), Err: out.err}
	case err != nil:
		return gzipError(v.path, err)
	}
	return nil
}

// unpackedSize returns how many bytes a gzip file has at least when it is unpacked: hardly less than
// it has now, and what its last member says of itself, modulo 4 GiB (RFC 1952, section 2.3.1, ISIZE).
func (v *volumes) unpackedSize() int64 {
	var last [4]byte
	if _, err := v.ReadAt(last[:], v.size-int64(len(last))); err != nil {
		return v.size
	}
	return max(v.size, int64(binary.LittleEndian.Uint32(last[:])))
}

// gzipError is the error of reading a gzip stream.
func gzipError(name string, err error) error {
	var corrupt flate.CorruptInputError
	reason := ""
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		reason = "the file is cut short"
	case errors.Is(err, gzip.ErrHeader):
		reason = "it is no valid gzip file, or there are bytes after its end"
	case errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		reason = "it cannot be unpacked: " + err.Error()
	default:
		return fmt.Errorf("%s: %w", name, err)
	}
	return &ArchiveError{Path: name, Kind: ErrDamaged, Reason: reason}
}

// contextReader is a reader that fails once its context has ended, also where a Read does not return.
// That one goes on by itself, so that what it reads into may not be used for anything else.
type contextReader struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r *contextReader) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	done := make(chan result, 1)
	go func() {
		n, err := r.Reader.Read(p)
		done <- result{n, err}
	}()
	select {
	case got := <-done:
		return got.n, got.err
	case <-r.ctx.Done():
		return 0, context.Cause(r.ctx)
	}
}

// fileWriter remembers an error of its file, which tells it from one of what is copied there.
type fileWriter struct {
	file *os.File
	err  error
}

// Write implements io.Writer.
func (w *fileWriter) Write(p []byte) (n int, err error) {
	n, err = w.file.Write(p)
	return n, w.note(err)
}

// WriteAt implements io.WriterAt.
func (w *fileWriter) WriteAt(p []byte, offset int64) (n int, err error) {
	n, err = w.file.WriteAt(p, offset)
	return n, w.note(err)
}

// truncate gives the file its size.
func (w *fileWriter) truncate(size int64) error {
	return w.note(w.file.Truncate(size))
}

func (w *fileWriter) note(err error) error {
	if err != nil {
		w.err = err
	}
	return err
}

// compression is a way in which a whole archive may be compressed.
type compression struct{ name, magic, tool string }

const (
	gzipName     = "gzip"
	longestMagic = 6
)

// compressionOf returns the compression that a file with these first bytes has, or an empty one.
func compressionOf(head []byte) compression {
	for _, c := range []compression{
		{gzipName, "\x1f\x8b", "gunzip"}, {"zstd", "\x28\xb5\x2f\xfd", "unzstd"},
		{"xz", "\xfd7zXZ\x00", "unxz"}, {"bzip2", "BZh", "bunzip2"},
	} {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			return c
		}
	}
	return compression{}
}

// findCompression returns the compression of an archive, an empty one if it has none.
func findCompression(v *volumes) (compression, error) {
	head := make([]byte, longestMagic)
	n, err := v.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return compression{}, err
	}
	return compressionOf(head[:n]), nil
}

// refuse returns the error of an archive that has to be unpacked first, by that command.
func (c compression) refuse(path, command string) error {
	reason := fmt.Sprintf("it is compressed with %s; unpack it first, with %s", c.name, command)
	kind := ErrCompressed
	if c.name == gzipName {
		kind = ErrGzip
	}
	return &ArchiveError{Path: path, Kind: kind, Reason: reason}
}
