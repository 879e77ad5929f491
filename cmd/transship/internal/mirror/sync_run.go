package mirror

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// listsAtOnce is how many repositories are listed side by side.
const listsAtOnce = 8

// syncRun is one run of sync.
type syncRun struct {
	*syncCommand
	run    *run.Run
	state  *syncState
	began  time.Time
	show   *image.Progress
	engine *transfer.Engine
	places *image.Places

	mu      sync.Mutex
	results []SyncResult
	kept    map[string]bool         // what was there already, by the target's name and the reference there
	owners  map[string]*targetOwner // the image of each target, so that no two are put under one name
}

func (c *syncCommand) newRun(r *run.Run, state *syncState) *syncRun {
	out := &syncRun{syncCommand: c, run: r, places: &image.Places{Run: r}, state: state, began: time.Now(), show: image.NewProgress(r), kept: map[string]bool{}, owners: map[string]*targetOwner{}}
	out.show.Many = true
	out.engine = r.Engine(c.jobs, out.event)
	out.engine.Platforms, out.engine.Referrers = c.platforms, c.referrers
	return out
}

func (r *syncRun) event(ev transfer.Event) {
	r.show.Event(ev)
	if ev.Kind == transfer.ImageDone && ev.Outcome == blob.Exists {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.kept[ev.Target+" "+ev.Ref] = true
	}
}

// copyAll copies the images of all lines. Those of a line begin as soon as it is known which they are, or with one job one
// after the other.
func (r *syncRun) copyAll(ctx context.Context, lines []*syncLine) {
	var lists, images errgroup.Group
	lists.SetLimit(listsAtOnce)
	images.SetLimit(cli.ImagesAtOnce)
	inTurn := r.run.Jobs(r.jobs) == 1
	if inTurn {
		lists.SetLimit(1)
		images.SetLimit(1)
	}
	for _, line := range lines {
		lists.Go(func() error {
			r.copyLine(ctx, line, &images)
			if inTurn {
				_ = images.Wait()
			}
			return nil
		})
	}
	_ = lists.Wait() // errors are results
	_ = images.Wait()
}

func (r *syncRun) copyLine(ctx context.Context, line *syncLine, images *errgroup.Group) {
	origins, err := r.origins(ctx, line)
	if err != nil {
		line.unknown = true
		r.note(ctx, SyncResult{Line: line.number, Source: line.what.String()}, err)
		return
	}
	var left atomic.Int32
	left.Store(int32(len(origins)))
	for _, o := range origins {
		images.Go(func() error {
			if ctx.Err() == nil {
				r.copyOne(ctx, line, o)
			}
			if left.Add(-1) == 0 {
				closeOrigins(origins) // they may share one tar
			}
			return nil
		})
	}
}

func closeOrigins(origins []image.Origin) {
	for _, o := range origins {
		o.Close()
	}
}

// origins opens what a line means.
func (r *syncRun) origins(ctx context.Context, line *syncLine) ([]image.Origin, error) {
	if line.what.Pattern == "" {
		return r.places.Selected(ctx, r.src, line.what)
	}
	on := r.src.ForHost(line.what.Ref.Host())
	tags, all, err := line.what.Tags(ctx, on)
	if err != nil {
		return nil, err
	}
	line.all = all
	return r.places.Tagged(ctx, on, line.what, tags)
}

// copyOne copies one image to all its targets.
func (r *syncRun) copyOne(ctx context.Context, line *syncLine, o image.Origin) {
	result := SyncResult{Line: line.number, Source: o.String()}
	targets, err := r.targets(ctx, line, &o)
	if err != nil {
		r.note(ctx, result, err)
		return
	}
	if digest, same := r.state.unchanged(ctx, o, targets); same {
		for _, l := range targets {
			result.Target, result.Digest, result.Status = l.String(), digest, SyncUnchanged
			if news, err := r.claim(l, o); news || err != nil {
				r.note(ctx, result, err)
			}
		}
		return
	}
	var to []image.Destination
	for _, l := range targets {
		d, err := r.destination(ctx, o, l)
		if err != nil {
			result.Target = l.String()
			r.note(ctx, result, err)
			continue
		}
		if d.Target != nil {
			to = append(to, d)
		}
	}
	if len(to) == 0 {
		return
	}
	defer leave(to)
	digest, errs := copyTo(ctx, r.engine, o, to)
	for i, d := range to {
		result.Target, result.Digest, result.Status = d.At.String(), digest, r.status(d)
		r.note(ctx, result, errs[i])
	}
}

// targets is where an image of the line goes. Of one that goes by its digest, while only a part of it is wanted, the part's
// digest has to be found out first.
func (r *syncRun) targets(ctx context.Context, line *syncLine, o *image.Origin) ([]image.Location, error) {
	if len(r.platforms) > 0 && o.Name.Digest != "" {
		if err := o.Collect(ctx, r.engine); err != nil {
			return nil, err
		}
	}
	return line.targets(o.Name)
}

// destination opens a target. It has none where the same image went there by another line.
func (r *syncRun) destination(ctx context.Context, o image.Origin, l image.Location) (image.Destination, error) {
	if news, err := r.claim(l, o); !news {
		return image.Destination{}, err
	}
	d, err := r.places.Destination(ctx, r.dst.ForHost(l.Ref.Host()), l, o)
	if err == nil {
		shareScope(o.Source, d.Target)
	}
	return d, err
}

// claim tells whether an image is the first that goes to a target. Where it goes there by another line that is no news, and
// where another image does it is an error.
func (r *syncRun) claim(l image.Location, o image.Origin) (news bool, err error) {
	first := r.setOwner(l, o)
	if first != nil && first.identity != o.Identity() {
		err = fmt.Errorf("%s goes there too", first.name)
	}
	return first == nil, err
}

// targetOwner is the image that goes to a target.
type targetOwner struct{ name, identity string }

// setOwner notes where an image goes, and returns the one that goes there already, nil where there is none.
func (r *syncRun) setOwner(l image.Location, o image.Origin) *targetOwner {
	key := l.String()
	switch {
	case l.Registry():
		key = targetKey(l.Ref)
	case l.Whole():
		as, _ := l.NameFor(o.Name) // it says nothing that could be wrong
		key += " " + as.String()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.owners[key]; first != nil {
		return first
	}
	r.owners[key] = &targetOwner{o.String(), o.Identity()}
	return nil
}

// targetKey tells targets on registries apart.
func targetKey(ref reference.Reference) string { return image.OnRegistry + ref.String() }

// status tells whether an image moved.
func (r *syncRun) status(d image.Destination) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept[fmt.Sprint(d.Target)+" "+d.As] {
		return SyncUnchanged
	}
	return SyncCopied
}
