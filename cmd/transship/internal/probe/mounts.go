package probe

import (
	"context"
	"net/http"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
)

// mount asks for a blob of another repository, "" for any.
func (p *prober) mount(ctx context.Context, d blob.Digest, from string) *answer {
	query := []string{"mount", string(d)}
	if from != "" {
		query = append(query, "from", from)
	}
	return p.send(ctx, to(http.MethodPost, endpoint.Uploads(p.repo), query...))
}

// mountFinding judges the answer to a mount that must work, and ends the session that is opened instead.
func (p *prober) mountFinding(ctx context.Context, a *answer) finding {
	if a.is(http.StatusAccepted) {
		p.cancel(ctx, p.sessionOf(a))
		return no("it opens a session, "+a.text(), a)
	}
	return p.stored(a, p.repo, p.mountable.digest)
}

// noMountable is the finding of a mount where no blob is in the other repository.
func noMountable() finding { return after("has taken no blob to mount") }

// probeMountAnonymous mounts a blob without saying from where. The repository must not have it for the
// next row, so it is deleted.
func probeMountAnonymous(ctx context.Context, p *prober) finding {
	if p.mountable.digest == "" {
		return noMountable()
	}
	f := p.mountFinding(ctx, p.mount(ctx, p.mountable.digest, ""))
	if f.verdict != Yes {
		return f
	}
	p.blobDeleted = p.delete(ctx, endpoint.Blob(p.repo, string(p.mountable.digest)))
	return f
}

func probeMountFrom(ctx context.Context, p *prober) finding {
	switch at := endpoint.Blob(p.repo, string(p.mountable.digest)); {
	case p.mountable.digest == "":
		return noMountable()
	case p.wrote.has(at):
		return unknown("the blob that is mounted without from is not deleted: " + p.blobDeleted.text())
	}
	return p.mountFinding(ctx, p.mount(ctx, p.mountable.digest, p.from))
}

// probeMountNowhere mounts a blob that the other repository does not have.
func probeMountNowhere(ctx context.Context, p *prober) finding {
	if p.mountable.digest == "" {
		return noMountable()
	}
	a := p.mount(ctx, newBlob(0).digest, p.from)
	if a.is(http.StatusAccepted) {
		p.cancel(ctx, p.sessionOf(a))
		return yes(a.text(), a)
	}
	if a.isLogin() {
		return no(a.text(), a)
	}
	return orNo(a)
}
