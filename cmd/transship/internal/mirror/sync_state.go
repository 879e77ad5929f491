package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/manifest"
)

// syncState is what earlier runs of sync have put where. It is believed: an image whose source has not changed since is
// not asked for at the target. A nil state knows nothing.
type syncState struct {
	path string

	mu     sync.Mutex
	images map[string]syncedImage // by target
}

// syncedImage is an entry of the file.
type syncedImage struct {
	Target string      `json:"target"`
	Source string      `json:"source"`
	Digest blob.Digest `json:"digest"`
}

// syncStateFile is the file.
type syncStateFile struct {
	Version int           `json:"version"`
	Images  []syncedImage `json:"images"`
}

// syncStateVersion is that of the file. It counts up when a reader could not do without knowing of a change.
const syncStateVersion = 1

// openState reads what --state names, if there is something.
func (c *syncCommand) openState() (*syncState, error) {
	if c.state == "" {
		return nil, nil
	}
	if len(c.platforms) > 0 || c.referrers {
		return nil, &cli.UsageError{Message: "--state knows whole images: leave out --platform and --referrers, or --state"}
	}
	out := &syncState{path: c.state, images: map[string]syncedImage{}}
	raw, err := os.ReadFile(c.state)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	var file syncStateFile
	err = json.Unmarshal(raw, &file)
	if err == nil && file.Version != syncStateVersion {
		err = fmt.Errorf("it is of version %d, and %d is known here", file.Version, syncStateVersion)
	}
	if err != nil {
		return nil, fmt.Errorf("--state %s: %w; without the file all targets are asked", c.state, err)
	}
	for _, im := range file.Images {
		out.images[im.Target] = im
	}
	return out, nil
}

// unchanged tells whether all targets got the image that the source has now, in earlier runs. It asks the source at most
// once. What cannot be told so is not unchanged.
func (s *syncState) unchanged(ctx context.Context, o image.Origin, targets []image.Location) (blob.Digest, bool) {
	digest := s.digest(o, targets)
	if digest == "" {
		return "", false
	}
	if blob.Digest(o.Ref).Validate() == nil {
		return digest, o.Ref == string(digest)
	}
	source, ok := o.Source.(interface {
		HeadManifest(context.Context, string) (manifest.Descriptor, error)
	})
	if !ok {
		return "", false
	}
	d, err := source.HeadManifest(ctx, o.Ref)
	return digest, err == nil && d.Digest == digest
}

// digest is what all targets got from the source, "" where that is not the same for all.
func (s *syncState) digest(o image.Origin, targets []image.Location) blob.Digest {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.images[targets[0].String()].Digest
	for _, l := range targets {
		if im := s.images[l.String()]; im.Source != o.String() || im.Digest != first {
			return ""
		}
	}
	return first
}

// note takes what is at a target now, and forgets what failed or was removed there.
func (s *syncState) note(r SyncResult) {
	if s == nil || r.Target == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Status == SyncCopied || r.Status == SyncUnchanged {
		s.images[r.Target] = syncedImage{r.Target, r.Source, r.Digest}
	} else {
		delete(s.images, r.Target)
	}
}

// save writes the file, whole or not at all.
func (s *syncState) save() error {
	if s == nil {
		return nil
	}
	file := syncStateFile{Version: syncStateVersion, Images: []syncedImage{}}
	for _, target := range slices.Sorted(maps.Keys(s.images)) {
		file.Images = append(file.Images, s.images[target])
	}
	raw, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
