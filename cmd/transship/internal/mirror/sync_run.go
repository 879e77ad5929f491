package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
)

// parallelLists is how many repositories are listed at a time.
const parallelLists = 8

// syncRun is the state of one run of sync.
type syncRun struct {
	*syncCommand
	run    *run.Run
	state  *syncState
	show   *image.Progress
	out    *image.Reporter
	engine *transfer.Engine
	places *image.Opener

	mu    sync.Mutex
	errs  []error            // of the results that failed
	kept  map[string]bool    // images under way that the target had, by the target's String and the reference there
	stays map[targetKey]bool // what --prune does not remove
}

func (c *syncCommand) newRun(r *run.Run, state *syncState, out *image.Reporter) *syncRun {
	s := &syncRun{
		syncCommand: c, run: r, state: state,
		show: image.NewProgress(r), out: out, places: image.NewCopyOpener(r),
		kept: map[string]bool{}, stays: map[targetKey]bool{},
	}
	s.show.PerImage, s.show.Report = true, s.out
	s.engine = r.Engine(c.jobs, s.event)
	s.engine.Platforms, s.engine.Available, s.engine.Referrers = c.platforms, c.available, c.referrers
	return s
}

func (s *syncRun) event(ev transfer.Event) {
	s.show.Event(ev)
	if ev.Kind == transfer.ImageDone && ev.Outcome == blob.Exists {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.kept[ev.Target+" "+ev.Ref] = true
	}
}

// copyAll copies the images of all lines. The images of a line start as soon as its source is
// listed; with --jobs 1 all is done in the order of the list.
func (s *syncRun) copyAll(ctx context.Context, lines []*syncLine) {
	var lists, images errgroup.Group
	lists.SetLimit(parallelLists)
	images.SetLimit(cli.ParallelImages)
	sequential := s.run.Jobs(s.jobs) == 1
	if sequential {
		lists.SetLimit(1)
		images.SetLimit(1)
	}
	for _, line := range lines {
		if line.elsewhere {
			continue
		}
		lists.Go(func() error {
			s.copyLine(ctx, line, &images)
			if sequential {
				_ = images.Wait()
			}
			return nil
		})
	}
	_ = lists.Wait() // errors are results
	_ = images.Wait()
}

// copyLine starts the copies of a line's images in the group.
func (s *syncRun) copyLine(ctx context.Context, line *syncLine, images *errgroup.Group) {
	if line.source.Tags == nil {
		origins, err := s.places.Select(ctx, s.src.ForHost(line.source.Ref.Host()), line.source)
		if err == nil {
			origins, err = line.lock.Keep(line.source, origins)
		}
		s.copyOrigins(ctx, line, origins, err, images)
		return
	}
	on := s.src.ForHost(line.source.Ref.Host())
	for tags, err := range line.lock.TagLists(ctx, on, line.source) {
		if err != nil {
			s.copyOrigins(ctx, line, nil, err, images)
			return
		}
		s.copyTags(ctx, line, on, tags, images)
	}
}

// openAtOnce is how many images of a repository are opened at a time: it may have a hundred thousand.
const openAtOnce = 100

// copyTags starts the copies of a repository's images in the group.
func (s *syncRun) copyTags(
	ctx context.Context, line *syncLine, on *run.Remote, tags image.TagList, images *errgroup.Group,
) {
	part, err := line, error(nil)
	if line.source.Repositories != "" {
		part, err = line.part(tags)
	}
	if s.prune {
		s.keepTags(part, tags.Matching)
		line.addPart(part)
	}
	if err = errors.Join(err, tags.Err); err != nil {
		s.copyOrigins(ctx, part, nil, err, images)
		return
	}
	for some := range slices.Chunk(tags.Selected, openAtOnce) {
		tags.Selected = some
		origins, err := s.places.SelectTags(ctx, on, tags)
		s.copyOrigins(ctx, part, origins, err, images)
	}
}

