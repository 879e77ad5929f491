package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// layer writes a tar of the files of all packages in a folder, or of the files in it if it has none, sorted
// by name. The folders of packages are later by the given time.
func layer(path, dir, duration string) error {
	later, err := time.ParseDuration(duration)
	if err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return err
	}
	files := map[string]entry{}
	for _, p := range packages {
		raw, err := exec.Command("dpkg-deb", "--fsys-tarfile", p).Output()
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		if err := add(files, raw, later); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	if len(packages) > 0 {
		err = write(w, files)
	} else {
		err = w.AddFS(os.DirFS(dir))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	return out.Close()
}

// entry is a file of a layer.
type entry struct {
	header  *tar.Header
	content []byte
}

// add adds the files of a tar.
func add(files map[string]entry, raw []byte, later time.Duration) error {
	in := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			h.ModTime = time.Unix(1_764_000_000, 0).Add(later)
		}
		files[h.Name] = entry{h, content}
	}
}

// write writes all files, sorted.
func write(w *tar.Writer, files map[string]entry) error {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := files[name]
		if err := w.WriteHeader(f.header); err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return nil
}
