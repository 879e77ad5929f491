package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"
)

// file is a file of a release.
type file struct {
	name    string // in an archive, with slashes; the program's own is empty
	content []byte
	mode    int64
}

// collectAssets returns what every archive has beside the program: documents, man pages, and the
// completions that the program itself writes.
func (r *release) collectAssets(ctx context.Context, host program) ([]file, error) {
	var out []file
	names := []string{"LICENSE", "README.md", "README.zh-CN.md", "CHANGELOG.md"}
	pages, err := filepath.Glob(filepath.Join(r.source.dir, "docs/man/*.1"))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		names = append(names, "docs/man/"+filepath.Base(page))
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(r.source.dir, name))
		if err != nil {
			return nil, err
		}
		if path.Ext(name) == ".1" {
			name = "man/" + path.Base(name)
		}
		out = append(out, file{name: name, content: content, mode: 0o644})
	}
	for shell, name := range map[string]string{
		"bash": "transship.bash", "zsh": "_transship", "fish": "transship.fish", "powershell": "transship.ps1",
	} {
		content, err := exec.CommandContext(ctx, host.path, "completion", shell).Output()
		if err != nil {
			return nil, fmt.Errorf("transship completion %s: %w", shell, err)
		}
		out = append(out, file{name: "completions/" + name, content: content, mode: 0o644})
	}
	return sortedByName(out), nil
}

// archive writes a target's archive: a zip for Windows, a compressed tar for others.
func (r *release) archive(p program) error {
	content, err := os.ReadFile(p.path)
	if err != nil {
		return err
	}
	files := append([]file{{name: p.base(), content: content, mode: 0o755}}, r.assets...)
	var b bytes.Buffer
	if p.os == "windows" {
		err = writeZip(&b, files, r.created())
	} else {
		err = writeTarGz(&b, files, r.created())
	}
	if err != nil {
		return err
	}
	return os.WriteFile(r.path(r.name(p.target)+archiveSuffix(p.target)), b.Bytes(), 0o644)
}

func archiveSuffix(t target) string {
	if t.os == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

// writeTarGz writes a compressed tar of files that root owns, and of the folders that they are in.
func writeTarGz(w io.Writer, files []file, created time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	seen := map[string]bool{}
	for _, f := range files {
		if err := writeFolders(t, f.name, seen, created); err != nil {
			return err
		}
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: created, Typeflag: tar.TypeReg}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.content); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

// writeFolders writes the folders of a file that have not been written yet. dpkg needs them.
func writeFolders(t *tar.Writer, name string, seen map[string]bool, created time.Time) error {
	dir := path.Dir(name)
	if dir == "." || seen[dir] {
		return nil
	}
	if err := writeFolders(t, dir, seen, created); err != nil {
		return err
	}
	seen[dir] = true
	return t.WriteHeader(&tar.Header{Name: dir + "/", Mode: 0o755, ModTime: created, Typeflag: tar.TypeDir})
}

func writeZip(w io.Writer, files []file, created time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: created}
		h.SetMode(os.FileMode(f.mode))
		member, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := member.Write(f.content); err != nil {
			return err
		}
	}
	return z.Close()
}
