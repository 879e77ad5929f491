package distribution

import (
	"context"
	"errors"
	"net/http"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// mountMemory is what a client knows of mounts on its registry.
type mountMemory struct {
	declined   map[string]bool // repositories that a mount from was refused, or ignored although they have the blob
	unreliable bool            // a mount failed that had to work: 202 does not mean that the repository lacks the blob
	reliable   bool            // a mount found a blob of the repository itself: 202 does mean that
}

// knownMounts returns what is known of mounts, without the repositories.
func (c *Client) knownMounts() (unreliable, reliable bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mounts.unreliable, c.mounts.reliable
}

func (c *Client) rememberMountsUnreliable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mounts.unreliable = true
}

func (c *Client) rememberMountsReliable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mounts.reliable = true
}

// declinesMountFrom reports whether blobs cannot be mounted from a repository.
func (c *Client) declinesMountFrom(repo string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mounts.declined[repo]
}

// rememberDeclined remembers that blobs cannot be mounted from a repository.
func (c *Client) rememberDeclined(repo string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mounts.declined == nil {
		c.mounts.declined = map[string]bool{}
	}
	c.mounts.declined[repo] = true
	c.mounts.unreliable = true
}

// PutBlob makes sure that the repository has a blob, in as few calls as possible. One POST asks for
// a mount from a repository of the same registry that has the blob, or else from this very
// repository, which shows whether the blob is there already. Only if it is not, PutBlob calls open,
// and uploads the bytes in the session that the POST opened. from names repositories on the same
// registry that have the blob, the best first.
//
// A refused mount is not an error: the blob is uploaded. Before it uploads a large blob, PutBlob
// sends a HEAD if a mount failed that had to work, or if the repository has content and no mount
// has worked there yet. Blobs with other digests than SHA-256 are not mounted, and always probed
// so.
//
// The bytes are verified while they are read. If they are wrong, the error is a
// *[blob.MismatchError], and the repository does not have the blob.
func (r *Repository) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string,
) (blob.Outcome, error) {
	ctx = aboutBlob(r.scoped(ctx), d.Digest)
	unreliable, _ := r.Client.knownMounts()
	probed := !isMountable(d.Digest) || unreliable && d.Size >= blob.LargeSize
	if probed && r.has(ctx, d.Digest, d.Size) {
		return blob.Exists, nil
	}
	session, outcome, err := r.mountOrStart(ctx, d, append(append([]string(nil), from...), r.Name))
	if err != nil || outcome != 0 {
		return outcome, err
	}
	if !probed && r.shouldProbe(d) && r.has(ctx, d.Digest, d.Size) {
		r.Client.rememberMountsUnreliable()
		r.cancel(ctx, session)
		return blob.Exists, nil
	}
	return blob.Uploaded, r.upload(ctx, blob.NewStream(d.Digest, d.Size, open), session)
}

// has reports whether a HEAD finds a blob of that size. After an error it reports false: the upload
// that follows shows what is wrong.
func (r *Repository) has(ctx context.Context, d blob.Digest, size int64) bool {
	found, err := r.Client.HeadBlob(asking(ctx), r.Name, d)
	return err == nil && found == size
}

// shouldProbe reports whether a HEAD is to be sent for a blob that was not mounted: ECR answers 202
// to a mount even if the repository has the blob.
func (r *Repository) shouldProbe(d manifest.Descriptor) bool {
	unreliable, reliable := r.Client.knownMounts()
	return d.Size >= blob.LargeSize && (unreliable || r.inUse.Load() && !reliable)
}

// isMountable reports whether a mount of the digest can be relied on. CNCF distribution keeps every
// blob under its SHA-256: a mount by another digest answers 201 and leaves a broken link, even if
// the blob could be read before (registry/storage/linkedblobstore.go, mount).
func isMountable(d blob.Digest) bool { return d.Algorithm() == blob.SHA256 }

// mountOrStart mounts a blob from one of the repositories of the registry that from names, which
// may be this one. It returns how the repository got the blob, or the session to upload it in.
func (r *Repository) mountOrStart(
	ctx context.Context, d manifest.Descriptor, from []string,
) (UploadSession, blob.Outcome, error) {
	for _, name := range from {
		if r.Client.declinesMountFrom(name) || !isMountable(d.Digest) {
			continue
		}
		mounted, session, err := r.Client.Mount(ctx, r.Name, d.Digest, name)
		switch own := name == r.Name; {
		case mounted && own:
			r.Client.rememberMountsReliable()
			return UploadSession{}, blob.Exists, nil
		case mounted:
			return UploadSession{}, blob.Mounted, nil
		case err == nil && own:
			return session, 0, nil
		case err != nil && !isMountRefusal(ctx, err):
			return UploadSession{}, 0, err
		}
		r.Client.rememberDeclined(name)
		if err == nil {
			return session, 0, nil
		}
	}
	session, err := r.Client.StartUpload(ctx, r.Name, d.Digest)
	return session, 0, err
}

// isMountRefusal reports whether a mount failed for a reason that an upload may not have: any
// response but 429, one that says without ground that the blob is there, and a token that was
// refused.
func isMountRefusal(ctx context.Context, err error) bool {
	if ctx.Err() != nil || hasStatus(err, http.StatusTooManyRequests) {
		return false
	}
	var answer *Error
	var untrue *NotStoredError
	return errors.As(err, &answer) || errors.As(err, &untrue) || isAuthError(err)
}
