package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/manifest"
)

// syncState is the file of --state: what earlier runs of sync copied where. It is trusted: if an
// image's source has not changed since, its targets are not asked. A nil state knows nothing.
type syncState struct {
	path string

	mu     sync.Mutex
	images map[string]syncedImage // by target
}

// syncedImage is an image in a [syncStateFile].
type syncedImage struct {
	Target string      `json:"target"`
	Source string      `json:"source"`
	Digest blob.Digest `json:"digest"`
}

// syncStateFile is the file's JSON.
type syncStateFile struct {
	Version int           `json:"version"`
	Images  []syncedImage `json:"images"`
}

// syncStateVersion is the file's version. It goes up with a change that an older reader must not
// ignore.
const syncStateVersion = 1

// maxState is the maximum size of the file in bytes. An image takes some 300.
const maxState = 256 << 20

// openState reads the file of --state. It returns nil without the flag, and an empty state if there
// is no file yet.
func (c *syncCommand) openState(ctx context.Context) (*syncState, error) {
	if c.state == "" {
		return nil, nil
	}
	if len(c.platforms) > 0 || c.available || c.referrers {
		return nil, &cli.UsageError{
			Message: "--state knows only whole images: leave out --platform, --available and --referrers, or --state",
		}
	}
	s := &syncState{path: c.state, images: map[string]syncedImage{}}
	raw, err := cli.ReadFile(ctx, c.state, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return s, image.CheckFolder(c.state)
	}
	if err != nil {
		return nil, err
	}
	if s.images, err = decodeState([]byte(raw)); err != nil {
		return nil, fmt.Errorf("--state %s: %w; without the file all targets are asked", c.state, err)
	}
	return s, nil
}

// decodeState parses the file into its images by target.
func decodeState(raw []byte) (map[string]syncedImage, error) {
	var file syncStateFile
	if err := manifest.Decode(raw, &file); err != nil {
		return nil, err
	}
	if file.Version != syncStateVersion {
		return nil, fmt.Errorf("it has version %d, and this program reads version %d", file.Version, syncStateVersion)
	}
	images := make(map[string]syncedImage, len(file.Images))
	for _, im := range file.Images {
		if _, twice := images[im.Target]; twice {
			return nil, fmt.Errorf("it has %q twice", im.Target)
		}
		if err := im.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("%q: %w", im.Target, err)
		}
		images[im.Target] = im
	}
	return images, nil
}

// encodeState returns the file of images by target.
func encodeState(images map[string]syncedImage) ([]byte, error) {
	file := syncStateFile{Version: syncStateVersion, Images: []syncedImage{}}
	for _, target := range slices.Sorted(maps.Keys(images)) {
		file.Images = append(file.Images, images[target])
	}
	raw, err := json.MarshalIndent(file, "", " ")
	return append(raw, '\n'), err
}

// unchanged reports whether earlier runs copied the image that the source has now to all targets,
// and returns its digest. It asks the source at most once, and reports false if the source does not
// tell.
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

// digest returns the digest that all targets got from the source, "" if they did not all get the
// same.
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

// update records what a target has now, and forgets a target where the image failed or was removed.
func (s *syncState) update(r SyncResult) {
	if s == nil || r.Target == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Status {
	case SyncCopied, SyncUnchanged:
		s.images[r.Target] = syncedImage{r.Target, r.Source, r.Digest}
	case SyncKept: // its digest is not known
	default:
		delete(s.images, r.Target)
	}
}

// save replaces the file atomically.
func (s *syncState) save() error {
	if s == nil {
		return nil
	}
	raw, err := encodeState(s.images)
	if err != nil {
		return err
	}
	return cli.ReplaceFile(s.path, raw, 0o600)
}
