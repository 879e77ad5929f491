package distribution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
)

const (
	// uploadAttempts is how often an upload may fail in a row without the registry having more bytes.
	uploadAttempts = 6
	// firstChunk is the chunk size in bytes after a whole blob was refused as too large: the limit of
	// GHCR.
	firstChunk = 4 << 20
	// minChunk is the smallest chunk size in bytes that is tried.
	minChunk = 64 << 10
	// cancelTimeout limits the time that cancelling a session takes.
	cancelTimeout = 5 * time.Second
)

// push is an upload of one blob: a single PUT of the whole blob, or chunks from the offset that the
// registry has reached.
type push struct {
	repo      *Repository
	blob      *blob.Stream
	session   UploadSession
	chunk     int64         // most bytes in one call; 0 is all the rest
	refused   int64         // the smallest size that was too large for one call, 0 if none was
	body      io.ReadCloser // the blob from session.Offset on, nil if it must be opened
	sourceErr error         // the error of the source
	arrived   bool          // the registry has the blob although no response said so
	maxOffset int64         // the most bytes that the registry has had in any session
	asked     time.Duration // how long the registry has asked this upload to wait
	ahead     int           // how often in a row a 416 came since the session had more bytes than known
	entry     *uploadEntry  // in the journal, nil if there is none
	earlier   bool          // the session is one that an earlier process has opened
}

// upload uploads a blob in a session, which is new, or in the one that an earlier process has noted
// in the journal.
func (r *Repository) upload(ctx context.Context, b *blob.Stream, session UploadSession) error {
	p := &push{repo: r, blob: b, session: session, chunk: r.ChunkSize, entry: r.takeEntry(b)}
	defer p.closeBody()
	if !p.resumeEarlier(ctx) {
		p.setSession(session)
	}
	if known := r.Client.knownChunkSize(min(p.chunkSize(), b.Size())); known > 0 {
		p.chunk = known
	}
	err := p.sendAll(ctx)
	keep := err != nil && p.isKept(ctx, err)
	if err != nil && !keep {
		r.cancel(ctx, p.session)
	}
	p.entry.release(keep)
	return err
}

// sendAll uploads the blob. After a transient failure it asks for the offset of the session and
// resumes there with chunks; only if it cannot resume, it starts again. It ends, since it counts the
// failures until the upload gets further than ever before.
func (p *push) sendAll(ctx context.Context) error {
	for failures := 1; ; failures++ {
		err := p.send(ctx)
		if err == nil {
			p.rememberLimit()
			return nil
		}
		p.closeBody()
		if p.session.Offset > p.maxOffset {
			p.maxOffset, failures = p.session.Offset, 1
		}
		err = p.prepareRetry(ctx, err, failures)
		if err != nil && p.isEarlierWrong(ctx, err) {
			err = p.startOver(ctx)
		}
		if err != nil || p.arrived {
			return err
		}
	}
}

// rememberLimit keeps the chunk size that this blob needed for the blobs that follow.
func (p *push) rememberLimit() {
	if p.refused > 0 && p.chunk > 0 {
		p.repo.Client.rememberUploadLimit(p.refused, p.chunkSize())
	}
}

// cancel cancels a session. It ignores errors, since registries remove old sessions. CNCF
// distribution answers 416 if the session has received bytes since it gave out the Location; its
// status has a new one.
func (r *Repository) cancel(ctx context.Context, session UploadSession) {
	if session.Location == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer stop()
	err := r.Client.CancelUpload(ctx, session)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return
	}
	if session, err := r.Client.UploadStatus(ctx, session); err == nil {
		_ = r.Client.CancelUpload(ctx, session)
	}
}

