package distribution

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// putAttempts is how often a manifest is put whose content the registry does not find.
const putAttempts = 4

// PutManifestResending is PutManifest for a manifest whose content has just been put. If the
// registry does not find that content (MANIFEST_BLOB_UNKNOWN: Nexus and some clusters need a moment
// for it, and some say that they have mounted a blob and have not), it asks for each blob by HEAD,
// uploads those that are missing from what open returns, and puts the manifest again after a pause,
// a few times.
func (r *Repository) PutManifestResending(
	ctx context.Context, ref string, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
) error {
	var asked time.Duration
	for failures := 1; ; failures++ {
		err := r.PutManifest(ctx, ref, m)
		if failures == putAttempts || !lacksContent(err) {
			return err
		}
		if resendErr := r.resendMissing(ctx, m, open); resendErr != nil {
			return resendErr
		}
		if err := r.Client.wait(ctx, err, failures, &asked); err != nil {
			return err
		}
	}
}

// lacksContent reports whether a registry refused a manifest because it does not find what the
// manifest refers to.
func lacksContent(err error) bool {
	return errors.Is(err, ManifestBlobUnknown) || errors.Is(err, BlobUnknown) || errors.Is(err, ManifestUnknown)
}

// resendMissing uploads the blobs of a manifest that a HEAD does not find. It does not mount them:
// a mount may be why they are missing. The entries of an index are left to the next attempt.
func (r *Repository) resendMissing(
	ctx context.Context, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
) error {
	refs, err := m.References()
	if err != nil || manifest.IsIndex(m.MediaType) {
		return err
	}
	seen := map[blob.Digest]bool{}
	for _, d := range refs {
		if seen[d.Digest] || !d.Distributable() {
			continue
		}
		seen[d.Digest] = true
		if err := r.resend(ctx, d, open); err != nil {
			return err
		}
	}
	return nil
}

// resend uploads a blob if a HEAD does not find it.
func (r *Repository) resend(
	ctx context.Context, d manifest.Descriptor, open func(manifest.Descriptor) blob.Open,
) error {
	ctx = aboutBlob(r.scoped(ctx), d.Digest)
	if _, err := r.Client.HeadBlob(ctx, r.Name, d.Digest); !errors.Is(err, fs.ErrNotExist) {
		return nil // if it is not there, the next attempt to put the manifest says so
	}
	r.Client.rememberMountsUnreliable()
	session, err := r.Client.StartUpload(ctx, r.Name, d.Digest)
	if err != nil {
		return err
	}
	return r.upload(ctx, blob.NewStream(d.Digest, d.Size, open(d)), session)
}
