package layout

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/filelock"
	"github.com/hczjl/transship/manifest"
)

// ErrInUse is the error of [Dir.Prune] while this process or another one writes an image into the
// folder or reads one from it.
var ErrInUse = errors.New("the image layout is in use")

// PruneOptions says what [Dir.Prune] removes. The zero value removes everything that no entry of
// index.json leads to.
type PruneOptions struct {
	// Untagged first drops the entries without a tag, except for manifests that refer to a tagged
	// image, as a signature does.
	Untagged bool
	// Roots restricts the prune to what these entries lead to, even if they are no longer in
	// index.json. If it is empty there is no such restriction.
	Roots []Root
}

// PruneResult lists what was removed.
type PruneResult struct {
	Dropped []Root        // entries of index.json
	Deleted []blob.Digest // manifests and blobs whose bytes were removed
	Bytes   int64         // size of their files, and of blobs that had not come whole
}

// Prune removes manifests and blobs that no entry of index.json leads to, from their repositories
// and from blobs/. It does not wait: if the folder is in use, by a [Dir.Hold], a
// [Dir.HoldForReading] or a method that writes, the error is [ErrInUse] and nothing changes. If a
// manifest that has to stay is damaged, nothing is removed either, since it is unknown what that
// manifest needs. Where a process has a [Dir.HoldPending], it keeps what clients are pushing. Unless it is restricted to Roots, it
// also removes what interrupted downloads have left to be resumed.
//
// The order is: entries, then links, those of a manifest before those of what it needs, then bytes.
// A process that is killed leaves more to prune, but nothing broken.
func (d *Dir) Prune(ctx context.Context, what PruneOptions) (PruneResult, error) {
	f, err := d.openContentLock()
	if err != nil {
		return PruneResult{}, err
	}
	defer f.Close()
	if !filelock.Try(f) {
		return PruneResult{}, ErrInUse
	}
	pending, err := d.openPendingLock()
	if err != nil {
		return PruneResult{}, err
	}
	defer pending.Close()
	p := &pruneRun{dir: d, served: !filelock.Try(pending)}
	if what.Untagged {
		if err := p.dropUntagged(ctx); err != nil {
			return p.result, err
		}
	}
	if err := p.mark(ctx, what.Roots); err != nil {
		return p.result, err
	}
	err = errors.Join(p.removeLinks(ctx), p.removeBlobs(ctx))
	if len(what.Roots) > 0 {
		return p.result, err
	}
	partial, partialErr := d.removeResumable()
	p.result.Bytes += partial
	return p.result, errors.Join(err, partialErr)
}

// pruneRun is the state of one Prune. Its process holds the folder's lock alone.
type pruneRun struct {
	dir    *Dir
	served bool // a process has a HoldPending
	live   *closure
	scope  *closure // what may be removed; nil for everything
	result PruneResult
}

// dropUntagged removes the untagged entries from index.json that no tagged entry leads to.
func (p *pruneRun) dropUntagged(ctx context.Context) error {
	roots, err := p.dir.Roots()
	if err != nil {
		return err
	}
	tagged := newClosure(p.dir, false)
	untagged := func(r Root) bool { return r.Tag == "" }
	if err := tagged.addRoots(ctx, slices.DeleteFunc(slices.Clone(roots), untagged)); err != nil {
		return err
	}
	var drop []Root
	for _, r := range roots {
		if untagged(r) && !tagged.manifests[contentKey{r.Repository, r.Digest}] && !p.isAwaited(r) {
			drop = append(drop, r)
		}
	}
	if err := p.dir.Drop(drop...); err != nil {
		return err
	}
	p.result.Dropped = drop
	return nil
}

// isAwaited reports whether an untagged manifest may be part of an index that is being pushed.
func (p *pruneRun) isAwaited(r Root) bool {
	repository := p.dir.Repository(r.Repository)
	return p.served && repository.validate(r.Digest) == nil && p.dir.isPending(repository.linkName(manifestLinks, r.Digest))
}