// send uploads the bytes that the registry lacks and closes the session.
func (p *push) send(ctx context.Context) error {
	left := p.blob.Size() - p.session.Offset
	if p.session.Offset == 0 && (left == 0 || !p.repo.AlwaysPatch && (p.chunk == 0 || p.chunkSize() >= left)) {
		return p.sendWhole(ctx)
	}
	for p.session.Offset < p.blob.Size() {
		if err := p.sendChunk(ctx); err != nil {
			return err
		}
	}
	if p.earlier {
		if err := p.verifyEarlier(ctx); err != nil {
			return err
		}
	}
	return p.closeSession(ctx, 0, nil)
}

// sendWhole sends the blob in one PUT.
func (p *push) sendWhole(ctx context.Context) error {
	source, err := p.open(ctx)
	if err == nil && p.blob.Size() == 0 {
		_, err = io.Copy(io.Discard, source)
	}
	if err != nil {
		p.sourceErr = err
		return err
	}
	body := &uploadBody{source: source, left: p.blob.Size()}
	// The reader returns the last bytes only if all of them have matched the digest.
	ctx = wire.WithSentBlob(ctx, string(p.blob.Digest()))
	err = p.closeSession(ctx, p.blob.Size(), body)
	return p.sourceErrorOr(body, err)
}

// sendChunk sends one chunk.
func (p *push) sendChunk(ctx context.Context) error {
	size := min(p.chunkSize(), p.blob.Size()-p.session.Offset)
	source, err := p.open(ctx)
	if err != nil {
		p.sourceErr = err
		return err
	}
	body := &uploadBody{source: source, left: size}
	sent := p.session.Offset + size
	session, err := p.repo.Client.UploadChunk(ctx, p.session, size, body)
	if err != nil {
		return p.sourceErrorOr(body, err)
	}
	if session.Offset != sent || body.hasUnread() {
		p.closeBody()
	}
	if session.Offset <= p.session.Offset {
		return fmt.Errorf("%s: %w: sent %d bytes from %d on, and it has %d",
			p.repo, errNoChunks, size, p.session.Offset, session.Offset)
	}
	p.setSession(session)
	p.ahead = 0
	return nil
}

// chunkSize returns the size of the next chunk in bytes.
func (p *push) chunkSize() int64 {
	if p.chunk == 0 {
		return p.blob.Size()
	}
	return max(p.chunk, p.session.MinChunk)
}

// open returns the blob from the session's offset on. The source is opened before the request: a
// registry does not wait long for a body.
func (p *push) open(ctx context.Context) (io.Reader, error) {
	if p.body == nil {
		p.body = p.blob.Reader(ctx, p.session.Offset)
	}
	return p.body, p.body.(blob.Opener).Open()
}

func (p *push) closeBody() {
	if p.body != nil {
		p.body.Close()
		p.body = nil
	}
}

// sourceErrorOr returns the error of the source if a call failed because of it, else err.
func (p *push) sourceErrorOr(body *uploadBody, err error) error {
	if err == nil {
		return nil
	}
	if sourceErr := body.sourceError(); sourceErr != nil {
		p.sourceErr = sourceErr
		return sourceErr
	}
	return err
}

// errNoChunks is the error of a registry that accepts a chunk and has no more bytes than before.
var errNoChunks = errors.New("the registry does not keep the chunks of an upload")

// prepareRetry prepares the next attempt after err, or returns the error that ends the upload.
func (p *push) prepareRetry(ctx context.Context, err error, failures int) error {
	switch {
	case p.sourceErr != nil || ctx.Err() != nil:
		return err
	case failures >= uploadAttempts:
		return fmt.Errorf("gave up after %d attempts: %w", failures, err)
	case hasStatus(err, http.StatusRequestEntityTooLarge):
		return p.shrink(ctx, err)
	case hasStatus(err, http.StatusRequestedRangeNotSatisfiable):
		return p.fitRange(ctx, err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, BlobUploadUnknown), errors.Is(err, BlobUploadInvalid):
		return p.restart(ctx)
	case failures > 1 && (hasStatus(err, http.StatusUnauthorized) || errors.Is(err, DigestInvalid) || isExpired(err)):
		return err // retried once only
	case hasStatus(err, http.StatusUnauthorized):
		return p.resume(ctx) // the token expired early; the status request gets a new one
	case errors.Is(err, DigestInvalid):
		return p.restart(ctx) // the bytes may have been damaged on the way
	case isExpired(err):
		return p.restart(ctx) // a new session has a new address
	case p.isChunked() && refusesChunks(err):
		p.chunk = 0
		return p.restart(ctx)
	case !isTransient(err):
		return err
	}
	if err := p.repo.Client.wait(ctx, err, failures, &p.asked); err != nil {
		return err
	}
	return p.resume(ctx)
}

