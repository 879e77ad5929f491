package distribution

import (
	"context"
	"errors"
	"io"
	"net/url"
	"sync"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
)

// uploadEntry is an upload's entry in a journal. A nil entry notes nothing.
type uploadEntry struct {
	journal Journal
	key     UploadKey
	last    UploadNote // of an earlier process

	mu   sync.Mutex
	note UploadNote
}

// takeEntry returns the entry of a blob's upload, nil if it is not noted.
func (r *Repository) takeEntry(b *blob.Stream) *uploadEntry {
	if r.Journal == nil || b.Size() < journaledSize {
		return nil
	}
	e := &uploadEntry{journal: r.Journal, key: UploadKey{
		Registry: r.Client.Host, Repository: r.Name, Digest: b.Digest(), Size: b.Size(),
	}}
	var ok bool
	if e.last, ok = r.Journal.Take(e.key); !ok {
		return nil
	}
	b.OnCheckpoint(func() {
		e.save(func(n *UploadNote) { n.Checkpoints = b.Checkpoints(notedCheckpoints) })
	})
	return e
}

// save changes the note and saves it. The goroutine that reads a body does so too.
func (e *uploadEntry) save(change func(*UploadNote)) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.note)
	if e.note.Location != "" {
		e.journal.Save(e.key, e.note)
	}
}

// hasProgress reports whether so much was sent that it is worth resuming.
func (e *uploadEntry) hasProgress() bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.note.Offset > 0 || len(e.note.Checkpoints) > 0
}

// release ends the entry.
func (e *uploadEntry) release(keep bool) {
	if e != nil {
		e.journal.Release(e.key, keep)
	}
}

// setSession makes session the one of the upload, and notes it.
func (p *push) setSession(session UploadSession) {
	p.session = session
	if session.Location == nil {
		return
	}
	p.entry.save(func(n *UploadNote) {
		n.Location, n.MinChunk, n.Offset = session.Location.String(), session.MinChunk, session.Offset
	})
}

// resumeEarlier replaces the new session by the one of an earlier process if the registry still has
// bytes there, and reports whether it did. Whatever else the registry answers, the new one is used.
func (p *push) resumeEarlier(ctx context.Context) bool {
	if p.entry == nil || p.entry.last.Location == "" {
		return false
	}
	earlier, err := p.repo.Client.notedSession(ctx, p.repo.Name, p.entry.last)
	if err == nil {
		earlier, err = p.repo.Client.UploadStatus(ctx, earlier)
	}
	if err != nil || earlier.Offset <= 0 || earlier.Offset > p.blob.Size() {
		return false
	}
	p.blob.Restore(p.entry.last.Checkpoints...)
	p.repo.cancel(ctx, p.session)
	p.entry.note.Checkpoints = p.entry.last.Checkpoints
	p.setSession(earlier)
	p.earlier, p.maxOffset = true, earlier.Offset
	if p.repo.OnResume != nil {
		p.repo.OnResume(p.blob.Digest(), earlier.Offset)
	}
	return true
}

// notedSession returns the session of a note. Its address is held to the same rules as one that the
// registry gives out.
func (c *Client) notedSession(ctx context.Context, repo string, n UploadNote) (UploadSession, error) {
	to, err := url.Parse(n.Location)
	if err == nil && to.Hostname() == "" {
		err = errors.New("the journal has a location that is no URL")
	}
	if err != nil {
		return UploadSession{}, err
	}
	from := c.url(resourceAt(endpoint.Uploads(repo), auth.Pull, auth.Push))
	to = restoreSchemeAndPort(from, to) // of a registry that is reached by HTTP although URLs begin with https
	if err := c.Redirects.Check(ctx, from, to); err != nil {
		return UploadSession{}, err
	}
	return UploadSession{Repository: repo, Location: to, MinChunk: n.MinChunk}, nil
}

// verifyEarlier verifies a blob of which the registry has every byte: no body reads the source then.
func (p *push) verifyEarlier(ctx context.Context) error {
	source, err := p.open(ctx)
	if err == nil {
		_, err = io.Copy(io.Discard, source)
	}
	if err != nil {
		p.sourceErr = err
	}
	return err
}

// isEarlierWrong reports whether err, which would end the upload, may be due to what is known of an
// earlier process's session: its bytes or its checkpoints are others, or the registry says wrongly
// where it stands.
func (p *push) isEarlierWrong(ctx context.Context, err error) bool {
	if !p.earlier || ctx.Err() != nil {
		return false
	}
	var mismatch *blob.MismatchError
	if p.sourceErr != nil {
		return errors.As(err, &mismatch)
	}
	return !isTransient(err)
}

// startOver drops all that is known of an earlier process's session.
func (p *push) startOver(ctx context.Context) error {
	p.earlier, p.sourceErr, p.maxOffset = false, nil, 0
	p.chunk, p.refused = p.repo.ChunkSize, 0
	p.blob.Forget()
	p.entry.save(func(n *UploadNote) { n.Checkpoints = nil })
	return p.restart(ctx)
}

// isKept reports whether an upload that ends with err is left for the next process: the registry has
// some of it, and unless the bytes are wrong or refused, the next attempt may succeed.
func (p *push) isKept(ctx context.Context, err error) bool {
	if p.session.Location == nil || !p.entry.hasProgress() {
		return false
	}
	var mismatch *blob.MismatchError
	if p.sourceErr != nil {
		return !errors.As(err, &mismatch)
	}
	return ctx.Err() != nil || isTransient(err)
}
