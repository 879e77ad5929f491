package layout

import (
	"context"
	"errors"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// subjectOf returns the digest of a manifest's subject, "" if it has none.
func subjectOf(m manifest.Manifest) (blob.Digest, error) {
	subject, err := m.Subject()
	if err != nil || subject == nil {
		return "", err
	}
	return subject.Digest, subject.Validate()
}

// Referrers returns descriptors of the repository's manifests that have that subject, sorted by
// digest, as [manifest.Manifest.ReferrerDescriptor] makes them (distribution-spec, "Listing
// Referrers", end-12a). If artifactType is not "", only manifests of that type are returned. The
// subject need not exist.
func (r *Repository) Referrers(
	ctx context.Context, subject blob.Digest, artifactType string,
) ([]manifest.Descriptor, error) {
	if err := r.validate(subject); err != nil {
		return nil, err
	}
	referrers, err := r.referrersOf(subject)
	if err != nil {
		return nil, err
	}
	var out []manifest.Descriptor
	for _, referrer := range referrers {
		m, err := r.Manifest(ctx, string(referrer))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is being put or deleted
		}
		if err != nil {
			return nil, err
		}
		d, err := m.ReferrerDescriptor()
		if err != nil {
			return nil, err
		}
		if artifactType == "" || d.ArtifactType == artifactType {
			out = append(out, d)
		}
	}
	return out, nil
}