// isChunked reports whether the blob is sent in more than one call.
func (p *push) isChunked() bool {
	return p.session.Offset > 0 || p.chunk > 0 && p.chunkSize() < p.blob.Size()
}

// refusesChunks reports whether a registry accepts only uploads in one PUT, as Google's does, or
// drops the chunks after the first, as ECR does (containers-roadmap #2831).
func refusesChunks(err error) bool {
	return errors.Is(err, errNoChunks) || errors.Is(err, Unsupported) ||
		hasStatus(err, http.StatusMethodNotAllowed, http.StatusNotImplemented)
}

// shrink resumes with smaller chunks after a 413: a proxy before the registry limits the size of a
// request.
func (p *push) shrink(ctx context.Context, cause error) error {
	if !p.shrinkChunk() {
		return cause
	}
	p.repo.Client.warnOnce(fmt.Sprintf("%s refuses large requests (413): sending chunks of at most %d KiB",
		p.repo, p.chunk>>10))
	return p.resume(ctx)
}

// fitRange resumes after a 416: the registry is at another offset, or it limits the size of chunks
// without saying 413, as GHCR does. Where a proxy still passes on what a request before has sent, the
// offset goes on growing: the second time it is waited for.
func (p *push) fitRange(ctx context.Context, cause error) error {
	before := p.session.Offset
	if p.ahead > 0 {
		if err := p.repo.Client.wait(ctx, cause, p.ahead, &p.asked); err != nil {
			return err
		}
	}
	err := p.resume(ctx)
	if err == nil && p.session.Offset > before {
		p.ahead++
	}
	if err != nil || p.arrived || p.session.Offset != before || p.shrinkChunk() {
		return err
	}
	return cause
}

// shrinkChunk makes chunks smaller, and reports whether that was possible.
func (p *push) shrinkChunk() bool {
	before := p.chunkSize()
	if p.chunk == 0 || p.chunk > firstChunk {
		p.chunk = min(firstChunk, p.blob.Size()/2)
	} else {
		p.chunk /= 4
	}
	p.chunk, p.refused = max(p.chunk, minChunk), before
	return p.chunkSize() < before
}

// resume continues at the offset of the session, or with a new session if the registry has no
// bytes. A registry that does not answer this either is not asked for more.
func (p *push) resume(ctx context.Context) error {
	session, err := p.repo.Client.UploadStatus(ctx, p.session)
	if wire.IsUnanswered(err) {
		return err
	}
	if err != nil {
		return p.restart(ctx)
	}
	p.setSession(session)
	if session.Offset == 0 || session.Offset > p.blob.Size() {
		return p.restart(ctx)
	}
	return nil
}

// restart replaces the session by a new one, unless the registry has the blob: the response to the
// call that closed the old session may have been lost.
func (p *push) restart(ctx context.Context) error {
	if p.arrived = p.repo.has(ctx, p.blob.Digest(), p.blob.Size()); p.arrived {
		return nil
	}
	p.repo.cancel(ctx, p.session)
	session, err := p.repo.Client.StartUpload(ctx, p.repo.Name, p.blob.Digest())
	p.setSession(session)
	return err
}

// isTransient reports whether a call that failed may succeed the next time.
func isTransient(err error) bool {
	var answer *Error
	if errors.As(err, &answer) {
		return wire.IsTransientStatus(answer.StatusCode)
	}
	var request *RequestError
	return errors.As(err, &request) && wire.IsTransient(request.Err)
}
