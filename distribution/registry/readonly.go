package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// readOnly has the methods of Repository that change something. All return errors.ErrUnsupported.
type readOnly struct{ name string }

func (r readOnly) err() error {
	return fmt.Errorf("repository %s is read-only: %w", r.name, errors.ErrUnsupported)
}

// PutManifest implements Repository.
func (r readOnly) PutManifest(context.Context, string, manifest.Manifest) error { return r.err() }

// Tag implements Repository.
func (r readOnly) Tag(context.Context, blob.Digest, ...string) error { return r.err() }

// DeleteTag implements Repository.
func (r readOnly) DeleteTag(context.Context, string) error { return r.err() }

// DeleteManifest implements Repository.
func (r readOnly) DeleteManifest(context.Context, blob.Digest) error { return r.err() }

// NewUpload implements Repository.
func (r readOnly) NewUpload(context.Context, blob.Algorithm) (Upload, error) { return nil, r.err() }

// Mount implements Repository.
func (r readOnly) Mount(context.Context, blob.Digest, string) error { return r.err() }

// DeleteBlob implements Repository.
func (r readOnly) DeleteBlob(context.Context, blob.Digest) error { return r.err() }
