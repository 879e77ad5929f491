package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// listsAtOnce is how many repositories are listed side by side.
const listsAtOnce = 8

// syncRun is one run of sync.
type syncRun struct {
	*syncing
	app    *app
	state  *syncState
	began  time.Time
	show   *progress
	engine *transfer.Engine
	places *places

	mu      sync.Mutex
	results []syncResult
	kept    map[string]bool   // what was there already, by the target's name and the reference there
	taken   map[string]*taker // the image of each target, so that no two are put under one name
}

func (s *syncing) newRun(a *app, state *syncState) *syncRun {
	out := &syncRun{syncing: s, app: a, places: &places{run: a}, state: state, began: time.Now(), show: newProgress(a), kept: map[string]bool{}, taken: map[string]*taker{}}
	out.show.many = true
	out.engine = a.engine(s.jobs, out.event)
	out.engine.Platforms, out.engine.Referrers = s.platforms, s.referrers
	return out
}

func (r *syncRun) event(ev transfer.Event) {
	r.show.event(ev)
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
	images.SetLimit(imagesAtOnce)
	inTurn := r.app.jobs(r.jobs) == 1
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
		r.note(ctx, syncResult{Line: line.number, Source: line.what.String()}, err)
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

func closeOrigins(origins []origin) {
	for _, o := range origins {
		o.close()
	}
}

// origins opens what a line means.
func (r *syncRun) origins(ctx context.Context, line *syncLine) ([]origin, error) {
	if line.what.pattern == "" {
		return r.places.selected(ctx, r.src, line.what)
	}
	on := r.src.forHost(line.what.ref.Host())
	tags, all, err := line.what.tags(ctx, on)
	if err != nil {
		return nil, err
	}
	line.all = all
	return r.places.tagged(ctx, on, line.what, tags)
}

// copyOne copies one image to all its targets.
func (r *syncRun) copyOne(ctx context.Context, line *syncLine, o origin) {
	result := syncResult{Line: line.number, Source: o.String()}
	targets, err := r.targets(ctx, line, &o)
	if err != nil {
		r.note(ctx, result, err)
		return
	}
	if digest, same := r.state.unchanged(ctx, o, targets); same {
		for _, l := range targets {
			result.Target, result.Digest, result.Status = l.String(), digest, syncUnchanged
			if news, err := r.claim(l, o); news || err != nil {
				r.note(ctx, result, err)
			}
		}
		return
	}
	var to []destination
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
		result.Target, result.Digest, result.Status = d.at.String(), digest, r.status(d)
		r.note(ctx, result, errs[i])
	}
}

// targets is where an image of the line goes. Of one that goes by its digest, while only a part of it is wanted, the part's
// digest has to be found out first.
func (r *syncRun) targets(ctx context.Context, line *syncLine, o *origin) ([]location, error) {
	if len(r.platforms) > 0 && o.name.Digest != "" {
		if err := o.collect(ctx, r.engine); err != nil {
			return nil, err
		}
	}
	return line.targets(o.name)
}

// destination opens a target. It has none where the same image went there by another line.
func (r *syncRun) destination(ctx context.Context, o origin, l location) (destination, error) {
	if news, err := r.claim(l, o); !news {
		return destination{}, err
	}
	d, err := r.places.destination(ctx, r.dst.forHost(l.ref.Host()), l, o)
	if err == nil {
		shareScope(o.Source, d.Target)
	}
	return d, err
}

// claim tells whether an image is the first that goes to a target. Where it goes there by another line that is no news, and
// where another image does it is an error.
func (r *syncRun) claim(l location, o origin) (news bool, err error) {
	first := r.take(l, o)
	if first != nil && first.identity != o.identity() {
		err = fmt.Errorf("%s goes there too", first.name)
	}
	return first == nil, err
}

// taker is the image that goes to a target.
type taker struct{ name, identity string }

// take notes where an image goes, and returns the one that goes there already, nil where there is none.
func (r *syncRun) take(l location, o origin) *taker {
	key := l.String()
	switch {
	case l.registry():
		key = targetKey(l.ref)
	case l.whole():
		as, _ := l.nameFor(o.name) // it says nothing that could be wrong
		key += " " + as.String()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.taken[key]; first != nil {
		return first
	}
	r.taken[key] = &taker{o.String(), o.identity()}
	return nil
}

// targetKey tells targets on registries apart.
func targetKey(ref reference.Reference) string { return onRegistry + ref.String() }

// status tells whether an image moved.
func (r *syncRun) status(d destination) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept[fmt.Sprint(d.Target)+" "+d.as] {
		return syncUnchanged
	}
	return syncCopied
}
