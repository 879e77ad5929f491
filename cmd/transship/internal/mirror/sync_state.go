package mirror

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
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
	images map[string]syncedImage // by target
	done   map[string]bool        // targets that a run which did not end, and is resumed, has finished
	rate   int64                  // bytes per second of the last run, 0 if it is not known
}

// syncedImage is an image in a [syncStateFile].
type syncedImage struct {
	Target string      `json:"target"`
	Source string      `json:"source"`
	Digest blob.Digest `json:"digest"`
}

// syncStateFile is the file's JSON.
type syncStateFile struct {
	stateHead
	// BytesPerSecond is how fast the last run copied, for the hours of --plan.
	BytesPerSecond int64         `json:"bytesPerSecond,omitempty"`
	Images         []syncedImage `json:"images"`
}

// stateHead is what --state's file begins with, and the first line of a [runLog].
type stateHead struct {
	Version int    `json:"version"`
	Shard   string `json:"shard,omitempty"` // that of --shard, "" for a run that took all repositories
}

// syncStateVersion is the file's version. It goes up with a change that an older reader must not
// ignore.
const syncStateVersion = 1

// maxState is the maximum size of the file in bytes. An image takes some 300.
const maxState = 256 << 20

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
		images: map[string]syncedImage{}, done: map[string]bool{},
	}
	if err := s.read(ctx, r); err != nil {
		return nil, err
	}
	return s, s.resume(ctx, r)
}

// read reads the file.
func (s *syncState) read(ctx context.Context, r *run.Run) error {
	raw, err := cli.ReadFile(ctx, s.path, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return image.CheckFolder(s.path)
	}
	if err != nil {
		return err
	}
	file, err := decodeState([]byte(raw))
	if err != nil {
		return fmt.Errorf("--state %s: %w; without the file all targets are asked", s.path, err)
	}
	for _, im := range file.Images {
		s.images[im.Target] = im
	}
	s.rate = file.BytesPerSecond
	return s.checkShard(r, file.Shard)
}

// checkShard refuses the state of another shard. Where the number of shards has changed it says what
// that costs: entries stay true, and a repository that this shard has not had is asked for.
func (s *syncState) checkShard(r *run.Run, of string) error {
	var other image.Shard
	if of != "" && other.Set(of) != nil {
		return fmt.Errorf("--state %s: %q is no shard", s.path, of)
	}
	switch {
	case other == s.shard:
		return nil
	case other.Count == s.shard.Count:
		return &cli.UsageError{
			Message: fmt.Sprintf("--state %s is of shard %s, and this is shard %s", s.path, of, &s.shard),
			Advice:  "give each shard a file of its own, such as --state state-$I.json",
		}
	}
	r.Note("%s is of %s, and this is %s: the target is asked for repositories that are new here",
		s.path, shardName(other), shardName(s.shard))
	return nil
}

func shardName(s image.Shard) string {
	if s.Count == 0 {
		return "a run without shards"
	}
	return "shard " + s.String()
}

// resume takes over what the log of a run that did not end has, and opens the log of this run. A log
// that cannot be written is a warning.
func (s *syncState) resume(ctx context.Context, r *run.Run) error {
	head, images, size, err := readRunLog(ctx, s.log.path)
	if err != nil {
		return fmt.Errorf("--state %s: %w; without the file the images of the run that did not end are asked for again",
			s.log.path, err)
	}
	if size > 0 {
		if err := s.checkShard(r, head.Shard); err != nil {
			return err
		}
	}
	fresh := s.log.isFresh()
	for _, im := range images {
		s.set(im)
		s.done[im.Target] = fresh && im.Digest != ""
	}
	if r.Planning() {
		return nil
	}
	if n := len(images); fresh && n > 0 {
		r.Note("resuming a run that did not end: it has finished %d image%s", n, cli.Plural(n))
	}
	if !fresh && size > 0 {
		size = 0
		if err := s.write(); err != nil {
			return err
		}
	}
	if err := s.log.open(size, s.head()); err != nil {
		s.logFailed(err)
	}
	return nil
}

// logFailed warns that the run cannot be resumed, and goes on without its log.
func (s *syncState) logFailed(err error) {
	_ = s.log.close(false)
	s.warn("warning: %s; if this run is killed, the next one asks for its images again", cli.OneLine(err.Error()))
}

// decodeState parses the file.
func decodeState(raw []byte) (file syncStateFile, err error) {
	if err := manifest.Decode(raw, &file); err != nil {
		return file, err
	}
	if file.Version != syncStateVersion {
		return file, fmt.Errorf("it has version %d, and this program reads version %d", file.Version, syncStateVersion)
	}
	known := make(map[string]bool, len(file.Images))
	for _, im := range file.Images {
		if known[im.Target] {
			return file, fmt.Errorf("it has %q twice", im.Target)
		}
		known[im.Target] = true
		if err := im.Digest.Validate(); err != nil {
			return file, fmt.Errorf("%q: %w", im.Target, err)
		}
	}
	return file, nil
}

// encode returns the file, with the images sorted by target.
func (f syncStateFile) encode() ([]byte, error) {
	slices.SortFunc(f.Images, func(a, b syncedImage) int { return strings.Compare(a.Target, b.Target) })
	raw, err := json.MarshalIndent(f, "", " ")
	return append(raw, '\n'), err
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
	first, done := s.images[targets[0].String()].Digest, true
	for _, l := range targets {
		im := s.images[l.String()]
		if im.Source != o.String() || im.Digest != first {
			return "", false
		}
		done = done && s.done[im.Target]
	}
	return first, done
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
	if s.set(im); s.done[im.Target] {
		return // the log has it
	}
	if err := s.log.write(im); err != nil {
		s.logFailed(err)
	}
}

// set records an image; one without a digest is forgotten.
func (s *syncState) set(im syncedImage) {
	if im.Digest == "" {
		delete(s.images, im.Target)
		return
	}
	s.images[im.Target] = im
}

// lastRate returns how many bytes per second the last run copied, 0 if it is not known.
func (s *syncState) lastRate() int64 {
	if s == nil {
		return 0
	}
	return s.rate
}

// save replaces the file atomically. The log is kept if the run was interrupted.
func (s *syncState) save(interrupted bool, rate int64) error {
	if s == nil {
		return nil
	}
	s.rate = cmp.Or(rate, s.rate)
	return errors.Join(s.write(), s.log.close(!interrupted))
}

func (s *syncState) head() stateHead { return stateHead{syncStateVersion, s.shard.String()} }

func (s *syncState) write() error {
	file := syncStateFile{stateHead: s.head(), BytesPerSecond: s.rate}
	file.Images = slices.AppendSeq(make([]syncedImage, 0, len(s.images)), maps.Values(s.images))
	raw, err := file.encode()
	if err != nil {
		return err
	}
	return cli.ReplaceFile(s.path, raw, 0o600)
}