// mark finds what has to stay and what may be removed.
func (p *pruneRun) mark(ctx context.Context, of []Root) error {
	roots, err := p.dir.Roots()
	if err != nil {
		return err
	}
	p.live = newClosure(p.dir, false)
	if err := p.live.addRoots(ctx, roots); err != nil {
		return err
	}
	if p.served {
		if err := p.keepPending(ctx); err != nil {
			return err
		}
	}
	if len(of) == 0 {
		return nil
	}
	p.scope = newClosure(p.dir, true)
	return p.scope.addRoots(ctx, of)
}

// removable reports whether d is to be removed. live is whether an entry leads to it.
func (p *pruneRun) removable(live bool, d blob.Digest) bool {
	return !live && (p.scope == nil || p.scope.content[d])
}

// removeLinks removes links from every repository.
func (p *pruneRun) removeLinks(ctx context.Context) error {
	names, err := p.dir.linkedRepositories(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		r := p.dir.Repository(name)
		if r.validate() != nil {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := p.pruneRepository(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// pruneRepository removes links from one repository: of manifests, of referrers, then of blobs.
func (p *pruneRun) pruneRepository(ctx context.Context, r *Repository) error {
	paths, err := p.deadManifests(ctx, r)
	if err != nil {
		return err
	}
	if err := p.dir.removeLinks(paths); err != nil {
		return err
	}
	paths, err = p.deadReferrers(r)
	if err != nil {
		return err
	}
	blobs, err := p.dir.listDigests(r.linkDir(blobLinks))
	if err != nil {
		return err
	}
	for _, d := range blobs {
		if p.removable(p.live.blobs[contentKey{r.name, d}], d) {
			paths = append(paths, r.linkName(blobLinks, d))
		}
	}
	return p.dir.removeLinks(paths)
}

// deadManifests returns the links of manifests to remove, each before those of the manifests that
// it leads to.
func (p *pruneRun) deadManifests(ctx context.Context, r *Repository) ([]string, error) {
	all, err := p.dir.listDigests(r.linkDir(manifestLinks))
	if err != nil {
		return nil, err
	}
	dead := newClosure(r.dir, true)
	for _, d := range all {
		if !p.removable(p.live.manifests[contentKey{r.name, d}], d) {
			continue
		}
		mediaType, err := r.readLink(r.linkName(manifestLinks, d))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a client has deleted it meanwhile
		}
		if err != nil {
			return nil, err
		}
		if err := dead.add(ctx, r.name, manifest.Descriptor{MediaType: mediaType, Digest: d}); err != nil {
			return nil, err
		}
	}
	var paths []string
	for _, m := range slices.Backward(dead.postorder) {
		if p.removable(p.live.manifests[m], m.digest) {
			paths = append(paths, r.linkName(manifestLinks, m.digest))
		}
	}
	return paths, nil
}

// deadReferrers returns the links from subjects to manifests that are removed.
func (p *pruneRun) deadReferrers(r *Repository) ([]string, error) {
	subjects, err := p.dir.listDigests(r.linkDir(referrerLinks))
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, subject := range subjects {
		referrers, err := r.referrersOf(subject)
		if err != nil {
			return nil, err
		}
		for _, d := range referrers {
			if p.removable(p.live.manifests[contentKey{r.name, d}], d) {
				paths = append(paths, r.referrerName(subject, d))
			}
		}
	}
	return paths, nil
}

// removeBlobs removes files from blobs/.
func (p *pruneRun) removeBlobs(ctx context.Context) error {
	all, err := p.dir.listDigests(blobsDir)
	if err != nil {
		return err
	}
	for _, d := range all {
		if !p.removable(p.live.content[d], d) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		info, err := p.dir.files.stat(blobName(d))
		if err != nil {
			return err
		}
		if err := p.dir.files.remove(blobName(d)); err != nil {
			return err
		}
		p.result.Deleted = append(p.result.Deleted, d)
		p.result.Bytes += info.Size()
	}
	return nil
}
