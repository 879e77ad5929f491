package layout

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/hczjl/transship/blob"
)

// Kinds of links, and the names of their folders.
const (
	manifestLinks = "_manifests"
	blobLinks     = "_blobs"
	referrerLinks = "_referrers"
)

// linkDir returns the name of the folder of the repository's links of one kind: manifestLinks, blobLinks or
// referrerLinks.
func (r *Repository) linkDir(kind string) string {
	return path.Join(linksDir, repositoryPath(r.name), kind)
}

// linkName returns the name of the link that records that the repository has d. For referrerLinks
// it is the folder of the links to the referrers of d.
func (r *Repository) linkName(kind string, d blob.Digest) string {
	return path.Join(r.linkDir(kind), string(d.Algorithm()), d.Hex())
}

// referrerName returns the name of the link that records that referrer has subject as its subject.
func (r *Repository) referrerName(subject, referrer blob.Digest) string {
	return path.Join(r.linkName(referrerLinks, subject), string(referrer.Algorithm())+"-"+referrer.Hex())
}

// walkLinks calls visit with each folder of links, such as .../_manifests, and its repository. The
// name is "" where no repository has that path.
func (d *Dir) walkLinks(ctx context.Context, visit func(repository, dir string)) error {
	return d.files.walk(linksDir, func(name string, e fs.DirEntry) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !e.IsDir() || !strings.HasPrefix(e.Name(), "_"):
			return nil
		}
		visit(repositoryName(strings.TrimPrefix(path.Dir(name), linksDir+"/")), name)
		return fs.SkipDir
	})
}

// hasLinks reports whether dir, such as .../_manifests, holds a link.
func (d *Dir) hasLinks(dir string) bool {
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		if d.files.hasEntries(path.Join(dir, string(a))) {
			return true
		}
	}
	return false
}

// linkedRepositories returns the names of the repositories that have a folder of links.
func (d *Dir) linkedRepositories(ctx context.Context) ([]string, error) {
	var names []string
	err := d.walkLinks(ctx, func(repository, _ string) { names = append(names, repository) })
	return slices.Compact(names), err
}

// listDigests returns the digests that the files in dir are named after: <algorithm>/<hex>. Other
// names are skipped.
func (d *Dir) listDigests(dir string) ([]blob.Digest, error) {
	var out []blob.Digest
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		entries, err := d.files.readDir(path.Join(dir, string(a)))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if digest := blob.Digest(string(a) + ":" + e.Name()); digest.Validate() == nil {
				out = append(out, digest)
			}
		}
	}
	return out, nil
}

// maxLink is the maximum size of a link in bytes. It holds a media type, which has 255 at most (RFC
// 6838, section 4.2), and its parameters.
const maxLink = 1 << 10

// readLink returns the content of a link, from the disk or from memory. If there is none, the error
// is fs.ErrNotExist. A link that cannot be a media type is [ErrDamaged]: it would get into HTTP
// headers and messages.
func (r *Repository) readLink(name string) (string, error) {
	content, err := r.dir.files.readFile(name, maxLink)
	if err == nil && bytes.ContainsFunc(content, unicode.IsControl) {
		reason := "it holds no media type; without the folder " + privateDir + " it is made anew"
		return "", &ArchiveError{Path: r.dir.files.path(name), Kind: ErrDamaged, Reason: reason}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return string(content), err
	}
	return r.memoryLink(name, err)
}

// hasLink returns nil if there is a link, on the disk or in memory, else fs.ErrNotExist. It does not read
// what the link holds.
func (r *Repository) hasLink(name string) error {
	_, err := r.dir.files.stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = r.memoryLink(name, err)
	}
	return err
}

// memoryLink returns the content of a link in memory, or missing if there is none.
func (r *Repository) memoryLink(name string, missing error) (string, error) {
	links, err := r.memoryLinks()
	if err != nil {
		return "", err
	}
	if content, found := links[name]; found {
		return content, nil
	}
	return "", missing
}

// referrersOf returns the digests of the manifests that a link records as referrers of subject,
// sorted. Files that are not named as referrerName does it are skipped.
func (r *Repository) referrersOf(subject blob.Digest) ([]blob.Digest, error) {
	dir := r.linkName(referrerLinks, subject)
	entries, err := r.dir.files.readDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	links, err := r.memoryLinks()
	for name := range links {
		if path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	var out []blob.Digest
	for _, name := range names {
		if d := blob.Digest(strings.Replace(name, "-", ":", 1)); d.Validate() == nil {
			out = append(out, d)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), err
}

// removeLink removes one link and syncs its folder.
func (d *Dir) removeLink(name string) error {
	if err := d.files.remove(name); err != nil {
		return err
	}
	return d.files.syncDir(path.Dir(name))
}

// removeLinks removes links in this order and syncs their folders. It skips links that do not
// exist.
func (d *Dir) removeLinks(names []string) error {
	if err := d.files.removeAll(names); err != nil {
		return err
	}
	return d.files.syncDirs(slices.Values(names))
}
