package image

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution/reference"
)

// LockFlags are --lock and --locked.
type LockFlags struct{ write, read string }

// Register registers the flags. done is the participle of what the command does: copied or saved.
func (f *LockFlags) Register(fs *flag.FlagSet, done string) {
	fs.StringVar(&f.write, "lock", "",
		"write the digest of each image to this `file`, once all are "+done)
	fs.StringVar(&f.read, "locked", "",
		"take exactly the images that this `file` of --lock has; a tag that has moved since fails with exit code 7")
}

// Locked reports whether --locked is given.
func (f *LockFlags) Locked() bool { return f.read != "" }

// Open reads the file of --locked, or checks that the file of --lock can be written. Without the flags it
// returns nil. referrers reports whether what refers to the images is taken too, which no lock has.
func (f *LockFlags) Open(ctx context.Context, referrers bool) (*Lock, error) {
	switch {
	case f.write == "" && f.read == "":
		return nil, nil
	case f.write != "" && f.read != "":
		return nil, &cli.UsageError{
			Message: "--lock and --locked cannot be used together",
			Advice:  "--lock writes a lock, --locked demands what it has",
		}
	case referrers:
		return nil, &cli.UsageError{
			Message: "a lock has no referrers, whose number may grow from run to run",
			Advice:  "leave out --referrers, or --lock and --locked",
		}
	}
	l := &Lock{path: f.read, demand: f.read != "", lines: map[lockKey]*LockLine{}, digests: map[string]blob.Digest{}}
	if l.demand {
		return l, l.read(ctx)
	}
	l.path = f.write
	info, err := os.Stat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, CheckFolder(l.path)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &cli.UsageError{Message: fmt.Sprintf("--lock: %s is no regular file", l.path)}
	}
	return l, nil
}

// Lock has the digests of the images that the lines of a list select. It records them for --lock, and
// demands them for --locked. A nil Lock does neither. Its methods may be called concurrently.
type Lock struct {
	path   string
	demand bool // for --locked

	mu      sync.Mutex
	lines   map[lockKey]*LockLine
	digests map[string]blob.Digest // of --lock: by name, so that all lines take the same image
}

// lockKey is a line of a list: what its source selects.
type lockKey struct {
	source string
	latest int
}

// LockLine has the images of one line. A nil LockLine records and demands nothing.
type LockLine struct {
	lock   *Lock
	images map[string]blob.Digest // by name
}

// Line returns the line of a selection. It is a usage error if --locked demands one that the file does not
// have.
func (l *Lock) Line(s Selection) (*LockLine, error) {
	if l == nil {
		return nil, nil
	}
	key := lockKey{s.String(), s.Latest}
	if line := l.lines[key]; line != nil {
		return line, nil
	}
	if l.demand {
		return nil, &cli.UsageError{
			Message: fmt.Sprintf("%s is not in %s", s, l.path),
			Advice:  renewLock,
		}
	}
	l.lines[key] = &LockLine{lock: l, images: map[string]blob.Digest{}}
	return l.lines[key], nil
}

// renewLock is the hint of errors for a lock that does not fit.
const renewLock = "write the lock again, with --lock in place of --locked"

// demands reports whether only what the line has may be taken.
func (l *LockLine) demands() bool { return l != nil && l.lock.demand }

// TagLists is [Selection.TagLists], or lists the tags that the lock has, without a call.
func (l *LockLine) TagLists(ctx context.Context, remote *run.Remote, s Selection) iter.Seq2[TagList, error] {
	if !l.demands() {
		return s.TagLists(ctx, remote)
	}
	return func(yield func(TagList, error) bool) {
		lists, err := l.tagLists(s)
		if err != nil {
			yield(TagList{}, err)
			return
		}
		for _, list := range lists {
			list.Selected = tagselect.Latest(list.Matching, 0)
			if !yield(list, nil) {
				return
			}
		}
	}
}

// tagLists returns the tags that the lock has of repositories of the selection's shard.
func (l *LockLine) tagLists(s Selection) (out []TagList, err error) {
	at := map[string]int{} // in out, by repository
	for _, im := range l.sorted() {
		ref, err := reference.Parse(im.Name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.lock.path, err)
		}
		if s.in(ref.Path).OtherShard() {
			continue // nothing is pruned with --locked
		}
		i, known := at[ref.Path]
		if !known {
			i = len(out)
			at[ref.Path] = i
			out = append(out, TagList{Selection: s.in(ref.Path)})
		}
		out[i].Matching = append(out[i].Matching, ref.Tag)
	}
	return out, nil
}

// Keep returns those of a layout's or tar's images that the lock has, all of them if it demands none. It
// is an error if one of the lock is missing.
func (l *LockLine) Keep(s Selection, origins []Origin) ([]Origin, error) {
	if !l.demands() || len(origins) == 0 {
		return origins, nil
	}
	found := map[string]bool{}
	var out []Origin
	for _, o := range origins {
		if _, locked := l.images[o.String()]; locked {
			found[o.String()] = true
			out = append(out, o)
		}
	}
	for _, im := range l.sorted() {
		if !found[im.Name] {
			origins[0].Close() // that of all
			return nil, cli.Reword(fs.ErrNotExist, "%s does not have %s, which %s has", s, im.Name, l.lock.path)
		}
	}
	if len(out) > 0 {
		out[0].close = origins[0].close // it is that of all
	}
	return out, nil
}

// Pin asks the source for an image's digest and reads the image by it from then on. It records the digest,
// or returns an error if the lock has another one.
func (l *LockLine) Pin(ctx context.Context, o *Origin) error {
	if l == nil {
		return nil
	}
	name := o.String()
	if err := o.Resolve(ctx); err != nil {
		return err
	}
	digest := blob.Digest(o.Ref)
	if err := digest.Validate(); err != nil {
		return fmt.Errorf("%s: its source does not tell its digest", name)
	}
	l.lock.mu.Lock()
	defer l.lock.mu.Unlock()
	if l.lock.demand {
		if locked := l.images[name]; locked != digest {
			return &movedError{name, l.lock.path, locked, digest}
		}
		return nil
	}
	if first, known := l.lock.digests[name]; known {
		o.Ref = string(first)
	}
	l.lock.digests[name] = blob.Digest(o.Ref)
	l.images[name] = blob.Digest(o.Ref)
	return nil
}

// movedError reports an image that is another one than the lock demands.
type movedError struct {
	name, path  string
	locked, now blob.Digest
}

// Error names both digests.
func (e *movedError) Error() string {
	return fmt.Sprintf("%s is %s now, and %s has %s", e.name, e.now, e.path, e.locked)
}

// ExitCode is that of content that does not match its digest.
func (*movedError) ExitCode() int { return cli.ExitIntegrity }

// Hint says how to take either image.
func (e *movedError) Hint() string {
	return "if the new image is wanted, write the lock again with --lock; NAME@DIGEST in the list takes the old one"
}
