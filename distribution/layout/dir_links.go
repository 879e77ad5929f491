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

// Kinds of links, and the names of their folders.
const (
	manifestLinks = "_manifests"
	blobLinks     = "_blobs"
	referrerLinks = "_referrers"
)

// linkDir returns the folder of the repository's links of one kind: manifestLinks, blobLinks or
// referrerLinks.
func (r *Repository) linkDir(kind string) string {
	return r.dir.privatePath("repositories", repositoryPath(r.name), kind)
}

// linkPath returns the path of the link that records that the repository has d. For referrerLinks
// it is the folder of the links to the referrers of d.
func (r *Repository) linkPath(kind string, d blob.Digest) string {
	return filepath.Join(r.linkDir(kind), string(d.Algorithm()), d.Hex())
}

// referrerPath returns the path of the link that records that referrer has subject as its subject.
func (r *Repository) referrerPath(subject, referrer blob.Digest) string {
	return filepath.Join(r.linkPath(referrerLinks, subject), string(referrer.Algorithm())+"-"+referrer.Hex())
}

// referrerDigest returns the digest of the referrer from the name of its link, as referrerPath
// makes it.
func referrerDigest(link string) blob.Digest { return blob.Digest(strings.Replace(link, "-", ":", 1)) }

// walkLinks calls visit with each folder of links, such as .../_manifests, and its repository. The
// name is "" where no repository has that path.
func (d *Dir) walkLinks(ctx context.Context, visit func(repository, dir string)) error {
	root := d.privatePath("repositories")
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !e.IsDir() || !strings.HasPrefix(e.Name(), "_"):
			return nil
		}
		file, _ := filepath.Rel(root, filepath.Dir(path)) // path is below root
		visit(repositoryName(file), path)
		return fs.SkipDir
	})
}

// hasLinks reports whether dir, such as .../_manifests, holds a link.
func hasLinks(dir string) bool {
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		f, err := os.Open(filepath.Join(dir, string(a)))
		if err != nil {
			continue
		}
		names, _ := f.Readdirnames(1)
		f.Close()
		if len(names) > 0 {
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
func listDigests(dir string) ([]blob.Digest, error) {
	var out []blob.Digest
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		entries, err := readDir(filepath.Join(dir, string(a)))
		if err != nil {
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

// readLink returns the content of a link, from the disk or from memory. If there is none, the error
// is fs.ErrNotExist.
func (r *Repository) readLink(name string) (string, error) {
	content, err := readFile(name, manifest.MaxSize)
	if !errors.Is(err, fs.ErrNotExist) {
		return string(content), err
	}
	links, memErr := r.memoryLinks()
	if memErr != nil {
		return "", memErr
	}
	if content, found := links[name]; found {
		return content, nil
	}
	return "", err
}

// linksIn returns the names of the links in a folder, sorted.
func (r *Repository) linksIn(dir string) ([]string, error) {
	entries, err := readDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	links, err := r.memoryLinks()
	for name := range links {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// removeLink removes one link and syncs its folder.
func removeLink(name string) error {
	if err := os.Remove(name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// removeLinks removes links in this order and syncs their folders. It skips links that do not
// exist.
func removeLinks(paths []string) error {
	if err := removeFiles(paths); err != nil {
		return err
	}
	return syncDirs(slices.Values(paths))
}
