package layout

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/hczjl/transship/distribution/filelock"
	"github.com/hczjl/transship/manifest"
)

// pendingTime is how long a Prune keeps what clients have pushed, and no manifest refers to yet, in
// a folder that is served.
const pendingTime = time.Hour

// HoldPending tells every [Dir.Prune] until release is called that clients push images in several
// requests, with no [Dir.Hold] around them: it then keeps blobs that no manifest has referred to,
// and manifests without a tag, that came within the last hour. HoldPending waits for a prune that
// is running. Until release is called, up to 64 folders stay open, except on Windows. release must be
// called once.
func (d *Dir) HoldPending() (release func(), err error) {
	f, err := d.openPendingLock()
	if err != nil {
		return nil, err
	}
	if err := filelock.Shared(f); err != nil {
		f.Close()
		return nil, err
	}
	if err := d.holdOwner(); err != nil {
		f.Close()
		return nil, err
	}
	d.files.kept.hold()
	return func() {
		d.files.kept.unhold()
		d.releaseOwner()
		f.Close()
	}, nil
}

// openPendingLock opens the lock file, which a HoldPending locks shared and a Prune exclusive.
func (d *Dir) openPendingLock() (*os.File, error) {
	return d.openLockFile(pendingLockFile)
}

// writeLink writes a link and notes the time, also of one that is there already.
func (d *Dir) writeLink(name, content string) error {
	if content == "" {
		return d.writeEmptyLink(name)
	}
	if err := d.writeFile(name, []byte(content)); err != nil {
		return err
	}
	_ = d.files.setTime(name, time.Now()) // otherwise it is pending for a shorter time
	return nil
}

// writeEmptyLink is writeLink without content. The link needs no temporary name: it is complete once it
// is there.
func (d *Dir) writeEmptyLink(name string) error {
	if err := d.checkWritable(); err != nil {
		return err
	}
	f, err := d.createNew(name)
	switch {
	case err == nil:
		err = f.Close()
	case errors.Is(err, fs.ErrExist):
		if err = d.files.setTime(name, time.Now()); !errors.Is(err, ErrIrregular) {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	return d.files.syncDir(path.Dir(name))
}

// settle notes in the links of the blobs that a manifest refers to that they are not pending any
// more.
func (r *Repository) settle(m manifest.Manifest) {
	refs, _ := m.References() // of a document of another kind none are known
	for _, d := range refs {
		if d.Digest.Validate() == nil { // otherwise it must not become a path
			_ = r.dir.files.setTime(r.linkName(blobLinks, d.Digest), time.Unix(0, 0)) // not all are there
		}
	}
}

// isPending reports whether a link was written so recently that what it stands for may be part of an
// image that is being pushed.
func (d *Dir) isPending(name string) bool {
	info, err := d.files.stat(name)
	return err == nil && time.Since(info.ModTime()) < pendingTime
}

// keepPending adds the blobs to what has to stay that may be part of images that are being pushed.
func (p *pruneRun) keepPending(ctx context.Context) error {
	names, err := p.dir.linkedRepositories(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		r := p.dir.Repository(name)
		if r.validate() != nil {
			continue
		}
		blobs, err := p.dir.listDigests(r.linkDir(blobLinks))
		if err != nil {
			return err
		}
		for _, d := range blobs {
			if key := (contentKey{name, d}); !p.live.blobs[key] && p.dir.isPending(r.linkName(blobLinks, d)) {
				p.live.blobs[key], p.live.content[d] = true, true
			}
		}
	}
	return nil
}
