package image

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/manifest"
)

// lockFile is the JSON of a lock. docs/lists.md describes it.
type lockFile struct {
	Version int          `json:"version"`
	Lines   []lockedLine `json:"lines"`
}

// lockedLine is a line of the list.
type lockedLine struct {
	Source string        `json:"source"` // as Selection.String
	Latest int           `json:"latest,omitempty"`
	Images []lockedImage `json:"images"`
}

// lockedImage is an image that the line selects.
type lockedImage struct {
	Name   string      `json:"name"`   // at its source
	Digest blob.Digest `json:"digest"` // at its source, also if --platform takes a part of it
}

// lockVersion is the file's version. It goes up with a change that an older reader must not ignore.
const lockVersion = 1

// maxLock is the maximum size of the file in bytes. An image takes some 200.
const maxLock = 256 << 20

// read reads the file of --locked.
func (l *Lock) read(ctx context.Context) error {
	raw, err := cli.ReadFile(ctx, l.path, maxLock)
	if errors.Is(err, fs.ErrNotExist) {
		return cli.WithHint(fmt.Errorf("--locked: %w", err), "the same command with --lock in place of --locked writes it")
	}
	if err != nil {
		return err
	}
	if err := l.decode([]byte(raw)); err != nil {
		return &cli.UsageError{Message: fmt.Sprintf("--locked %s: %v", l.path, err), Advice: renewLock}
	}
	return nil
}

// decode parses the file.
func (l *Lock) decode(raw []byte) error {
	var file lockFile
	if err := manifest.Decode(raw, &file); err != nil {
		return err
	}
	if file.Version != lockVersion {
		return fmt.Errorf("it has version %d, and this program reads version %d", file.Version, lockVersion)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(new(lockFile)); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	for _, line := range file.Lines {
		key := lockKey{line.Source, line.Latest}
		if line.Source == "" || len(line.Images) == 0 || l.lines[key] != nil {
			return fmt.Errorf("the line %q is empty, or there twice", line.Source)
		}
		images := map[string]blob.Digest{}
		for _, im := range line.Images {
			if _, twice := images[im.Name]; twice || im.Name == "" {
				return fmt.Errorf("%q has the image %q without a name, or twice", line.Source, im.Name)
			}
			if err := im.Digest.Validate(); err != nil {
				return fmt.Errorf("%q: %w", im.Name, err)
			}
			images[im.Name] = im.Digest
		}
		l.lines[key] = &LockLine{lock: l, images: images}
	}
	return nil
}

// Save writes the file of --lock.
func (l *Lock) Save() error {
	if l == nil || l.demand {
		return nil
	}
	file := lockFile{Version: lockVersion, Lines: []lockedLine{}}
	for key, line := range l.lines {
		file.Lines = append(file.Lines, lockedLine{key.source, key.latest, line.sorted()})
	}
	slices.SortFunc(file.Lines, func(a, b lockedLine) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Latest, b.Latest))
	})
	raw, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	return cli.ReplaceFile(l.path, append(raw, '\n'), 0o644)
}

// sorted returns the images by name, those of a repository by version.
func (l *LockLine) sorted() []lockedImage {
	var out []lockedImage
	for name, digest := range l.images {
		out = append(out, lockedImage{name, digest})
	}
	slices.SortFunc(out, func(a, b lockedImage) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
