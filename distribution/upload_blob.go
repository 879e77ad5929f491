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
	// uploadAttempts is how often in a row an upload may fail without the registry having more bytes than before.
	uploadAttempts = 6
	// firstChunk is the size in bytes of chunks once a whole blob was refused as too large: GHCR's limit.
	firstChunk = 4 << 20
	// leastChunk is where making chunks smaller ends.
	leastChunk = 64 << 10
	// cancelTime is how long giving up a session may take.
	cancelTime = 5 * time.Second
)

// push is one upload under way: a single PUT of the whole blob, or chunks from where the registry stands.
type push struct {
	repo     *Repository
	blob     *blob.Stream
	session  Upload
	chunk    int64         // most bytes in one call; 0 is all that is left
	refused  int64         // the least that was too much in one call, 0 where nothing was
	body     io.ReadCloser // the blob from session.Offset on, nil when it must be opened
	broken   error         // what the source failed with
	arrived  bool          // the registry has the blob although no answer said so
	furthest int64         // the most bytes that the registry has had in any session
}

// upload brings the blob into the session, going on after failures that pass: it asks the session where it stands,
// continues from there in chunks, and starts over only where that is not possible. It ends, since failures are counted
// until the upload gets further than it ever was.
func (r *Repository) upload(ctx context.Context, b *blob.Stream, session Upload) error {
	p := &push{repo: r, blob: b, session: session, chunk: r.ChunkSize}
	if known := r.Client.chunkFor(min(p.chunkSize(), b.Size())); known > 0 {
		p.chunk = known
	}
	defer p.drop()
	for failures := 1; ; failures++ {
		err := p.send(ctx)
		if err == nil {
			p.learn()
			return nil
		}
		p.drop()
		if p.session.Offset > p.furthest {
			p.furthest, failures = p.session.Offset, 1
		}
		if err = p.prepare(ctx, err, failures); err != nil {
			r.cancel(ctx, p.session)
			return err
		}
		if p.arrived {
			return nil
		}
	}
}

// learn lets other blobs know what chunks this one needed.
func (p *push) learn() {
	if p.refused > 0 && p.chunk > 0 {
		p.repo.Client.noteLimit(p.refused, p.chunkSize())
	}
}

// cancel gives up a session; that it may fail harms nobody, since registries sweep sessions away. One that has got bytes
// since its location was given out refuses that (CNCF distribution, 416), and its status has another.
func (r *Repository) cancel(ctx context.Context, session Upload) {
	if session.Location == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer stop()
	err := r.Client.CancelUpload(ctx, session)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return
	}
	if session, err := r.Client.UploadStatus(ctx, session); err == nil {
		_ = r.Client.CancelUpload(ctx, session)
	}
}

// send uploads all that the registry does not have yet and closes the session.
func (p *push) send(ctx context.Context) error {
	left := p.blob.Size() - p.session.Offset
	if p.session.Offset == 0 && (left == 0 || !p.repo.Patch && (p.chunk == 0 || p.chunkSize() >= left)) {
		return p.whole(ctx)
	}
	for p.session.Offset < p.blob.Size() {
		if err := p.next(ctx); err != nil {
			return err
		}
	}
	return p.repo.Client.FinishUpload(ctx, p.session, p.blob.Digest(), 0, nil)
}

// whole sends the blob in one PUT.
func (p *push) whole(ctx context.Context) error {
	source, err := p.open(ctx)
	if err == nil && p.blob.Size() == 0 {
		_, err = io.Copy(io.Discard, source)
	}
	if err != nil {
		p.broken = err
		return err
	}
	part := &part{source: source, left: p.blob.Size()}
	// The reader hands out the last bytes only when all of them have matched the digest.
	ctx = wire.WithSentBlob(ctx, string(p.blob.Digest()))
	err = p.repo.Client.FinishUpload(ctx, p.session, p.blob.Digest(), p.blob.Size(), part)
	return p.blame(part, err)
}

// next sends one chunk.
func (p *push) next(ctx context.Context) error {
	size := min(p.chunkSize(), p.blob.Size()-p.session.Offset)
	source, err := p.open(ctx)
	if err != nil {
		p.broken = err
		return err
	}
	part := &part{source: source, left: size}
	sent := p.session.Offset + size
	session, err := p.repo.Client.UploadChunk(ctx, p.session, size, part)
	if err != nil {
		return p.blame(part, err)
	}
	if session.Offset != sent || part.unread() {
		p.drop()
	}
	if session.Offset <= p.session.Offset {
		return fmt.Errorf("%s: %w: sent %d bytes from %d on, and it has %d", p.repo, errNoChunks, size, p.session.Offset, session.Offset)
	}
	p.session = session
	return nil
}

func (p *push) chunkSize() int64 {
	if p.chunk == 0 {
		return p.blob.Size()
	}
	return max(p.chunk, p.session.MinChunk)
}

