package layout

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// ErrInUse says that a folder cannot be pruned now, since somebody holds it: another process that puts an image there or
// reads one, or this one.
var ErrInUse = errors.New("the image layout is in use")

// Pruning says what [Dir.Prune] removes. The zero value removes all that no entry of index.json leads to.
type Pruning struct {
	// Untagged drops the entries without a tag first, but for those that refer to an image with one, as a signature does.
	Untagged bool
	// Of bounds the pruning to what these led to, be they still entries or not; none is no bound.
	Of []Root
}

// Pruned is what was removed.
type Pruned struct {
	Dropped []Root        // entries of index.json
	Deleted []blob.Digest // manifests and blobs whose bytes are gone
	Bytes   int64         // of their files
}

// Prune removes manifests and blobs that nothing leads to any more, from their repositories and from blobs/. It never
// waits: when somebody has a [Dir.Hold] on the folder, or is in a method that writes, the error is [ErrInUse] and all
// stays as it was. So it does when a manifest that is to stay is damaged, for what it needs is not known then.
//
// First go the entries, then the links, those of a manifest before those of what it needs, then the bytes: a process that
// is killed leaves some more to prune and nothing broken.
func (d *Dir) Prune(ctx context.Context, what Pruning) (Pruned, error) {
	f, err := d.openContentLock()
	if err != nil {
		return Pruned{}, err
	}
	defer f.Close()
	if !tryLock(f) {
		return Pruned{}, ErrInUse
	}
	p := &pruneRun{dir: d}
	if what.Untagged {
		if err := p.dropUntagged(ctx); err != nil {
			return p.result, err
		}
	}
	if err := p.mark(ctx, what.Of); err != nil {
		return p.result, err
	}
	err = errors.Join(p.removeLinks(ctx), p.removeBlobs(ctx))
	return p.result, err
}

// pruning is one Prune under way. The caller has the folder to itself.
type pruneRun struct {
	dir    *Dir
	live   *closure
	scope  *closure // nil for everything
	result Pruned
}

// drop takes the untagged entries out of index.json that nothing with a tag leads to.
func (p *pruneRun) dropUntagged(ctx context.Context) error {
	roots, err := p.dir.Roots()
	if err != nil {
		return err
	}
	tagged := newClosure(p.dir, false)
	for _, r := range roots {
		if r.Tag == "" {
			continue
		}
		if err := tagged.add(ctx, r.Repository, r.Descriptor); err != nil {
			return err
		}
	}
	var drop []Root
	for _, r := range roots {
		if r.Tag == "" && !tagged.manifests[contentKey{r.Repository, r.Digest}] {
			drop = append(drop, r)
		}
	}
	if err := p.dir.Drop(drop...); err != nil {
		return err
	}
	p.result.Dropped = drop
	return nil
}

// mark finds what must stay and what may go.
func (p *pruneRun) mark(ctx context.Context, of []Root) error {
	roots, err := p.dir.Roots()
	if err != nil {
		return err
	}
	p.live = newClosure(p.dir, false)
	for _, r := range roots {
		if err := p.live.add(ctx, r.Repository, r.Descriptor); err != nil {
			return err
		}
	}
	if len(of) == 0 {
		return nil
	}
	p.scope = newClosure(p.dir, true)
	for _, r := range of {
		if err := p.scope.add(ctx, r.Repository, r.Descriptor); err != nil {
			return err
		}
	}
	return nil
}

// goes tells whether content that is live or not shall be removed.
func (p *pruneRun) removable(live bool, d blob.Digest) bool {
	return !live && (p.scope == nil || p.scope.content[d])
}

// links removes the links of every repository.
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

// linkedRepositories returns the names of the repositories that have folders of links.
func (d *Dir) linkedRepositories(ctx context.Context) ([]string, error) {
	var names []string
	err := d.walkLinks(ctx, func(repository, _ string) { names = append(names, repository) })
	return slices.Compact(names), err
}

// repository removes the links of one repository: manifests, what says that they refer to others, then blobs.
func (p *pruneRun) pruneRepository(ctx context.Context, r *Repository) error {
	gone, err := p.deadManifests(ctx, r)
	if err != nil {
		return err
	}
	if err := removeLinks(gone); err != nil {
		return err
	}
	gone, err = p.deadReferrers(r)
	if err != nil {
		return err
	}
	blobs, err := listDigests(r.dir.privatePath("repositories", repositoryPath(r.name), blobLinks))
	if err != nil {
		return err
	}
	for _, d := range blobs {
		if p.removable(p.live.blobs[contentKey{r.name, d}], d) {
			gone = append(gone, r.linkPath(blobLinks, d))
		}
	}
	return removeLinks(gone)
}

// manifests returns the links of manifests that go, each before those of the manifests it leads to.
func (p *pruneRun) deadManifests(ctx context.Context, r *Repository) ([]string, error) {
	all, err := listDigests(r.dir.privatePath("repositories", repositoryPath(r.name), manifestLinks))
	if err != nil {
		return nil, err
	}
	dead := newClosure(r.dir, true)
	for _, d := range all {
		if !p.removable(p.live.manifests[contentKey{r.name, d}], d) {
			continue
		}
		mediaType, err := readFile(r.linkPath(manifestLinks, d), manifest.MaxSize)
		if err != nil {
			return nil, err
		}
		if err := dead.add(ctx, r.name, manifest.Descriptor{MediaType: string(mediaType), Digest: d}); err != nil {
			return nil, err
		}
	}
	var gone []string
	for _, m := range slices.Backward(dead.postorder) {
		if p.removable(p.live.manifests[m], m.digest) {
			gone = append(gone, r.linkPath(manifestLinks, m.digest))
		}
	}
	return gone, nil
}

// referrers returns the links from subjects to manifests that go.
func (p *pruneRun) deadReferrers(r *Repository) ([]string, error) {
	subjects, err := listDigests(r.dir.privatePath("repositories", repositoryPath(r.name), referrerLinks))
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, subject := range subjects {
		links, err := r.linksIn(r.linkPath(referrerLinks, subject))
		if err != nil {
			return nil, err
		}
		for _, link := range links {
			d := referrerDigest(link)
			if p.removable(p.live.manifests[contentKey{r.name, d}], d) {
				gone = append(gone, filepath.Join(r.linkPath(referrerLinks, subject), link))
			}
		}
	}
	return gone, nil
}

// bytes removes the files of blobs/.
func (p *pruneRun) removeBlobs(ctx context.Context) error {
	all, err := listDigests(filepath.Join(p.dir.path, blobsDir))
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
		info, err := os.Stat(p.dir.blobPath(d))
		if err != nil {
			return err
		}
		if err := os.Remove(p.dir.blobPath(d)); err != nil {
			return err
		}
		p.result.Deleted = append(p.result.Deleted, d)
		p.result.Bytes += info.Size()
	}
	return nil
}

// digests lists the entries of the folders of the algorithms below dir. Names that are no digest are passed over.
func listDigests(dir string) ([]blob.Digest, error) {
	var out []blob.Digest
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		entries, err := os.ReadDir(filepath.Join(dir, string(a)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if d := blob.Digest(string(a) + ":" + e.Name()); d.Validate() == nil {
				out = append(out, d)
			}
		}
	}
	return out, nil
}

// removeAll removes links in this order, durably. One that is gone already is no error.
func removeLinks(names []string) error {
	dirs := map[string]bool{}
	for _, name := range names {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		dirs[filepath.Dir(name)] = true
	}
	for dir := range dirs {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}
