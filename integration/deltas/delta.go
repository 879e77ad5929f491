package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/hczjl/transship/blob/delta"
)

// diff writes the delta of two files.
func diff(basePath, targetPath, deltaPath string) error {
	base, err := open(basePath)
	if err != nil {
		return err
	}
	target, err := open(targetPath)
	if err != nil {
		return err
	}
	out, err := os.Create(deltaPath)
	if err != nil {
		return err
	}
	if err := new(delta.Differ).Diff(out, base, target); err != nil {
		return err
	}
	return out.Close()
}

func open(path string) (delta.Blob, error) {
	f, err := os.Open(path)
	if err != nil {
		return delta.Blob{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return delta.Blob{}, err
	}
	return delta.Blob{Reader: f, Size: info.Size()}, nil
}

// patch applies a delta, and compares all bytes with the target.
func patch(basePath, deltaPath, targetPath string) error {
	base, err := os.Open(basePath)
	if err != nil {
		return err
	}
	operations, err := os.Open(deltaPath)
	if err != nil {
		return err
	}
	target, err := os.Open(targetPath)
	if err != nil {
		return err
	}
	r, err := delta.Patch(base, operations)
	if err != nil {
		return err
	}
	defer r.Close()
	same := &comparer{want: target}
	if _, err := io.Copy(same, r); err != nil {
		return err
	}
	if n, _ := target.Read(make([]byte, 1)); n > 0 {
		return fmt.Errorf("bytes after %d are missing", same.n)
	}
	return nil
}

// comparer is an io.Writer that fails at other bytes than those of a reader.
type comparer struct {
	want io.Reader
	n    int64
	buf  []byte
}

// Write implements io.Writer.
func (c *comparer) Write(p []byte) (int, error) {
	c.buf = slices.Grow(c.buf[:0], len(p))[:len(p)]
	if _, err := io.ReadFull(c.want, c.buf); err != nil || !bytes.Equal(c.buf, p) {
		return 0, fmt.Errorf("other bytes after %d: %w", c.n, err)
	}
	c.n += int64(len(p))
	return len(p), nil
}