// open returns the blob from the session's offset on. It is opened before the call that takes its bytes is made: a
// registry does not wait for long for a body that has yet to be found.
func (p *push) open(ctx context.Context) (io.Reader, error) {
	if p.body == nil {
		p.body = p.blob.Reader(ctx, p.session.Offset)
	}
	return p.body, p.body.(blob.Opener).Open()
}

func (p *push) drop() {
	if p.body != nil {
		p.body.Close()
		p.body = nil
	}
}

// blame finds out whether a call failed because the source did; then that is the error to report.
func (p *push) blame(part *part, err error) error {
	if err == nil {
		return nil
	}
	if broken := part.failed(); broken != nil {
		p.broken = broken
		return broken
	}
	return err
}

// errNoChunks says that a registry took a chunk and is no further than before.
var errNoChunks = errors.New("the registry does not keep the chunks of an upload")

// prepare gets ready for the next attempt after err, or returns the error that ends the upload.
func (p *push) prepare(ctx context.Context, err error, failures int) error {
	switch {
	case p.broken != nil || ctx.Err() != nil:
		return err
	case failures >= uploadAttempts:
		return fmt.Errorf("gave up after %d attempts: %w", failures, err)
	case hasStatus(err, http.StatusRequestEntityTooLarge):
		return p.shrink(ctx, err)
	case hasStatus(err, http.StatusRequestedRangeNotSatisfiable):
		return p.refit(ctx, err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, BlobUploadUnknown), errors.Is(err, BlobUploadInvalid):
		return p.restart(ctx)
	case failures > 1 && (hasStatus(err, http.StatusUnauthorized) || errors.Is(err, DigestInvalid)):
		return err // worth one more time, not more
	case hasStatus(err, http.StatusUnauthorized):
		return p.resume(ctx) // a token that ran out early; asking for the status gets a new one
	case errors.Is(err, DigestInvalid):
		return p.restart(ctx) // bytes spoilt on the way
	case p.chunked() && refusesChunks(err):
		p.chunk = 0
		return p.restart(ctx)
	case !isPassing(err):
		return err
	}
	if waitErr := p.repo.Client.wait(ctx, err, failures); waitErr != nil {
		return errors.Join(err, waitErr)
	}
	return p.resume(ctx)
}

// chunked tells whether the blob went in more than one call.
func (p *push) chunked() bool {
	return p.session.Offset > 0 || p.chunk > 0 && p.chunkSize() < p.blob.Size()
}

// refusesChunks tells whether a registry knows only uploads in one PUT, as Google's does, or drops what follows the first
// chunk, as ECR does (containers-roadmap #2831).
func refusesChunks(err error) bool {
	return errors.Is(err, errNoChunks) || errors.Is(err, Unsupported) ||
		hasStatus(err, http.StatusMethodNotAllowed, http.StatusNotImplemented)
}

// shrink makes chunks smaller after 413: a proxy before the registry limits the size of a request.
func (p *push) shrink(ctx context.Context, cause error) error {
	if !p.smaller() {
		return cause
	}
	p.repo.Client.warnOnce(fmt.Sprintf("%s refuses large requests (413): sending chunks of at most %d KiB", p.repo, p.chunk>>10))
	return p.resume(ctx)
}

// refit goes on after 416: the registry is elsewhere than thought, or it limits chunks without saying 413, as GHCR does.
func (p *push) refit(ctx context.Context, cause error) error {
	before := p.session.Offset
	err := p.resume(ctx)
	if err != nil || p.arrived || p.session.Offset != before || p.smaller() {
		return err
	}
	return cause
}

// smaller makes chunks smaller, and tells whether that was possible.
func (p *push) smaller() bool {
	before := p.chunkSize()
	if p.chunk == 0 || p.chunk > firstChunk {
		p.chunk = min(firstChunk, p.blob.Size()/2)
	} else {
		p.chunk /= 4
	}
	p.chunk, p.refused = max(p.chunk, leastChunk), before
	return p.chunkSize() < before
}

// resume asks where the session stands and goes on from there, with a new session if it has nothing.
func (p *push) resume(ctx context.Context) error {
	session, err := p.repo.Client.UploadStatus(ctx, p.session)
	if err != nil {
		return p.restart(ctx)
	}
	p.session = session
	if session.Offset == 0 || session.Offset > p.blob.Size() {
		return p.restart(ctx)
	}
	return nil
}

// restart gives the session up for a new one, unless the blob is there: the answer to the call that closed the old one may
// be lost.
func (p *push) restart(ctx context.Context) error {
	if p.arrived = p.repo.has(ctx, p.blob.Digest(), p.blob.Size()); p.arrived {
		return nil
	}
	p.repo.cancel(ctx, p.session)
	session, err := p.repo.Client.StartUpload(ctx, p.repo.Name, p.blob.Digest())
	p.session = session
	return err
}

// isPassing tells whether a failed call may work the next time.
func isPassing(err error) bool {
	var answer *Error
	if errors.As(err, &answer) {
		return wire.IsTransientStatus(answer.StatusCode)
	}
	var broken *RequestError
	return errors.As(err, &broken) && wire.IsTransient(broken.Err)
}
