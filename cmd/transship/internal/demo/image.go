package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/testdata/image"
)

// fill pushes the embedded image to a reference.
func fill(ctx context.Context, r *run.Run, into string) error {
	ref, err := reference.Parse(into)
	if err != nil {
		return err
	}
	root, err := embeddedRoot()
	if err != nil {
		return err
	}
	dst, err := r.NewRemote("").Target(ctx, ref)
	if err != nil {
		return err
	}
	_, err = new(transfer.Engine).Copy(ctx, embedded{image.Layout}, root, dst, ref.Tag)
	return err
}

// embeddedRoot returns the digest of the embedded image's index.
func embeddedRoot() (string, error) {
	raw, err := fs.ReadFile(image.Layout, "index.json")
	if err != nil {
		return "", err
	}
	var ix manifest.Index
	if err := json.Unmarshal(raw, &ix); err != nil {
		return "", err
	}
	if len(ix.Manifests) == 0 {
		return "", errors.New("the embedded layout is empty")
	}
	return string(ix.Manifests[0].Digest), nil
}

// embedded is an OCI image layout inside the program, read by digest (image-spec, image-layout.md).
type embedded struct{ files fs.FS }

// Manifest implements transfer.Source.
func (e embedded) Manifest(_ context.Context, ref string) (manifest.Manifest, error) {
	raw, err := fs.ReadFile(e.files, blobFile(blob.Digest(ref)))
	if err != nil {
		return manifest.Manifest{}, err
	}
	return manifest.Parse("", raw)
}

// Blob implements transfer.Source.
func (e embedded) Blob(_ context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	f, err := e.files.Open(blobFile(d.Digest))
	if err != nil {
		return nil, err
	}
	_, err = io.CopyN(io.Discard, f, offset)
	return f, err
}

func blobFile(d blob.Digest) string { return path.Join("blobs", string(d.Algorithm()), d.Hex()) }
