package layout

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	f, err := d.openLock()
	if err != nil {
		return Pruned{}, err
	}
	defer f.Close()
	if !tryLock(f) {
		return Pruned{}, ErrInUse
	}
	p := &pruning{dir: d}
	if what.Untagged {
		if err := p.drop(ctx); err != nil {
			return p.done, err
		}
	}
	if err := p.mark(ctx, what.Of); err != nil {
		return p.done, err
	}
	err = errors.Join(p.links(ctx), p.bytes(ctx))
	return p.done, err
}

// pruning is one Prune under way. The caller has the folder to itself.
type pruning struct {
	dir   *Dir
	live  *reach
	bound *reach // nil for everything
	done  Pruned
}

// drop takes the untagged entries out of index.json that nothing with a tag leads to.
func (p *pruning) drop(ctx context.Context) error {
	roots, err := p.dir.Roots()
	if err != nil {
		return err
	}
	tagged := newReach(p.dir, false)
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
		if r.Tag == "" && !tagged.manifests[member{r.Repository, r.Digest}] {
			drop = append(drop, r)
		}
	}
	if err := p.dir.Drop(drop...); err != nil {
		return err
	}
	p.done.Dropped = drop
	return nil
}

// mark finds what must stay and what may go.
func (p *pruning) mark(ctx context.Context, of []Root) error {
	roots, err := p.dir.Roots()
	if err != nil {
		return err
	}
	p.live = newReach(p.dir, false)
	for _, r := range roots {
		if err := p.live.add(ctx, r.Repository, r.Descriptor); err != nil {
			return err
		}
	}
	if len(of) == 0 {
		return nil
	}
	p.bound = newReach(p.dir, true)
	for _, r := range of {
		if err := p.bound.add(ctx, r.Repository, r.Descriptor); err != nil {
			return err
		}
	}
	return nil
}

// goes tells whether content that is live or not shall be removed.
func (p *pruning) goes(live bool, d blob.Digest) bool {
	return !live && (p.bound == nil || p.bound.content[d])
}

// links removes the links of every repository.
func (p *pruning) links(ctx context.Context) error {
	names, err := p.dir.folders()
	if err != nil {
		return err
	}
	for _, name := range names {
		r := p.dir.Repository(name)
		if r.check() != nil {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := p.repository(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// folders returns the names of the repositories that have a folder.
func (d *Dir) folders() ([]string, error) {
	root := d.private("repositories")
	seen := map[string]bool{}
	var names []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), "_") {
			return err
		}
		file, _ := filepath.Rel(root, filepath.Dir(path)) // path is below root
		if name := repositoryName(file); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
		return fs.SkipDir
	})
	return names, err
}

// repository removes the links of one repository: manifests, what says that they refer to others, then blobs.
func (p *pruning) repository(ctx context.Context, r *Repository) error {
	gone, err := p.manifests(ctx, r)
	if err != nil {
		return err
	}
	if err := removeAll(gone); err != nil {
		return err
	}
	gone, err = p.referrers(r)
	if err != nil {
		return err
	}
	blobs, err := digests(r.dir.private("repositories", fileName(r.name), blobDir))
	if err != nil {
		return err
	}
	for _, d := range blobs {
		if p.goes(p.live.blobs[member{r.name, d}], d) {
			gone = append(gone, r.link(blobDir, d))
		}
	}
	return removeAll(gone)
}

// manifests returns the links of manifests that go, each before those of the manifests it leads to.
func (p *pruning) manifests(ctx context.Context, r *Repository) ([]string, error) {
	all, err := digests(r.dir.private("repositories", fileName(r.name), manifestDir))
	if err != nil {
		return nil, err
	}
	dead := newReach(r.dir, true)
	for _, d := range all {
		if !p.goes(p.live.manifests[member{r.name, d}], d) {
			continue
		}
		mediaType, err := readFile(r.link(manifestDir, d), manifest.MaxSize)
		if err != nil {
			return nil, err
		}
		if err := dead.add(ctx, r.name, manifest.Descriptor{MediaType: string(mediaType), Digest: d}); err != nil {
			return nil, err
		}
	}
	var gone []string
	for _, m := range slices.Backward(dead.order) {
		if p.goes(p.live.manifests[m], m.digest) {
			gone = append(gone, r.link(manifestDir, m.digest))
		}
	}
	return gone, nil
}

// referrers returns the links from subjects to manifests that go.
func (p *pruning) referrers(r *Repository) ([]string, error) {
	subjects, err := digests(r.dir.private("repositories", fileName(r.name), referrerDir))
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, subject := range subjects {
		links, err := os.ReadDir(r.link(referrerDir, subject))
		if err != nil {
			return nil, err
		}
		for _, link := range links {
			d := blob.Digest(strings.Replace(link.Name(), "-", ":", 1))
			if p.goes(p.live.manifests[member{r.name, d}], d) {
				gone = append(gone, filepath.Join(r.link(referrerDir, subject), link.Name()))
			}
		}
	}
	return gone, nil
}

// bytes removes the files of blobs/.
func (p *pruning) bytes(ctx context.Context) error {
	all, err := digests(filepath.Join(p.dir.path, blobsDir))
	if err != nil {
		return err
	}
	for _, d := range all {
		if !p.goes(p.live.content[d], d) {
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
		p.done.Deleted = append(p.done.Deleted, d)
		p.done.Bytes += info.Size()
	}
	return nil
}

// digests lists the entries of the folders of the algorithms below dir. Names that are no digest are passed over.
func digests(dir string) ([]blob.Digest, error) {
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
func removeAll(names []string) error {
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
