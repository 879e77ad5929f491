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

	mu      sync.Mutex
	results []syncResult
	kept    map[string]bool   // what was there already, by the target's name and the reference there
	taken   map[string]string // the source of each target, so that no two images are put under one name
}

func (s *syncing) newRun(a *app, state *syncState) *syncRun {
	r := &syncRun{syncing: s, app: a, state: state, began: time.Now(), show: a.newProgress(), kept: map[string]bool{}, taken: map[string]string{}}
	r.show.many = true
	r.engine = &transfer.Engine{Jobs: a.jobs(s.jobs), Ranges: a.ranges(), Pace: a.pace(), Platforms: s.platforms, Referrers: s.referrers, OnEvent: r.event}
	return r
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
		return r.app.selected(ctx, r.src, line.what)
	}
	on := r.src.on(line.what.ref.Host())
	tags, all, err := line.what.tags(ctx, r.app, on)
	if err != nil {
		return nil, err
	}
	line.all = all
	return r.app.tagged(ctx, on, line.what, tags)
}

// copyOne copies one image to all its targets.
func (r *syncRun) copyOne(ctx context.Context, line *syncLine, o origin) {
	result := syncResult{Line: line.number, Source: o.String()}
	targets, err := line.targets(o.name)
	if err != nil {
		r.note(ctx, result, err)
		return
	}
	if digest, same := r.state.unchanged(ctx, o, targets); same {
		for _, l := range targets {
			r.take(l, o)
			r.note(ctx, syncResult{Line: line.number, Source: o.String(), Target: l.String(), Digest: digest, Status: syncUnchanged}, nil)
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

// destination opens a target. It has none where the same image went there by another line.
func (r *syncRun) destination(ctx context.Context, o origin, l location) (destination, error) {
	if first := r.take(l, o); first != "" {
		if first == o.String() {
			return destination{}, nil
		}
		return destination{}, fmt.Errorf("%s goes there too", first)
	}
	d, err := r.app.destination(ctx, r.dst.on(l.ref.Host()), l, o.name, nil, int64(r.chunk))
	if err == nil {
		shareScope(o.Source, d.Target)
	}
	return d, err
}

// take notes where an image goes, and returns the source of another one that goes there.
func (r *syncRun) take(l location, o origin) (other string) {
	key := l.String()
	r.mu.Lock()
	defer r.mu.Unlock()
	if other, taken := r.taken[key]; taken {
		return other
	}
	r.taken[key] = o.String()
	return ""
}

// status tells whether an image moved.
func (r *syncRun) status(d destination) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept[fmt.Sprint(d.Target)+" "+d.as] {
		return syncUnchanged
	}
	return syncCopied
}

// String is the image as people write it.
func (o origin) String() string {
	if o.name == (reference.Reference{}) {
		return fmt.Sprint(o.Source) + "@" + o.ref
	}
	return o.name.Familiar()
}
