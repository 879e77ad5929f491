package bench

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// Left is what a run could not remove from a repository.
type Left struct {
	Repository string // host/name
	Manifests  int    // how many
	Blobs      int    // how many
	Bytes      int64  // of the blobs
	Reason     error  // why the registry did not remove the first of them
}

// cleaner notes what a run puts into repositories, and removes it. The zero value is ready. A repository may be known by
// several clients; its name tells what it is.
type cleaner struct {
	mu     sync.Mutex
	places []*put
	left   []Left
}

// put is what the run has put into a repository and not removed yet, in the order in which it came.
type put struct {
	repo      *distribution.Repository
	manifests []manifest.Descriptor
	blobs     []manifest.Descriptor
	doubtful  map[blob.Digest]bool // what may not be there
	refuses   [2]bool              // to remove manifests, or blobs: it is not asked again
}

const (
	manifests = iota
	blobs
)

// watch returns what is told of an engine's work in a repository. What was there before is not the run's to remove. A blob
// that failed may be there all the same: an answer can be lost.
func (c *cleaner) watch(repo *distribution.Repository) func(transfer.Event) {
	p := c.place(repo)
	return func(e transfer.Event) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case e.Kind == transfer.BlobFailed:
			p.doubtful[e.Descriptor.Digest] = true
			p.blobs = append(p.blobs, e.Descriptor)
		case e.Kind == transfer.BlobDone && e.Outcome != blob.Exists:
			p.blobs = append(p.blobs, e.Descriptor)
		case e.Kind == transfer.ManifestDone && e.Outcome != blob.Exists:
			p.manifests = append(p.manifests, e.Descriptor)
		}
	}
}

// doubt notes the manifests of an image whose copy has failed: those that were not told of may be there.
func (c *cleaner) doubt(repo *distribution.Repository, im *synthetic.Image, err error) {
	if err == nil {
		return
	}
	p := c.place(repo)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range im.Manifests() {
		if !slices.ContainsFunc(p.manifests, func(d manifest.Descriptor) bool { return d.Digest == m.Digest }) {
			p.doubtful[m.Digest] = true
			p.manifests = append(p.manifests, m.Descriptor)
		}
	}
}

func (c *cleaner) place(repo *distribution.Repository) *put {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.places {
		if p.repo.String() == repo.String() {
			return p
		}
	}
	c.places = append(c.places, &put{repo: repo, doubtful: map[blob.Digest]bool{}})
	return c.places[len(c.places)-1]
}

// clean removes all that has been put so far: parents before their children, and blobs last.
func (c *cleaner) clean(ctx context.Context) {
	for _, p := range c.places {
		c.mu.Lock()
		docs, content := p.manifests, p.blobs
		p.manifests, p.blobs = nil, nil
		c.mu.Unlock()
		left := Left{Repository: p.repo.String()}
		slices.Reverse(docs)
		p.remove(ctx, manifests, docs, &left, func(ctx context.Context, d manifest.Descriptor) error {
			return p.repo.DeleteManifest(ctx, d.Digest)
		})
		p.remove(ctx, blobs, content, &left, func(ctx context.Context, d manifest.Descriptor) error {
			return p.repo.DeleteBlob(ctx, d.Digest)
		})
		c.note(left)
	}
}

// remove removes one kind of things, one after the other where they are manifests, and notes what is left.
func (p *put) remove(ctx context.Context, kind int, list []manifest.Descriptor, left *Left, do func(context.Context, manifest.Descriptor) error) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(1 + 3*kind)
	for _, d := range unique(list) {
		group.Go(func() error {
			if p.doubtful[d.Digest] && !p.has(ctx, kind, d) {
				return nil
			}
			mu.Lock()
			refused := p.refuses[kind]
			mu.Unlock()
			var err error
			if !refused {
				err = do(ctx, d)
			}
			if !refused && (err == nil || errors.Is(err, fs.ErrNotExist)) {
				return nil // gone
			}
			mu.Lock()
			defer mu.Unlock()
			left.add(kind, d, err)
			p.refuses[kind] = p.refuses[kind] || refuses(err)
			return nil
		})
	}
	_ = group.Wait() // errors are noted
}

// has asks whether a repository has something. One that does not say is taken to lack it.
func (p *put) has(ctx context.Context, kind int, d manifest.Descriptor) bool {
	if kind == manifests {
		_, err := p.repo.HeadManifest(ctx, string(d.Digest))
		return err == nil
	}
	has, err := p.repo.HasBlob(ctx, d)
	return has && err == nil
}

// refuses tells whether a registry does not remove such things at all.
func refuses(err error) bool {
	var answer *distribution.Error
	return errors.As(err, &answer) && answer.StatusCode < 500 && answer.StatusCode != 429
}

func unique(list []manifest.Descriptor) (out []manifest.Descriptor) {
	seen := map[blob.Digest]bool{}
	for _, d := range list {
		if !seen[d.Digest] {
			out = append(out, d)
		}
		seen[d.Digest] = true
	}
	return out
}

func (l *Left) add(kind int, d manifest.Descriptor, err error) {
	if kind == manifests {
		l.Manifests++
	} else {
		l.Blobs++
		l.Bytes += d.Size
	}
	if l.Reason == nil {
		l.Reason = err
	}
}

// note adds up what is left in a repository.
func (c *cleaner) note(l Left) {
	if l.Manifests+l.Blobs == 0 {
		return
	}
	for i := range c.left {
		if have := &c.left[i]; have.Repository == l.Repository {
			have.Manifests += l.Manifests
			have.Blobs += l.Blobs
			have.Bytes += l.Bytes
			if have.Reason == nil {
				have.Reason = l.Reason
			}
			return
		}
	}
	c.left = append(c.left, l)
}
