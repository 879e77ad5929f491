package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// saving is the command save.
type saving struct {
	from      *remote
	out       string
	list      string
	since     string
	split     byteSize
	sum       bool
	platforms platformList
	referrers bool
	jobs      count
}

func saveCommand() command {
	return command{
		name: "save", args: "REF [REF...]", min: 0, max: -1,
		short: "write images into one tar, or into a folder, that carries them to a site without a network",
		long: `The tar is an OCI image layout that docker load, podman load, ctr image import, skopeo, oras and crane read too.
Every blob is in it once, verified. The same images make the same bytes. Beside FILE.tar lies FILE.tar.json, which says
what is in it. An interrupted save is gone on with by the same command. Of each volume, and with --sum of the whole tar,
standard output gets a line for sha256sum -c, and FILE.tar.json the digest.

REF is anything that copy takes as SRC; oci:DIR and oci-archive:FILE without an image are all the images there. -o DIR/ adds
the images to an OCI image layout in a folder, and -o - writes the tar to standard output.

--since leaves out the blobs that the far side has: it names an earlier bundle or its FILE.tar.json, or a registry, as
docker://HOST[/PREFIX], that load brought images to.`,
		example: `transship save -o monday.tar halohub/halo:1.6 alpine:3.20
transship save -o tuesday.tar --since monday.tar.json -f images.txt
transship save -o big.tar --split 4GiB halohub/halo:1.6`,
		setup: func(fs *flag.FlagSet, a *app) action {
			s := &saving{from: a.remoteFlags(fs, "", "the registry")}
			fs.StringVar(&s.out, "output", "", "write to this `file`, to a folder where it ends with a slash or is one, or to standard output where it is -")
			alias(fs, "o", "output")
			fs.StringVar(&s.list, "file", "", "save the images of a `list`, as sync reads it; what stands behind an image is its name in the bundle")
			alias(fs, "f", "file")
			fs.StringVar(&s.since, "since", "", "leave out the blobs of this earlier `bundle`, inventory or docker://registry")
			fs.Var(&s.split, "split", "write volumes of at most this `size`, such as 4GiB: FILE.001, FILE.002 and so on")
			fs.BoolVar(&s.sum, "sum", false, "take the tar's own SHA-256 too; all of it is read and hashed once more")
			fs.Var(&s.platforms, "platform", "save only these platforms of the images, as `os/arch[/variant],...`; may be repeated")
			fs.BoolVar(&s.referrers, "referrers", false, "save signatures, SBOMs and attestations that refer to the images too")
			a.jobsFlag(fs, &s.jobs, "fetch")
			a.rangesFlag(fs)
			a.paceFlags(fs)
			a.planFlag(fs)
			a.commonFlags(fs)
			a.verboseFlag(fs)
			return func(ctx context.Context, a *app, args []string) error { return hintFull(s.run(ctx, a, args)) }
		},
	}
}

func (s *saving) run(ctx context.Context, a *app, args []string) error {
	if err := s.check(a, args); err != nil {
		return err
	}
	places := &places{run: a}
	images, err := s.images(ctx, places, args)
	defer closeAll(images)
	if err != nil {
		return err
	}
	show := newProgress(a)
	engine := a.engine(s.jobs, show.event)
	engine.Platforms, engine.Referrers = s.platforms, s.referrers
	if err := distinctNames(ctx, engine, images); err != nil {
		return err
	}
	if a.planning() {
		return s.plan(ctx, a, engine, images)
	}
	if s.toFolder() {
		return s.fillFolder(ctx, a, engine, show, images)
	}
	b, err := s.collect(ctx, a, engine, images)
	if err != nil {
		return err
	}
	if s.out == "-" {
		return s.stream(ctx, a, engine, b)
	}
	return s.write(ctx, a, engine, show, b)
}

func (s *saving) toFolder() bool { return s.out != "-" && isFolder(s.out) }

