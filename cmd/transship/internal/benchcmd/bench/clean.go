package bench

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// Leftover is the content that a run could not remove from a repository.
type Leftover struct {
	Repository string // host/name
	Manifests  int    // number of manifests
	Blobs      int    // number of blobs
	Bytes      int64  // size of the blobs
	Reason     error  // the first error
}

// Cleaner records what a run puts into repositories, and removes it. The zero value is ready for
// use. Repositories are identified by name, since several clients can use the same one. Its methods
// but Close may be called concurrently.
type Cleaner struct {
	mu    sync.Mutex
	repos []*repoContent
	left  []Leftover
}

// repoContent is what the run has put into a repository and not yet removed, in order.
type repoContent struct {
	repo      *distribution.Repository
	manifests []manifest.Descriptor
	blobs     []manifest.Descriptor
	uncertain map[blob.Digest]bool // may not be in the repository
	refused   [2]bool              // the registry does not delete manifests, or blobs; not tried again
}

// Kinds of content, indexes of repoContent.refused.
const (
	manifests = iota
	blobs
)

// Recorder returns an OnEvent that records what an engine puts into a repository. It skips what the
// repository had before. A blob that failed may still be there if only the response was lost.
func (c *Cleaner) Recorder(repo *distribution.Repository) func(transfer.Event) {
	p := c.contentOf(repo)
	return func(e transfer.Event) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case e.Kind == transfer.BlobFailed:
			p.uncertain[e.Descriptor.Digest] = true
			p.blobs = append(p.blobs, e.Descriptor)
		case e.Kind == transfer.BlobDone && e.Outcome != blob.Exists:
			p.blobs = append(p.blobs, e.Descriptor)
		case e.Kind == transfer.ManifestDone && e.Outcome != blob.Exists:
			p.manifests = append(p.manifests, e.Descriptor)
		}
	}
}

// addUncertain records the manifests of an image if its copy failed. Those without an event may be in
// the repository too.
func (c *Cleaner) addUncertain(repo *distribution.Repository, im *synthetic.Image, err error) {
	if err == nil {
		return
	}
	p := c.contentOf(repo)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range im.Manifests() {
		if !slices.ContainsFunc(p.manifests, func(d manifest.Descriptor) bool { return d.Digest == m.Digest }) {
			p.uncertain[m.Digest] = true
			p.manifests = append(p.manifests, m.Descriptor)
		}
	}
}

func (c *Cleaner) contentOf(repo *distribution.Repository) *repoContent {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.repos {
		if p.repo.String() == repo.String() {
			return p
		}
	}
	c.repos = append(c.repos, &repoContent{repo: repo, uncertain: map[blob.Digest]bool{}})
	return c.repos[len(c.repos)-1]
}

// AddManifest records a manifest that a repository has.
func (c *Cleaner) AddManifest(repo *distribution.Repository, d manifest.Descriptor) {
	p := c.contentOf(repo)
	c.mu.Lock()
	defer c.mu.Unlock()
	p.manifests = append(p.manifests, d)
}

// AddBlob records a blob that a repository has.
func (c *Cleaner) AddBlob(repo *distribution.Repository, d manifest.Descriptor) {
	p := c.contentOf(repo)
	c.mu.Lock()
	defer c.mu.Unlock()
	p.blobs = append(p.blobs, d)
}

// Close removes everything recorded and returns what could not be removed. It also works for
// cleanupTimeout after ctx has ended.
func (c *Cleaner) Close(ctx context.Context) []Leftover {
	ctx, stop := cleanupContext(ctx)
	defer stop()
	c.clean(ctx)
	return c.left
}

// clean removes everything recorded so far: parents before their children, and blobs last.
func (c *Cleaner) clean(ctx context.Context) {
	for _, p := range c.repos {
		c.mu.Lock()
		manifestList, blobList := p.manifests, p.blobs
		p.manifests, p.blobs = nil, nil
		c.mu.Unlock()
		left := Leftover{Repository: p.repo.String()}
		slices.Reverse(manifestList)
		p.remove(ctx, manifests, manifestList, &left)
		p.remove(ctx, blobs, blobList, &left)
		c.addLeft(left)
	}
}

// remove removes manifests, one at a time, or blobs, and adds what it cannot remove to left.
func (p *repoContent) remove(ctx context.Context, kind int, list []manifest.Descriptor, left *Leftover) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(1 + 3*kind)
	for _, d := range withoutDuplicates(list) {
		group.Go(func() error {
			if p.uncertain[d.Digest] && !p.has(ctx, kind, d) {
				return nil
			}
			mu.Lock()
			refused := p.refused[kind]
			mu.Unlock()
			var err error
			if !refused {
				err = p.delete(ctx, kind, d)
			}
			if !refused && (err == nil || errors.Is(err, fs.ErrNotExist)) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			left.add(kind, d, err)
			p.refused[kind] = p.refused[kind] || isRefusal(err)
			return nil
		})
	}
	_ = group.Wait() // errors are in left
}

func (p *repoContent) delete(ctx context.Context, kind int, d manifest.Descriptor) error {
	if kind == manifests {
		return p.repo.DeleteManifest(ctx, d.Digest)
	}
	return p.repo.DeleteBlob(ctx, d.Digest)
}

// has reports whether the repository has a manifest or blob. An error counts as no.
func (p *repoContent) has(ctx context.Context, kind int, d manifest.Descriptor) bool {
	if kind == manifests {
		_, err := p.repo.HeadManifest(ctx, string(d.Digest))
		return err == nil
	}
	has, err := p.repo.HasBlob(ctx, d)
	return has && err == nil
}

// isRefusal reports whether err means that the registry does not support such deletions.
func isRefusal(err error) bool {
	var apiErr *distribution.Error
	return errors.As(err, &apiErr) && apiErr.StatusCode < 500 && apiErr.StatusCode != 429
}

func withoutDuplicates(list []manifest.Descriptor) (out []manifest.Descriptor) {
	seen := map[blob.Digest]bool{}
	for _, d := range list {
		if !seen[d.Digest] {
			out = append(out, d)
		}
		seen[d.Digest] = true
	}
	return out
}

func (l *Leftover) add(kind int, d manifest.Descriptor, err error) {
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

// addLeft adds l to what is left in its repository.
func (c *Cleaner) addLeft(l Leftover) {
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
