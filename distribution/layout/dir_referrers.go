package layout

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

func (r *Repository) referrerPath(subject, referrer blob.Digest) string {
	dir := r.linkPath(referrerLinks, subject)
	return dir + string(os.PathSeparator) + string(referrer.Algorithm()) + "-" + referrer.Hex()
}

// referrerDigest is the inverse of referrerPath: the digest of the referrer that a link is called after.
func referrerDigest(link string) blob.Digest { return blob.Digest(strings.Replace(link, "-", ":", 1)) }

// subjectOf returns the digest of a manifest's subject, "" when it has none.
func subjectOf(m manifest.Manifest) (blob.Digest, error) {
	subject, err := m.Subject()
	if err != nil || subject == nil {
		return "", err
	}
	return subject.Digest, subject.Validate()
}

// Referrers returns descriptors, as manifest.Manifest.Referrer makes them, of the repository's manifests that have subject as their
// subject, only those of artifactType where that is not empty. They are sorted by digest. The subject itself need not
// exist.
func (r *Repository) Referrers(ctx context.Context, subject blob.Digest, artifactType string) ([]manifest.Descriptor, error) {
	if err := r.validate(subject); err != nil {
		return nil, err
	}
	links, err := r.linksIn(r.linkPath(referrerLinks, subject))
	if err != nil {
		return nil, err
	}
	var out []manifest.Descriptor
	for _, link := range links {
		m, err := r.Manifest(ctx, string(referrerDigest(link)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // being put, or being deleted
		}
		if err != nil {
			return nil, err
		}
		d, err := m.Referrer()
		if err != nil {
			return nil, err
		}
		if artifactType == "" || d.ArtifactType == artifactType {
			out = append(out, d)
		}
	}
	return out, nil
}