// copyOrigins starts the copies of a line's images in the group. err says why the images are unknown.
func (s *syncRun) copyOrigins(
	ctx context.Context, line *syncLine, origins []image.Origin, err error, images *errgroup.Group,
) {
	if err != nil {
		line.unlisted = true
		s.finish(ctx, SyncResult{Line: line.number, Source: line.source.String()}, err)
		return
	}
	var left atomic.Int32
	left.Store(int32(len(origins)))
	for _, o := range origins {
		images.Go(func() error {
			if ctx.Err() == nil {
				s.copyImage(ctx, line, o)
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

// copyImage copies one image to all its targets.
func (s *syncRun) copyImage(ctx context.Context, line *syncLine, o image.Origin) {
	result := SyncResult{Line: line.number, Source: o.String()}
	err := line.lock.Pin(ctx, &o)
	if err == nil {
		err = o.Admit(ctx, &s.gate)
		result.Signature = o.Signature
	}
	if err != nil {
		s.finish(ctx, result, err)
		return
	}
	targets, err := s.targets(ctx, line, &o)
	if err != nil {
		s.finish(ctx, result, err)
		return
	}
	if targets = s.withoutKept(ctx, line, o, targets); len(targets) == 0 {
		return
	}
	if digest, same := s.unchanged(ctx, o, targets); same {
		for _, l := range targets {
			result.Target, result.Digest, result.Status = l.String(), digest, SyncUnchanged
			if first, err := s.firstFor(line, l, o); first || err != nil {
				s.finish(ctx, result, err)
			}
		}
		return
	}
	var to []image.Destination
	src := o // o keeps its Identity
	for _, l := range targets {
		d, err := s.destination(ctx, line, o, &src, l)
		if err != nil {
			result.Target = l.String()
			s.finish(ctx, result, err)
			continue
		}
		if d.Target != nil {
			to = append(to, d)
			s.state.forget(d.Location.String())
		}
	}
	if len(to) == 0 {
		return
	}
	defer leaveAll(to)
	copied, errs, _ := copyTo(ctx, s.engine, src, to)
	for i, d := range to {
		result.Target, result.Status = d.Location.String(), s.status(d)
		result.MediaType, result.Digest, result.Size = copied.MediaType, copied.Digest, copied.Size
		if have, kept := s.show.Kept(d.Target, d.As); kept {
			result.MediaType, result.Digest, result.Size, result.Status = "", have, 0, SyncKept
		}
		s.finish(ctx, result, errs[i])
	}
}

// unchanged is that of the state. With --repair the targets are asked for what they have.
func (s *syncRun) unchanged(ctx context.Context, o image.Origin, targets []image.Location) (blob.Digest, bool) {
	if s.engine.Repair {
		return "", false
	}
	return s.state.unchanged(ctx, o, targets)
}

// targets returns the locations to copy o to. If the target is named by o's digest and --platform
// or --available cuts the image down, it collects o first to get the new digest.
func (s *syncRun) targets(ctx context.Context, line *syncLine, o *image.Origin) ([]image.Location, error) {
	if (len(s.platforms) > 0 || s.available) && o.Name.Digest != "" {
		if err := o.Collect(ctx, s.engine); err != nil {
			return nil, err
		}
	}
	return line.targets(o.Name)
}

// destination opens a target of o. Its Target is nil if another line copies the same image there. A
// layout that has to be created collects src, which is o to be read.
func (s *syncRun) destination(
	ctx context.Context, line *syncLine, o image.Origin, src *image.Origin, l image.Location,
) (image.Destination, error) {
	if first, err := s.firstFor(line, l, o); !first {
		return image.Destination{}, err
	}
	if l.IsNewLayout() {
		if err := src.Collect(ctx, s.engine); err != nil {
			return image.Destination{}, err
		}
	}
	d, err := s.places.Destination(ctx, s.dst.ForHost(l.Ref.Host()), l, *src)
	if err == nil {
		shareScope(src.Source, d.Target)
	}
	return d, err
}

// status returns whether the engine copied the image of d or found it there.
func (s *syncRun) status(d image.Destination) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(d.Target) + " " + d.As
	if !s.kept[key] {
		return SyncCopied
	}
	delete(s.kept, key)
	return SyncUnchanged
}
