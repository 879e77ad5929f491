package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	version := flag.String("version", "", "the version to build, such as v0.2.0; it must be that of the source")
	source := flag.String("source", "..", "the repository")
	out := flag.String("out", "../dist", "the folder to write; what it has is replaced")
	only := flag.String("targets", "", "build only these targets, such as linux/amd64,linux/arm/v7 (default: all)")
	flag.Parse()
	if err := run(ctx, *source, *out, *version, *only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run builds a release of the commit that is checked out in source.
func run(ctx context.Context, source, out, version, only string) error {
	targets, err := chosen(only)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "transship-release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	src, err := clone(ctx, source, filepath.Join(tmp, "source"), version)
	if err != nil {
		return err
	}
	r := &release{source: src, version: strings.TrimPrefix(version, "v"), work: tmp, out: out}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	return r.build(ctx, targets)
}

// release is a release that is being built.
type release struct {
	source  checkout
	version string // without v
	work    string // a temporary folder
	out     string
	assets  []file // what every archive and package has beside the program
}

// name returns the beginning of the names of a target's files.
func (r *release) name(t target) string {
	return fmt.Sprintf("transship_%s_%s_%s", r.version, t.os, strings.ReplaceAll(t.arch+t.variant, "/", ""))
}

// path returns the path of a file of the release.
func (r *release) path(name string) string { return filepath.Join(r.out, name) }

// created returns the time of everything in the release: that of the commit.
func (r *release) created() time.Time { return r.source.time }

func (r *release) build(ctx context.Context, targets []target) error {
	host, err := r.compile(ctx, hostTarget())
	if err != nil {
		return err
	}
	if r.assets, err = r.collectAssets(ctx, host); err != nil {
		return err
	}
	var programs []program
	for _, t := range targets {
		p, err := r.compile(ctx, t)
		if err != nil {
			return err
		}
		programs = append(programs, p)
		if err := r.publish(p); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		fmt.Fprintln(os.Stderr, "built", r.name(t))
	}
	if err := r.image(ctx, host, programs); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	return r.sums()
}

// publish writes the files of one target.
func (r *release) publish(p program) error {
	steps := []func(program) error{r.archive, r.sbom}
	if p.os == "linux" {
		steps = append(steps, r.deb, r.rpm)
	}
	var errs []error
	for _, step := range steps {
		errs = append(errs, step(p))
	}
	return errors.Join(errs...)
}

// chosen returns the targets that a comma-separated list names, all of them if it is empty.
func chosen(list string) ([]target, error) {
	if list == "" {
		return allTargets(), nil
	}
	var out []target
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(allTargets(), func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no target %q", name)
		}
		out = append(out, allTargets()[i])
	}
	return out, nil
}
