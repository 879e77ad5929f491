package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"github.com/containerd/stargz-snapshotter/estargz"
	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/pgzip"
)

// producer is a way to compress a layer.
type producer struct {
	name     string
	compress func(w io.Writer, tar *os.File) error
}

// producers returns those that can be had on this machine.
func producers() []producer {
	out := []producer{
		{"nothing", func(w io.Writer, tar *os.File) error { _, err := io.Copy(w, tar); return err }},
		goGzip("Go's gzip, level 6 (docker, buildkit)", gzip.DefaultCompression),
		goGzip("Go's gzip, level 1 (crane)", gzip.BestSpeed),
		goGzip("Go's gzip, level 9", gzip.BestCompression),
		{"estargz (nerdctl, buildkit)", stargz},
		parallel("pgzip, blocks of 1 MiB (podman, buildah)", 1<<20),
		parallel("pgzip, blocks of 256 KiB (umoci)", 256<<10),
		{"klauspost/compress", writer(func(w io.Writer) (io.WriteCloser, error) { return kgzip.NewWriter(w), nil })},
	}
	zlib := "import sys,zlib; c=zlib.compressobj(6,8,31); d=sys.stdin.buffer.read(); " +
		"sys.stdout.buffer.write(c.compress(d)+c.flush())"
	for _, tool := range []struct {
		name string
		line []string
	}{
		{"GNU gzip", []string{"gzip", "-n"}}, {"pigz", []string{"pigz", "-n", "-p2"}}, {"zlib", []string{"python3", "-c", zlib}},
		{"libdeflate", []string{"libdeflate-gzip", "-c"}}, {"igzip", []string{"igzip", "-c", "-n"}},
	} {
		if _, err := exec.LookPath(tool.line[0]); err != nil {
			fmt.Fprintln(os.Stderr, tool.name+" is not there")
			continue
		}
		out = append(out, producer{tool.name, func(w io.Writer, tar *os.File) error {
			c := exec.Command(tool.line[0], tool.line[1:]...)
			c.Stdin, c.Stdout, c.Stderr = tar, w, os.Stderr
			return c.Run()
		}})
	}
	return out
}

func goGzip(name string, level int) producer {
	return producer{name, writer(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, level) })}
}

func parallel(name string, block int) producer {
	return producer{name, writer(func(w io.Writer) (io.WriteCloser, error) {
		z := pgzip.NewWriter(w)
		return z, z.SetConcurrency(block, 2*runtime.NumCPU())
	})}
}

// writer returns the compress of a producer that is a Go package.
func writer(open func(io.Writer) (io.WriteCloser, error)) func(io.Writer, *os.File) error {
	return func(w io.Writer, tar *os.File) error {
		z, err := open(w)
		if err != nil {
			return err
		}
		if _, err := io.Copy(z, tar); err != nil {
			return err
		}
		return z.Close()
	}
}

// stargz compresses each file, and each 4 MiB of one, to a gzip member of its own.
func stargz(w io.Writer, tar *os.File) error {
	info, err := tar.Stat()
	if err != nil {
		return err
	}
	b, err := estargz.Build(io.NewSectionReader(tar, 0, info.Size()))
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = io.Copy(w, b)
	return err
}

// compress writes a tar as the producer of a name compresses it.
func compress(name, tar, path string) error {
	all := producers()
	i := slices.IndexFunc(all, func(p producer) bool { return p.name == name })
	if i < 0 {
		return fmt.Errorf("no producer %q", name)
	}
	in, err := os.Open(tar)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := all[i].compress(out, in); err != nil {
		return err
	}
	return out.Close()
}
