// Command deltas measures deltas between two layers, as several compressors make them (make deltas). The
// layers are the files of two folders of Debian packages, of which all folders have another time in the
// second, or else the files of two folders. Each delta is made and applied by a process of its own, for its
// processor time and the most memory it had resident.
//
//	deltas OLD NEW
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	err := errUsage
	switch {
	case len(os.Args) == 3:
		err = run(os.Stdout, os.Args[1], os.Args[2])
	case len(os.Args) == 5 && os.Args[1] == "-diff":
		err = diff(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) == 5 && os.Args[1] == "-patch":
		err = patch(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) == 5 && os.Args[1] == "-layer":
		err = layer(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) == 5 && os.Args[1] == "-compress":
		err = compress(os.Args[2], os.Args[3], os.Args[4])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "deltas:", err)
		os.Exit(1)
	}
}

var errUsage = fmt.Errorf("usage: deltas OLD NEW, two folders of .deb files, or of other files")

func run(out io.Writer, oldDir, newDir string) error {
	dir, err := os.MkdirTemp("", "deltas-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// All work is that of other processes: one begins with the memory of its parent.
	base, target := filepath.Join(dir, "base"), filepath.Join(dir, "target")
	for _, l := range [][]string{{base, oldDir, "0s"}, {target, newDir, "168h"}} {
		if _, err := runMeasured(self, "-layer", l[0]+".tar", l[1], l[2]); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "| compressed by | layer | delta | of the layer | save | memory | load | memory |\n")
	fmt.Fprintf(out, "|---|---|---|---|---|---|---|---|\n")
	for _, p := range producers() {
		for _, name := range []string{base, target} {
			if _, err := runMeasured(self, "-compress", p.name, name+".tar", name+".blob"); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		if err := measure(out, self, p.name, base+".blob", target+".blob", filepath.Join(dir, "delta")); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return floors(out, base+".tar", target+".tar", filepath.Join(dir, "delta"))
}

// measure prints the row of a producer.
func measure(out io.Writer, self, name, base, target, delta string) error {
	made, err := runMeasured(self, "-diff", base, target, delta)
	if err != nil {
		return err
	}
	applied, err := runMeasured(self, "-patch", base, delta, target)
	if err != nil {
		return err
	}
	size := fileSize(target)
	speed := func(u usage) string { return fmt.Sprintf("%.0f MB/s | %.0f MiB", size/u.cpu.Seconds(), u.peak) }
	_, err = fmt.Fprintf(out, "| %s | %.1f MB | %.2f MB | %.1f %% | %s | %s |\n", name, size, fileSize(delta),
		100*fileSize(delta)/size, speed(made), speed(applied))
	return err
}

// floors prints the rows of tools that compare the tars, whose layers would have another digest.
func floors(out io.Writer, base, target, delta string) error {
	for _, line := range [][]string{
		{"xdelta3", "-e", "-f", "-B", "536870912", "-s", base, target, delta},
		{"zstd", "-q", "-f", "--long=31", "--patch-from", base, target, "-o", delta},
	} {
		if _, err := exec.LookPath(line[0]); err != nil {
			fmt.Fprintln(os.Stderr, line[0]+" is not there")
			continue
		}
		u, err := runMeasured(line[0], line[1:]...)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s, of the tars | %.1f MB | %.2f MB | %.1f %% | %.0f MB/s | %.0f MiB | | |\n", line[0], fileSize(target),
			fileSize(delta), 100*fileSize(delta)/fileSize(target), fileSize(target)/u.cpu.Seconds(), u.peak)
	}
	return nil
}

// usage is what a process took.
type usage struct {
	cpu  time.Duration
	peak float64 // MiB resident
}

func runMeasured(name string, args ...string) (usage, error) {
	c := exec.Command(name, args...)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return usage{}, fmt.Errorf("%s: %w", name, err)
	}
	peak := float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
	return usage{c.ProcessState.UserTime() + c.ProcessState.SystemTime(), peak}, nil
}

// fileSize returns the size of a file in MB.
func fileSize(path string) float64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return float64(info.Size()) / 1e6
}
