package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
)

// verifySaved hashes what a tool has saved, a tar or a folder, and makes sure that all manifests and blobs are there. It
// returns how many bytes the tool has made.
func (c content) verifySaved(j job) (int64, error) {
	found := map[digest.Digest]bool{}
	size, err := hashTar(j.tarred(), found)
	if errors.Is(err, fs.ErrNotExist) {
		size, err = hashFolder(j.folder(), found)
	}
	if err != nil {
		return size, err
	}
	for _, im := range c.images {
		for _, m := range im.Manifests {
			if !found[m.Digest] {
				return size, fmt.Errorf("manifest %s is not there", m.Digest)
			}
		}
		for _, b := range im.Blobs {
			if !found[b.Digest] {
				return size, fmt.Errorf("blob %s is not there", b.Digest)
			}
		}
	}
	return size, nil
}

// verifyFetched hashes the blobs that a tool has fetched into a folder, by their digests' encoded parts.
func (c content) verifyFetched(dir string) error {
	for _, want := range c.digests() {
		f, err := os.Open(filepath.Join(dir, want.Encoded()))
		if err != nil {
			return err
		}
		got, err := digest.SHA256.FromReader(f)
		f.Close()
		if err != nil || got != want {
			return fmt.Errorf("blob %s is %s: %w", want, got, err)
		}
	}
	return nil
}

// hashTar adds the blobs of an image layout in a tar to found, and returns the tar's size.
func hashTar(file string, found map[digest.Digest]bool) (int64, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	for entries := tar.NewReader(f); ; {
		entry, err := entries.Next()
		if err == io.EOF {
			return info.Size(), nil
		}
		if err != nil {
			return 0, err
		}
		if err := hashBlob(entry.Name, entries, found); err != nil {
			return 0, err
		}
	}
}

// hashFolder does so with an image layout in a folder, and returns the size of its files.
func hashFolder(dir string, found map[digest.Digest]bool) (size int64, err error) {
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		size += info.Size()
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		return hashBlob(filepath.ToSlash(rel), f, found)
	})
	return size, err
}

// hashBlob adds a file's digest to found if it is a blob by its name, which must be that digest.
func hashBlob(name string, content io.Reader, found map[digest.Digest]bool) error {
	dir, encoded := path.Split(strings.TrimPrefix(path.Clean(name), "./"))
	if dir != "blobs/sha256/" || encoded == "" {
		return nil
	}
	d, err := digest.SHA256.FromReader(content)
	if err != nil {
		return err
	}
	if d.Encoded() != encoded {
		return fmt.Errorf("%s holds %s", name, d)
	}
	found[d] = true
	return nil
}
