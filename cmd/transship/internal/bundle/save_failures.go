package bundle

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
)

// failures are the images that cannot be saved. Its methods may be called concurrently.
type failures struct {
	mu   sync.Mutex
	list []failure
}

// failure is an image, or a line of the list, that cannot be saved.
type failure struct {
	line  int // of the list; 0 for an argument
	title string
	err   error
}

// add adds a failure. An error after ctx has ended is not the image's own: it is not counted.
func (f *failures) add(ctx context.Context, line int, title string, err error) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, failure{line, title, err})
}

// inLine returns the error with the number of its line.
func (f failure) inLine() error {
	if f.err == nil || f.line == 0 {
		return f.err
	}
	return fmt.Errorf("line %d: %w", f.line, f.err)
}

// print prints all failures in the order of the list.
func (f *failures) print(r *run.Run) {
	slices.SortStableFunc(f.list, func(a, b failure) int { return cmp.Compare(a.line, b.line) })
	for _, bad := range f.list {
		name := bad.title
		if bad.line > 0 {
			name = fmt.Sprintf("line %d: %s", bad.line, name)
		}
		r.PrintFailure(name, bad.err)
	}
}

// report adds the failures to a run's report.
func (f *failures) report(out *image.Reporter) {
	for _, bad := range f.list {
		out.Add(image.Result{Line: bad.line, Source: bad.title}, bad.err)
	}
}

// errs returns the errors.
func (f *failures) errs() (errs []error) {
	for _, bad := range f.list {
		errs = append(errs, bad.err)
	}
	return errs
}

// refuse prints the failures, and returns the error of a run that writes nothing because of them. saved is
// how many other images could be saved. Without failures, or if --keep-going saves those, it is nil.
func (c *saveCommand) refuse(r *run.Run, failed *failures, saved int) error {
	n := len(failed.list)
	switch {
	case n == 0:
		return nil
	case n == 1 && !(c.keepGoing && saved > 0):
		return failed.list[0].inLine()
	}
	failed.print(r)
	if c.keepGoing && saved > 0 {
		return nil
	}
	alike := r.Alike(&cli.PartialError{Failed: n, Total: n, Errs: failed.errs()})
	err := cli.Reword(alike, "%d of %d failed, and nothing is written", n, n+saved)
	if saved > 0 {
		return cli.WithHint(err, "correct them, or save the others with --keep-going")
	}
	return err
}

// keptGoing returns the error of a run that --keep-going has let save the other images, nil if none failed.
func (f *failures) keptGoing(r *run.Run, saved int) error {
	if len(f.list) == 0 {
		return nil
	}
	f.print(r) // again: much was printed since
	return &cli.PartialError{Failed: len(f.list), Total: len(f.list) + saved, Errs: f.errs()}
}

// collectedOnce is an image's manifests, read once for all its names.
type collectedOnce struct {
	sync.Once
	transfer.Closure
	err error
}

// check reads what shows that the images can be saved, before anything is written: all their manifests
// for a tar and for a layout that has to be created, and where --platform chooses among them; else of
// several for a folder whether the source has them, so that to save them once more costs a HEAD each. It returns those that can.
func (c *saveCommand) check(
	ctx context.Context, r *run.Run, engine *transfer.Engine, images []savedImage, failed *failures,
) []savedImage {
	c.collected = map[string]*collectedOnce{}
	several, toNew := len(images) > 1, !image.LayoutExists(c.out)
	images = c.forEach(ctx, r, images, failed, func(im *savedImage) error {
		if c.toFolder() && several && !toNew && len(c.platforms) == 0 {
			if err := im.Find(ctx); err != nil {
				return err
			}
		}
		if err := im.lock.Pin(ctx, &im.Origin); err != nil {
			return err
		}
		return im.Admit(ctx, &c.gate)
	})
	for _, im := range images {
		c.collected[c.contentKey(im)] = new(collectedOnce)
	}
	return c.forEach(ctx, r, images, failed, func(im *savedImage) error {
		return c.checkManifests(ctx, engine, im, toNew || several && len(c.platforms) > 0)
	})
}

// contentKey returns what is equal for images of which a bundle takes the same. What refers to an image is
// not the same in two repositories.
func (c *saveCommand) contentKey(im savedImage) string {
	if c.referrers {
		return fmt.Sprint(im.Source) + " " + im.Ref
	}
	return im.Identity()
}

// forEach calls check for each image, several at once, and returns those without an error.
func (c *saveCommand) forEach(
	ctx context.Context, r *run.Run, images []savedImage, failed *failures, check func(*savedImage) error,
) []savedImage {
	errs := make([]error, len(images))
	var group errgroup.Group
	group.SetLimit(r.ParallelImages(c.jobs))
	for i := range images {
		group.Go(func() error {
			if ctx.Err() == nil {
				errs[i] = check(&images[i])
			}
			return nil
		})
	}
	_ = group.Wait() // errs has the errors
	var good []savedImage
	for i, im := range images {
		if errs[i] != nil {
			failed.add(ctx, im.line, im.String(), errs[i])
			continue
		}
		good = append(good, im)
	}
	return good
}

// checkManifests reads the manifests of an image for a tar, and for a folder if collect is set.
func (c *saveCommand) checkManifests(ctx context.Context, engine *transfer.Engine, im *savedImage, collect bool) error {
	switch {
	case !c.toFolder():
		once := c.collected[c.contentKey(*im)]
		once.Do(func() { once.Closure, once.err = engine.Collect(ctx, im.Source, im.Ref) })
		return once.err
	case collect:
		return im.Collect(ctx, engine)
	}
	return nil // copying it is the check
}
