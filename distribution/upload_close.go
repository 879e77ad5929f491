package distribution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

const (
	// askEvery is how often a registry that owes the answer to the close of an upload is asked whether
	// it has the blob.
	askEvery = 15 * time.Second
	// minLate is how much longer an answer must be waited for that the registry is asked meanwhile.
	minLate = 10 * time.Second
	// maxUnknown is how often in a row the registry must say that it does not know the session: it
	// may have ended it just before the blob can be found.
	maxUnknown = 2
)

// errClosed is why a call that closes an upload was cancelled: the registry has said meanwhile how
// the upload has ended.
type errClosed struct{ err error } // nil if the registry has the blob

// Error implements error.
func (e *errClosed) Error() string { return fmt.Sprintf("the upload has ended: %v", e.err) }

// closeSession closes the session with the last size bytes of the blob. While the answer is late, it
// asks the registry for the blob and for the session.
func (p *push) closeSession(ctx context.Context, size int64, body io.Reader) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	session := p.session
	closing := wire.WithClosedUpload(ctx, p.blob.Size(), func(left time.Duration) {
		if left >= minLate {
			p.askUntilClosed(ctx, session, left, cancel)
		}
	})
	err := p.repo.Client.FinishUpload(closing, session, p.blob.Digest(), size, body)
	var closed *errClosed
	if err != nil && errors.As(context.Cause(ctx), &closed) {
		return closed.err
	}
	return err
}

// askUntilClosed asks the registry how the upload has ended, until it says so or ctx is done, and
// then cancels the call that closes the session with an *errClosed.
func (p *push) askUntilClosed(
	ctx context.Context, session UploadSession, left time.Duration, cancel context.CancelCauseFunc,
) {
	p.repo.Client.warnOnce(fmt.Sprintf("%s has all %d MiB of %s and has not answered yet: "+
		"waiting up to %s more, and asking for the blob meanwhile",
		p.repo, p.blob.Size()>>20, p.blob.Digest().Short(), left.Round(time.Second)))
	for unknown := 0; ctx.Err() == nil; _ = wire.Sleep(ctx, askEvery) {
		found, err := p.repo.Client.HeadBlob(asking(ctx), p.repo.Name, p.blob.Digest())
		if err == nil && (found < 0 || found == p.blob.Size()) {
			cancel(&errClosed{})
			return
		}
		if errors.Is(err, fs.ErrNotExist) {
			_, err = p.repo.Client.UploadStatus(ctx, session)
		}
		if unknown++; !errors.Is(err, BlobUploadUnknown) {
			unknown = 0
		}
		if unknown == maxUnknown || wire.IsUnanswered(err) {
			cancel(&errClosed{err})
			return
		}
	}
}
