package distribution

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// mirroredBlob is a blob that the mirrors of a repository may have too.
type mirroredBlob struct {
	repo *Repository
	blob manifest.Descriptor

	mu     sync.Mutex
	places map[*Mirror]rangedOpen // nil is the registry itself
}

// rangedOpen is what [Repository.RangedBlob] returns.
type rangedOpen struct {
	open      blob.Open
	openRange blob.OpenRange
}

// at returns how the blob is read in one place. All readings share what they learn about where its
// bytes are.
func (b *mirroredBlob) at(repo *Repository) rangedOpen {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.places[repo.mirror]
	if !ok {
		known.open, known.openRange = repo.rangedBlobHere(b.blob)
		if b.places == nil {
			b.places = map[*Mirror]rangedOpen{}
		}
		b.places[repo.mirror] = known
	}
	return known
}

// open is blob.Open.
func (b *mirroredBlob) open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if d := b.blob; int64(len(d.Data)) == d.Size && offset <= d.Size {
		return io.NopCloser(bytes.NewReader(d.Data[offset:])), nil
	}
	return readFrom(ctx, b.repo, content{digest: b.blob.Digest},
		func(ctx context.Context, at *Repository) (io.ReadCloser, error) {
			body, err := b.at(at).open(ctx, offset)
			if err != nil || at.mirror == nil {
				return body, err
			}
			return &mirrorBody{ReadCloser: body, ctx: ctx, of: b, from: at.mirror, left: b.blob.Size - offset}, nil
		})
}

// rangeBody is what an OpenRange returns.
type rangeBody struct {
	body   io.ReadCloser
	costly bool
}

// openRange is blob.OpenRange.
func (b *mirroredBlob) openRange(ctx context.Context, r blob.Range) (body io.ReadCloser, costly bool, err error) {
	got, err := readFrom(ctx, b.repo, content{digest: b.blob.Digest},
		func(ctx context.Context, at *Repository) (rangeBody, error) {
			body, costly, err := b.at(at).openRange(ctx, r)
			return rangeBody{body, costly}, err
		})
	return got.body, got.costly, err
}

// mirrorBody is the body of a mirror's response. If it breaks off, the mirror is not asked for that
// blob any more: the blob goes on from elsewhere.
type mirrorBody struct {
	io.ReadCloser
	ctx  context.Context
	of   *mirroredBlob
	from *Mirror
	left int64
}

// Read implements io.Reader.
func (b *mirrorBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if err != nil && b.ctx.Err() == nil && (err != io.EOF || b.left > 0) {
		repo := b.of.repo
		repo.mirrorUse.add(&repo.mirrorUse.broken, b.of.blob.Digest, b.from)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}
