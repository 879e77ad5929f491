package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/manifest"
)

// syncState is the file of --state: what earlier runs of sync copied where. It is trusted: if an
// image's source has not changed since, its targets are not asked. A nil state knows nothing. What this run
// copies is in the log alone until it ends, and not in memory.
type syncState struct {
	path  string
	shard image.Shard
	plan  bool                             // nothing is written
	warn  func(format string, args ...any) // prints what the run goes on without
	file  *os.File                         // nil if there is none
	rate  int64                            // bytes per second of the last run, 0 if it is not known

	mu       sync.Mutex
	log      runLog
	unlogged bytes.Buffer // as a log, what this run has finished since that cannot be written
	earlier  stateIndex   // of the file
	resumed  stateIndex   // of the log that a run that did not end has left
	fresh    bool         // that run is resumed: what it has copied is not even asked for at the source
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
		path: c.state, shard: c.shard, plan: r.Planning(), warn: r.Stderr.Line, log: runLog{path: c.state + runLogSuffix},
	}
	for _, path := range []string{s.path, s.log.path} {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return nil, &cli.UsageError{Message: fmt.Sprintf("--state: %s is no regular file", path)}
		}
	}
	if err := image.CheckFolder(s.path); err != nil {
		return nil, err
	}
	s.fresh = s.log.isFresh()
	if err := s.log.open(s.plan); err != nil {
		return nil, s.cannotWrite(err)
	}
	// The log is locked before the file is read: a run that ends in between would replace the file, and this run
	// put back what it has read before.
	if err := s.read(r); err != nil {
		s.log.leave(s.plan)
		return nil, err
	}
	return s, s.resume(r)
}

// read reads the file.
func (s *syncState) read(r *run.Run) (err error) {
	s.file, err = os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.earlier = stateIndex{file: s.file}
	head, err := decodeState(s.file, s.earlier.addNew)
	if err != nil {
		return fmt.Errorf("--state %s: %w; without the file all targets are asked", s.path, err)
	}
	s.rate = head.BytesPerSecond
	same, err := s.checkShard(r, head)
	if err == nil && !same {
		s.drop()
	}
	return err
}

// drop forgets what the file has.
func (s *syncState) drop() {
	if s.file != nil {
		s.file.Close()
	}
	s.file, s.earlier = nil, stateIndex{}
}

// checkShard refuses the state of another shard, and reports whether it is this one's. Where the number of
// shards or --sizes has changed it says what that costs: what another worker has copied since into a
// repository that was this one's is not in the file, so no entry is trusted.
func (s *syncState) checkShard(r *run.Run, head stateHead) (same bool, err error) {
	other := image.Shard{Sizes: head.Sizes}
	if head.Shard != "" && other.Set(head.Shard) != nil {
		return false, fmt.Errorf("--state %s: %q is no shard", s.path, head.Shard)
	}
	was, is := shardName(other), shardName(s.shard)
	switch {
	case was == is:
		return true, nil
	case other.Count == s.shard.Count && other.Index != s.shard.Index:
		return false, &cli.UsageError{
			Message: fmt.Sprintf("--state %s is of shard %s, and this is shard %s", s.path, head.Shard, &s.shard),
			Advice:  "give each shard a file of its own, such as --state state-$I.json",
		}
	}
	r.Note("%s is of %s, and this is %s: the target is asked for each image, once", s.path, was, is)
	return false, nil
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

// resume takes over what the log of a run that did not end has, and begins the log of this run. A folder
// in which nothing can be written is a usage error: it shows before the first call.
func (s *syncState) resume(r *run.Run) error {
	if s.log.file == nil {
		return nil
	}
	s.resumed = stateIndex{file: s.log.file}
	head, n, size, err := readLog(s.log.file, s.resumed.add)
	if err != nil {
		return fmt.Errorf("--state %s: %w; without the file the images of the run that did not end are asked for again",
			s.log.path, err)
	}
	if size > 0 {
		same, err := s.checkShard(r, head)
		if err != nil {
			return err
		}
		if !same { // of a run that did not end, with other workers
			s.drop()
			s.resumed, n, size = stateIndex{}, 0, 0
		}
	}
	if s.plan {
		return nil
	}
	if s.fresh && n > 0 {
		r.Note("resuming a run that did not end: it has finished %d image%s", n, cli.Plural(n))
	}
	if !s.fresh && size > 0 {
		if err := s.takeOver(r); err != nil {
			return err
		}
		size = 0
	}
	return s.cannotWrite(s.log.begin(size, s.head()))
}

// takeOver moves the images of the log to the file.
func (s *syncState) takeOver(r *run.Run) error {
	if err := s.write(); err != nil {
		return s.cannotWrite(err)
	}
	s.resumed = stateIndex{}
	return s.read(r)
}

// cannotWrite returns the error of a state or log that cannot be written, nil if err is.
func (s *syncState) cannotWrite(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errRunLogInUse) {
		return cli.WithHint(fmt.Errorf("--state %s: %w", s.path, errRunLogInUse),
			"wait for the other run to end, or give each run a file of its own")
	}
	return &cli.UsageError{
		Message: fmt.Sprintf("--state %s cannot be written: %v", s.path, err),
		Advice:  "make room for it, give a file elsewhere, or leave it out: each target is asked then",
	}
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
		im, finished := s.get(l.String())
		if im.Source != o.String() || i > 0 && im.Digest != digest {
			return "", false
		}
		digest, done = im.Digest, done && finished
	}
	return digest, done
}

// get returns the image that a target got from earlier runs, and whether the run that is resumed has
// finished it. What this run has copied since is not known.
func (s *syncState) get(target string) (im syncedImage, done bool) {
	if im, found := s.resumed.get(target); found {
		return im, s.fresh
	}
	im, _ = s.earlier.get(target)
	return im, false
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, done := s.get(im.Target); done && have == im && im.Digest != "" {
		return // the log has it
	}
	s.append(im)
}

// forget forgets what a target has before that may change. Else a run that is killed then would leave the
// image of an earlier run there.
func (s *syncState) forget(target string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, _ := s.get(target); have.Digest == "" {
		return
	}
	s.earlier.forget(target)
	s.resumed.forget(target)
	s.append(syncedImage{Target: target})
}

// append appends an image to the log. If that cannot be written it warns that the run cannot be resumed.
func (s *syncState) append(im syncedImage) {
	if s.plan {
		return
	}
	if s.unlogged.Len() == 0 {
		err := writeLine(s.log.file, im)
		if err == nil {
			return
		}
		s.warn("warning: %s; if this run is killed, the next one asks for its images again", cli.OneLine(err.Error()))
		_ = writeLine(&s.unlogged, s.head())
	}
	_ = writeLine(&s.unlogged, im)
}

// lastRate returns how many bytes per second the last run copied, 0 if it is not known.
func (s *syncState) lastRate() int64 {
	if s == nil {
		return 0
	}
	return s.rate
}
