package distribution

import (
	"context"
	"errors"
	"net/http"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// worthAsking is the size in bytes from which a HEAD is cheaper than sending a blob that may be there already.
const worthAsking = 1 << 20

// mountRecord is what a client has learnt about mounts on its registry.
type mountRecord struct {
	declined map[string]bool // repositories a mount from which was refused, or ignored although they have the blob
	doubtful bool            // a mount that should have worked did not: a 202 does not mean that a blob is absent
	proven   bool            // a repository's own blob was found by a mount: a 202 does mean that
}

func (c *Client) declined(from string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mounts.declined[from]
}

// noteDeclined remembers that blobs cannot be mounted from a repository.
func (c *Client) noteDeclined(from string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mounts.declined == nil {
		c.mounts.declined = map[string]bool{}
	}
	c.mounts.declined[from] = true
	c.mounts.doubtful = true
}

func (c *Client) doubtful() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mounts.doubtful
}

func (c *Client) noteDoubtful() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mounts.doubtful = true
}

func (c *Client) proven() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mounts.proven
}

func (c *Client) noteProven() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mounts.proven = true
}

// PutBlob sees to it that the repository has a blob, in the fewest calls: one POST asks to mount it from a repository
// of the same registry that has it, or else from this very repository, which answers whether it is here already. Only
// when it is not does open get called, and the bytes go into the session that the POST has opened. from names
// repositories on the same registry that hold the blob, best first.
//
// A refused mount is never an error: the blob is uploaded plainly. Where a mount that should have worked has not, and in
// a repository with content until a mount has shown what is there, blobs of a megabyte and more are asked for by HEAD
// before they are sent. So are blobs with other digests than SHA-256, which are not mounted at all.
//
// The bytes are verified while they stream. Where they are wrong the error is a *[blob.MismatchError], and the
// repository does not have the blob.
func (r *Repository) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string) (blob.Outcome, error) {
	ctx = aboutBlob(r.scoped(ctx), d.Digest)
	asked := !mountable(d.Digest) || r.Client.doubtful() && d.Size >= worthAsking
	if asked && r.has(ctx, d.Digest, d.Size) {
		return blob.Exists, nil
	}
	session, outcome, err := r.mountOrStart(ctx, d, from)
	if err != nil || outcome != 0 {
		return outcome, err
	}
	if !asked && r.distrusts(d) && r.has(ctx, d.Digest, d.Size) {
		r.Client.noteDoubtful()
		r.cancel(ctx, session)
		return blob.Exists, nil
	}
	return blob.Uploaded, r.upload(ctx, blob.NewStream(d.Digest, d.Size, open), session)
}

// has asks by HEAD. An error counts as no: then the upload shows what is wrong.
func (r *Repository) has(ctx context.Context, d blob.Digest, size int64) bool {
	have, err := r.Client.HeadBlob(ctx, r.Name, d)
	return err == nil && (have < 0 || have == size)
}

// distrusts tells whether a large blob that could not be mounted is to be asked for: always after a mount has failed
// that should have worked, and in a repository that has content until a mount has worked there. ECR answers 202 whatever
// is there.
func (r *Repository) distrusts(d manifest.Descriptor) bool {
	if d.Size < worthAsking {
		return false
	}
	return r.Client.doubtful() || r.inUse.Load() && !r.Client.proven()
}

// mountable tells whether a mount does what it should. CNCF distribution keeps every blob under its SHA-256; mounting it
// by another digest answers 201 and leaves a link that leads nowhere, even where the blob could be had before
// (registry/storage/linkedblobstore.go, mount).
func mountable(d blob.Digest) bool { return d.Algorithm() == blob.SHA256 }

// mountOrStart returns how the repository came to have the blob, or the session to upload it in.
func (r *Repository) mountOrStart(ctx context.Context, d manifest.Descriptor, from []string) (Upload, blob.Outcome, error) {
	for _, name := range append(append([]string(nil), from...), r.Name) {
		if r.Client.declined(name) || !mountable(d.Digest) {
			continue
		}
		done, session, err := r.Client.Mount(ctx, r.Name, d.Digest, name)
		if done && name == r.Name {
			r.Client.noteProven()
			return Upload{}, blob.Exists, nil
		}
		if done {
			return Upload{}, blob.Mounted, nil
		}
		if err == nil {
			if name != r.Name {
				r.Client.noteDeclined(name)
			}
			return session, 0, nil
		}
		if !isRefusal(ctx, err) {
			return Upload{}, 0, err
		}
		r.Client.noteDeclined(name)
	}
	session, err := r.Client.StartUpload(ctx, r.Name, d.Digest)
	return session, 0, err
}

// isRefusal tells whether a mount failed for a reason that a plain upload may not share: any answer but 429, and a
// token that was not given.
func isRefusal(ctx context.Context, err error) bool {
	if ctx.Err() != nil || hasStatus(err, http.StatusTooManyRequests) {
		return false
	}
	var answer *Error
	return errors.As(err, &answer) || isAuthError(err)
}
