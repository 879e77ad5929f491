// Command deltas measures deltas between two layers, as several compressors make them (make deltas). The
// layers are the files of two folders of Debian packages; all folders have another time in the second.
//
//	deltas OLD NEW
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/pgzip"

	"github.com/hczjl/transship/blob/delta"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: deltas OLD NEW, two folders of .deb files")
		os.Exit(2)
	}
	if err := run(os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "deltas:", err)
		os.Exit(1)
	}
}

// producer is a way to compress a layer.
type producer struct {
	name     string
	compress func(w io.Writer, tar []byte) error
}

// producers returns those that can be had on this machine.
func producers() []producer {
	out := []producer{
		{"uncompressed", func(w io.Writer, b []byte) error { _, err := w.Write(b); return err }},
		{"Go, level 6 (docker, buildkit)", writer(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })},
		{"Go, level 1 (crane)", writer(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) })},
		{"Go, level 9 (estargz, umoci)", writer(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestCompression) })},
		{"members of 4 MiB, as estargz", members},
		{"pgzip (podman, buildah)", writer(func(w io.Writer) (io.WriteCloser, error) { return pgzip.NewWriter(w), nil })},
		{"klauspost/compress", writer(func(w io.Writer) (io.WriteCloser, error) { return kgzip.NewWriter(w), nil })},
	}
	zlib := "import sys,zlib; c=zlib.compressobj(6,8,31); d=sys.stdin.buffer.read(); " +
		"sys.stdout.buffer.write(c.compress(d)+c.flush())"
	for _, tool := range []struct {
		name string
		line []string
	}{{"GNU gzip", []string{"gzip", "-n"}}, {"pigz", []string{"pigz", "-n", "-p2"}}, {"zlib (Python)", []string{"python3", "-c", zlib}}} {
		if _, err := exec.LookPath(tool.line[0]); err != nil {
			fmt.Fprintln(os.Stderr, tool.name+" is not there")
			continue
		}
		out = append(out, producer{tool.name, func(w io.Writer, b []byte) error {
			c := exec.Command(tool.line[0], tool.line[1:]...)
			c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(b), w, os.Stderr
			return c.Run()
		}})
	}
	return out
}

// writer returns the compress of a producer that is a Go package.
func writer(open func(io.Writer) (io.WriteCloser, error)) func(io.Writer, []byte) error {
	return func(w io.Writer, b []byte) error {
		z, err := open(w)
		if err != nil {
			return err
		}
		if _, err := z.Write(b); err != nil {
			return err
		}
		return z.Close()
	}
}

// members compresses each 4 MiB to a gzip member of its own.
func members(w io.Writer, b []byte) error {
	for some := range slices.Chunk(b, 4<<20) {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(some); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
	}
	return nil
}

func run(out io.Writer, oldDir, newDir string) error {
	base, err := layer(oldDir, 0)
	if err != nil {
		return err
	}
	target, err := layer(newDir, 7*24*time.Hour)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "| compressed by | layer | delta | of the layer | save: CPU, of the layer | load: CPU, of the layer |\n")
	fmt.Fprintf(out, "|---|---|---|---|---|---|\n")
	for _, p := range producers() {
		if err := measure(out, p, base, target); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// measure prints the row of a producer.
func measure(out io.Writer, p producer, baseTar, targetTar []byte) error {
	var base, target, d bytes.Buffer
	if err := p.compress(&base, baseTar); err != nil {
		return err
	}
	if err := p.compress(&target, targetTar); err != nil {
		return err
	}
	before := cpu()
	if err := new(delta.Differ).Diff(&d, blobOf(base.Bytes()), blobOf(target.Bytes())); err != nil {
		return err
	}
	diff := cpu() - before
	before = cpu()
	r, err := delta.Patch(bytes.NewReader(base.Bytes()), bytes.NewReader(d.Bytes()))
	if err != nil {
		return err
	}
	defer r.Close()
	same := &comparer{rest: target.Bytes()}
	if _, err := io.Copy(same, r); err != nil {
		return err
	}
	patch := cpu() - before
	if len(same.rest) > 0 {
		return fmt.Errorf("the last %d bytes are missing", len(same.rest))
	}
	mb := func(n int) float64 { return float64(n) / 1e6 }
	_, err = fmt.Fprintf(out, "| %s | %.1f MB | %.2f MB | %.1f %% | %.0f MB/s | %.0f MB/s |\n", p.name, mb(target.Len()), mb(d.Len()),
		100*float64(d.Len())/float64(target.Len()), mb(target.Len())/diff.Seconds(), mb(target.Len())/patch.Seconds())
	return err
}

func blobOf(b []byte) delta.Blob { return delta.Blob{Reader: bytes.NewReader(b), Size: int64(len(b))} }

// comparer is an io.Writer that fails at the first byte that is not as it should be.
type comparer struct{ rest []byte }

// Write implements io.Writer.
func (c *comparer) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(c.rest, p) {
		return 0, fmt.Errorf("other bytes, %d before the end", len(c.rest))
	}
	c.rest = c.rest[len(p):]
	return len(p), nil
}

// cpu returns the processor time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// layer returns a tar of the files of all packages in a folder, sorted by name. Folders are later by
// the given time.
func layer(dir string, later time.Duration) ([]byte, error) {
	packages, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(packages) == 0 {
		return nil, fmt.Errorf("no .deb files in %s", dir)
	}
	files := map[string]entry{}
	for _, p := range packages {
		raw, err := exec.Command("dpkg-deb", "--fsys-tarfile", p).Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		if err := add(files, raw, later); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	return write(files)
}

// entry is a file of a layer.
type entry struct {
	header  *tar.Header
	content []byte
}

// add adds the files of a tar.
func add(files map[string]entry, raw []byte, later time.Duration) error {
	in := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			h.ModTime = time.Unix(1_764_000_000, 0).Add(later)
		}
		files[h.Name] = entry{h, content}
	}
}

// write returns the tar of all files, sorted.
func write(files map[string]entry) ([]byte, error) {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range names {
		f := files[name]
		if err := w.WriteHeader(f.header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}