// check refuses what makes no sense together.
func (s *saving) check(a *app, args []string) error {
	switch {
	case s.out == "":
		return &usageError{message: "-o is missing", advice: "-o FILE.tar writes a bundle, -o DIR/ a folder, -o - to standard output"}
	case len(args) == 0 && s.list == "":
		return &usageError{message: "there is nothing to save", advice: "name images, or a list of them with -f FILE"}
	case s.split > 0 && s.split < layout.LeastVolume:
		return &usageError{message: fmt.Sprintf("--split: volumes of %d bytes are too small", s.split), advice: "--split 4GiB makes volumes of that size"}
	case s.split > 0 && (s.out == "-" || s.toFolder()):
		return &usageError{message: "--split needs a file to write to", advice: "-o FILE.tar --split 4GiB writes FILE.tar.001 and so on"}
	case s.sum && (s.out == "-" || s.toFolder()):
		return &usageError{message: "--sum needs a file to write to", advice: "-o FILE.tar; standard output can be sent through sha256sum"}
	case s.since != "" && s.toFolder():
		return &usageError{message: "--since makes a bundle, and no folder", advice: "a folder is only added to: what it has is not fetched again"}
	case s.out == "-" && isTerminal(a.stdout.out):
		return &usageError{message: "standard output is a terminal", advice: "send it to a file or a pipe, or write -o FILE.tar"}
	case s.out != "-" && !s.toFolder():
		return checkFolder(s.out)
	}
	return nil
}

// checkFolder makes sure, before anything is fetched, that there is a folder for a file.
func checkFolder(file string) error {
	dir := filepath.Dir(file)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s cannot be written: there is no folder %s", file, dir)
	}
	return nil
}

// collect reads the manifests of all images, of each image once.
func (s *saving) collect(ctx context.Context, a *app, engine *transfer.Engine, images []savedImage) (*bundling, error) {
	closures := map[string]*transfer.Closure{}
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(a.atOnce(s.jobs))
	for _, im := range images {
		if closures[im.identity()] != nil {
			continue
		}
		closure := new(transfer.Closure)
		closures[im.identity()] = closure
		group.Go(func() (err error) {
			*closure, err = engine.Collect(inGroup, im.Source, im.ref)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	b := newBundling()
	for _, im := range images {
		for _, name := range im.names {
			b.add(im.Source, name, *closures[im.identity()])
		}
	}
	if s.since == "" {
		return b, nil
	}
	return b, s.leaveOut(ctx, a, b)
}

// write writes the bundle into a file, or into volumes.
func (s *saving) write(ctx context.Context, a *app, engine *transfer.Engine, show *progress, b *bundling) error {
	bundle, err := layout.Create(s.out, b.Contents, layout.Files{VolumeSize: int64(s.split), Sum: s.sum})
	if err != nil {
		return err
	}
	defer bundle.Close()
	stop := show.start()
	err = engine.Fill(ctx, b, bundle, b.missing())
	stop()
	if err != nil {
		return &unfinishedError{s.out, err}
	}
	in, err := bundle.Commit(ctx)
	if err != nil {
		return &unfinishedError{s.out, err}
	}
	a.note("saved %d image%s to %s: %s", len(in.Images), plural(len(in.Images)), s.out, show.amount("fetched"))
	for _, v := range in.Volumes {
		if v.Digest != "" {
			fmt.Fprintf(a.stdout, "%s  %s\n", v.Digest.Hex(), filepath.Join(filepath.Dir(s.out), v.File))
		}
	}
	return nil
}

// stream writes the bundle to standard output.
func (s *saving) stream(ctx context.Context, a *app, engine *transfer.Engine, b *bundling) error {
	began := time.Now()
	open := func(d manifest.Descriptor) blob.Open { return engine.Open(b, d) }
	in, err := layout.Stream(ctx, a.stdout, b.Contents, open)
	if err == nil {
		a.note("saved %d image%s to standard output in %s", len(in.Images), plural(len(in.Images)), formatDuration(time.Since(began)))
	}
	return err
}

// unfinishedError says that a bundle could not be finished. What was written is kept for the next try.
type unfinishedError struct {
	path string // of the bundle
	err  error
}

// Error is the reason.
func (e *unfinishedError) Error() string { return e.err.Error() }

// Unwrap returns the reason.
func (e *unfinishedError) Unwrap() error { return e.err }

// Hint implements [hinted]. A source archive that cannot be used, or an inner hint, comes first: the
// same command would fail again.
func (e *unfinishedError) Hint() string {
	if hint, ok := hintIn(e.err); ok {
		return hint
	}
	if errors.Is(e.err, transfer.ErrSeveral) {
		return severalHint
	}
	if isArchive(e.err) {
		return archiveHint(e.err)
	}
	return e.kept()
}

// kept says what is left of the bundle.
func (e *unfinishedError) kept() string {
	return fmt.Sprintf("what has come is kept in %s.partial: the same command goes on from there; remove it if you will not", e.path)
}
