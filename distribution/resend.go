package distribution

import (
	"context"
	"errors"
	"io/fs"
	"slices"
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
// a few times. A blob of which open returns nil, and a foreign layer that it does not find, is not
// sent; open may be nil for a manifest without blobs. An index that lists blobs is put again only
// if one of them was missing: otherwise the registry takes no such index.
func (r *Repository) PutManifestResending(
	ctx context.Context, ref string, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
) error {
	_, err := r.putResending(ctx, ref, m, open)
	return err
}

// putResending is PutManifestResending, with a digest also under tags. It returns those of them that
// are set.
func (r *Repository) putResending(
	ctx context.Context, ref string, m manifest.Manifest, open func(manifest.Descriptor) blob.Open, tags ...string,
) (set []string, err error) {
	var asked time.Duration
	for failures := 1; ; failures++ {
		set, err := r.putManifest(ctx, ref, m, tags...)
		if failures == putAttempts || !lacksContent(err) {
			return set, err
		}
		missing, resendErr := r.resendMissing(ctx, m, open)
		if resendErr != nil {
			return nil, resendErr
		}
		if missing == 0 && listsBlobs(m) {
			return set, err
		}
		if err := r.Client.wait(ctx, err, failures, &asked); err != nil {
			return nil, err
		}
	}
}

// lacksContent reports whether a registry refused a manifest because it does not find what the
// manifest refers to.
func lacksContent(err error) bool {
	return errors.Is(err, ManifestBlobUnknown) || errors.Is(err, BlobUnknown) || errors.Is(err, ManifestUnknown)
}

// listsBlobs reports whether a manifest is an index with blobs, as BuildKit's cache is.
func listsBlobs(m manifest.Manifest) bool {
	refs, err := m.References()
	isBlob := func(d manifest.Descriptor) bool { return manifest.IsBlob(d.MediaType) }
	return err == nil && manifest.IsIndex(m.MediaType) && slices.ContainsFunc(refs, isBlob)
}

// resendMissing uploads the blobs of a manifest that a HEAD does not find, and returns how many
// those were. It does not mount them: a mount may be why they are missing. The manifests that an
// index lists are left to the next attempt.
func (r *Repository) resendMissing(
	ctx context.Context, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
) (missing int, err error) {
	refs, err := m.References()
	if err != nil || open == nil {
		return 0, err
	}
	seen := map[blob.Digest]bool{}
	for _, d := range refs {
		if seen[d.Digest] || manifest.IsIndex(m.MediaType) && !manifest.IsBlob(d.MediaType) {
			continue
		}
		seen[d.Digest] = true
		sent, err := r.resend(ctx, d, open(d))
		if err != nil {
			return missing, err
		}
		if sent {
			missing++
		}
	}
	return missing, nil
}

// resend uploads a blob if a HEAD does not find it. With a nil open it does not.
func (r *Repository) resend(ctx context.Context, d manifest.Descriptor, open blob.Open) (sent bool, err error) {
	if open == nil {
		return false, nil
	}
	ctx = aboutBlob(r.scoped(ctx), d.Digest)
	if _, err := r.Client.HeadBlob(asking(ctx), r.Name, d.Digest); !errors.Is(err, fs.ErrNotExist) {
		return false, nil // if it is not there, the next attempt to put the manifest says so
	}
	if !d.Distributable() && isAbsent(ctx, open) {
		return false, nil // it was left out
	}
	r.Client.rememberMountsUnreliable()
	session, err := r.Client.StartUpload(ctx, r.Name, d.Digest)
	if err != nil {
		return false, err
	}
	return true, r.upload(ctx, blob.NewStream(d.Digest, d.Size, open), session)
}

// isAbsent reports whether open finds nothing.
func isAbsent(ctx context.Context, open blob.Open) bool {
	in, err := open(ctx, 0)
	if err == nil {
		in.Close()
	}
	return errors.Is(err, fs.ErrNotExist)
}
