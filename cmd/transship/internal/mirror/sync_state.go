package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/manifest"
)

// syncState is the file of --state: what earlier runs of sync copied where. It is trusted: if an
// image's source has not changed since, its targets are not asked. A nil state knows nothing.
type syncState struct {
	path  string
	shard image.Shard
	log   runLog
	warn  func(format string, args ...any) // prints what the run goes on without

	mu     sync.Mutex
	images stateImages
	rate   int64 // bytes per second of the last run, 0 if it is not known
}

// openState reads the file of --state, and the log of a run that did not end. It returns nil without
// the flag, and an empty state if there is no file yet.
func (c *syncCommand) openState(ctx context.Context, r *run.Run) (*syncState, error) {
	if c.state == "" {
		return nil, nil
	}
	if len(c.platforms) > 0 || c.available || c.referrers {
		return nil, &cli.UsageError{
			Message: "--state knows only whole images: leave out --platform, --available and --referrers, or --state",
		}
	}
	s := &syncState{
		path: c.state, shard: c.shard, log: runLog{path: c.state + runLogSuffix}, warn: r.Stderr.Line,
	}
	if err := s.read(ctx, r); err != nil {
		return nil, err
	}
	return s, s.resume(ctx, r)
}

// read reads the file.
func (s *syncState) read(ctx context.Context, r *run.Run) error {
	file, err := cli.OpenFile(ctx, s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return image.CheckFolder(s.path)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	head, err := decodeState(file, s.add)
	if err != nil {
		return fmt.Errorf("--state %s: %w; without the file all targets are asked", s.path, err)
	}
	s.rate = head.BytesPerSecond
	return s.checkShard(r, head)
}

// add adds an image of the file.
func (s *syncState) add(im syncedImage) error {
	if _, twice := s.images.byTarget[im.Target]; twice {
		return fmt.Errorf("it has %q twice", im.Target)
	}
	s.images.set(im, false)
	return nil
}

// checkShard refuses the state of another shard. Where the number of shards or --sizes has changed it
// says what that costs: entries stay true, and a repository that this shard has not had is asked for.
func (s *syncState) checkShard(r *run.Run, head stateHead) error {
	other := image.Shard{Sizes: head.Sizes}
	if head.Shard != "" && other.Set(head.Shard) != nil {
		return fmt.Errorf("--state %s: %q is no shard", s.path, head.Shard)
	}
	was, is := shardName(other), shardName(s.shard)
	switch {
	case was == is:
		return nil
	case other.Count == s.shard.Count && other.Index != s.shard.Index:
		return &cli.UsageError{
			Message: fmt.Sprintf("--state %s is of shard %s, and this is shard %s", s.path, head.Shard, &s.shard),
			Advice:  "give each shard a file of its own, such as --state state-$I.json",
		}
	}
	r.Note("%s is of %s, and this is %s: the target is asked for repositories that are new here", s.path, was, is)
	return nil
}

func shardName(s image.Shard) string {
	switch {
	case s.Count == 0:
		return "a run without shards"
	case s.Sizes != "":
		return fmt.Sprintf("shard %s by --sizes %s", &s, s.Sizes.Short())
	}
	return "shard " + s.String()
}

// resume takes over what the log of a run that did not end has, and opens the log of this run. A folder
// in which nothing can be written is a usage error: it shows before the first call.
func (s *syncState) resume(ctx context.Context, r *run.Run) error {
	fresh := s.log.isFresh()
	head, n, size, err := readRunLog(ctx, s.log.path, func(im syncedImage) { s.images.set(im, fresh) })
	if err != nil {
		return fmt.Errorf("--state %s: %w; without the file the images of the run that did not end are asked for again",
			s.log.path, err)
	}
	if size > 0 {
		if err := s.checkShard(r, head); err != nil {
			return err
		}
	}
	if r.Planning() {
		return nil
	}
	if fresh && n > 0 {
		r.Note("resuming a run that did not end: it has finished %d image%s", n, cli.Plural(n))
	}
	if !fresh && size > 0 {
		size, err = 0, s.write()
	}
	if err == nil {
		err = s.log.open(size, s.head())
	}
	if err != nil {
		return &cli.UsageError{
			Message: fmt.Sprintf("--state %s cannot be written: %v", s.path, err),
			Advice:  "make room for it, give a file elsewhere, or leave it out: each target is asked then",
		}
	}
	return nil
}

// logFailed warns that the run cannot be resumed, and goes on without its log.
func (s *syncState) logFailed(err error) {
	_ = s.log.close(false)
	s.warn("warning: %s; if this run is killed, the next one asks for its images again", cli.OneLine(err.Error()))
}

// unchanged reports whether earlier runs copied the image that the source has now to all targets,
// and returns its digest. It asks the source at most once, and reports false if the source does not
// tell. What this run, before it was killed, has copied is not asked for.
func (s *syncState) unchanged(ctx context.Context, o image.Origin, targets []image.Location) (blob.Digest, bool) {
	digest, done := s.digest(o, targets)
	if digest == "" || done {
		return digest, done
	}
	if blob.Digest(o.Ref).Validate() == nil {
		return digest, o.Ref == string(digest)
	}
	source, ok := o.Source.(interface {
		HeadManifest(context.Context, string) (manifest.Descriptor, error)
	})
	if !ok {
		return "", false
	}
	d, err := source.HeadManifest(ctx, o.Ref)
	return digest, err == nil && d.Digest == digest
}

// digest returns the digest that all targets got from the source, "" if they did not all get the
// same, and whether they got it in the run that this one resumes.
func (s *syncState) digest(o image.Origin, targets []image.Location) (digest blob.Digest, done bool) {
	if s == nil {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	done = true
	for i, l := range targets {
		im, finished := s.images.get(l.String())
		if im.Source != o.String() || i > 0 && im.Digest != digest {
			return "", false
		}
		digest, done = im.Digest, done && finished
	}
	return digest, done
}

// update records what a target has now, and forgets a target where the image failed or was removed.
func (s *syncState) update(r SyncResult) {
	if s == nil || r.Target == "" || r.Status == SyncKept { // the digest of what is kept is not known
		return
	}
	im := syncedImage{Target: r.Target}
	if r.Status == SyncCopied || r.Status == SyncUnchanged {
		im.Source, im.Digest = r.Source, r.Digest
	}
	s.set(im)
}

// forget forgets what a target has before that may change. Else a run that is killed then would leave the
// image of an earlier run there.
func (s *syncState) forget(target string) {
	if s != nil {
		s.set(syncedImage{Target: target})
	}
}

func (s *syncState) set(im syncedImage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, done := s.images.get(im.Target)
	if have.Digest == "" && im.Digest == "" || done && have == im {
		return // the log has it
	}
	s.images.set(im, false)
	if err := s.log.write(im); err != nil {
		s.logFailed(err)
	}
}

// lastRate returns how many bytes per second the last run copied, 0 if it is not known.
func (s *syncState) lastRate() int64 {
	if s == nil {
		return 0
	}
	return s.rate
}

// save replaces the file atomically. The log is kept if the run was interrupted, or the file could not be
// replaced.
func (s *syncState) save(interrupted bool, rate int64) error {
	if s == nil {
		return nil
	}
	s.rate = cmp.Or(rate, s.rate)
	if err := s.write(); err != nil {
		_ = s.log.close(false)
		return cli.WithHint(fmt.Errorf("--state %s cannot be replaced: %v", s.path, err), // not the error of a target
			"the next run does so, and asks only for what "+s.log.path+" lacks; make room for both")
	}
	return s.log.close(!interrupted)
}

func (s *syncState) head() stateHead {
	return stateHead{Version: syncStateVersion, Shard: s.shard.String(), Sizes: s.shard.Sizes}
}

func (s *syncState) write() error {
	head := s.head()
	head.BytesPerSecond = s.rate
	return cli.ReplaceFileBy(s.path, 0o600, func(w io.Writer) error { return encodeState(w, head, s.images.all()) })
}
