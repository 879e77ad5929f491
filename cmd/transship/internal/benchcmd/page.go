package benchcmd

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// page is the file of --html: complete, or not there at all. A nil page writes nothing.
type page struct {
	path string
	file *os.File
}

// openPage creates a temporary file beside the page, so that a folder that cannot be written to is
// an error before the run and not after it.
func openPage(path string) (*page, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		failed.Path = path // not the temporary file's
	}
	if err != nil {
		return nil, err
	}
	return &page{path, f}, nil
}

// write writes the page and moves it to its path.
func (p *page) write(html func(io.Writer) error) error {
	if p == nil {
		return nil
	}
	if err := html(p.file); err != nil {
		return err
	}
	if err := p.file.Chmod(0o644); err != nil {
		return err
	}
	if err := p.file.Close(); err != nil {
		return err
	}
	return os.Rename(p.file.Name(), p.path)
}

// discard removes the temporary file. After write it does nothing.
func (p *page) discard() {
	if p != nil {
		p.file.Close()
		os.Remove(p.file.Name())
	}
}
