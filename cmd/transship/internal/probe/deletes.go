package probe

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/endpoint"
)

// writes are the manifests and blobs that a run has written, in order, without those that it deleted.
type writes struct{ paths []endpoint.Path }

func (w *writes) has(at endpoint.Path) bool { return slices.Contains(w.paths, at) }

// count returns how many calls it takes to delete them.
func (w *writes) count() int { return len(w.paths) }

func (w *writes) add(at endpoint.Path) {
	if !w.has(at) {
		w.paths = append(w.paths, at)
	}
}

func (w *writes) remove(at endpoint.Path) {
	w.paths = slices.DeleteFunc(w.paths, func(other endpoint.Path) bool { return other == at })
}

// names returns them as a report has them.
func (w *writes) names() []string {
	out := []string{}
	for _, at := range w.paths {
		out = append(out, at.Repository+"@"+at.Reference)
	}
	return out
}

// delete deletes a manifest or a blob, and forgets what is gone.
func (p *prober) delete(ctx context.Context, at endpoint.Path) *answer {
	a := p.sendAnyway(ctx, to(http.MethodDelete, at))
	if a.is(http.StatusAccepted, http.StatusOK, http.StatusNoContent, http.StatusNotFound) && !a.isHTML() {
		p.wrote.remove(at)
	}
	return a
}

// deleteFinding judges the answer to a DELETE, and whether what it names is gone.
func (p *prober) deleteFinding(ctx context.Context, a *answer, at endpoint.Path) finding {
	if !a.is(http.StatusAccepted) {
		return orNo(a)
	}
	gone := p.send(ctx, to(http.MethodHead, at))
	if gone.is(http.StatusOK) {
		return no(a.text()+", and it is there still", a, gone)
	}
	return yes(a.text(), a, gone)
}

func probeDeleteTag(ctx context.Context, p *prober) finding {
	if p.tag == "" {
		return noManifest()
	}
	at := endpoint.Manifest(p.repo, p.tag)
	return p.deleteFinding(ctx, p.send(ctx, to(http.MethodDelete, at)), at)
}

// probeDeleteManifest deletes the one that refers to the image, else the image.
func probeDeleteManifest(ctx context.Context, p *prober) finding {
	if p.tag == "" {
		return noManifest()
	}
	d := p.artifact
	if d == "" {
		d = p.imageMade.digest
	}
	at := endpoint.Manifest(p.repo, string(d))
	return p.deleteFinding(ctx, p.delete(ctx, at), at)
}

// probeDeleteBlob deletes the last copy of the blob that was mounted, which no manifest names: zot finds
// a blob that another repository has.
func probeDeleteBlob(ctx context.Context, p *prober) finding {
	if p.mountable.digest == "" {
		return noMountable()
	}
	if mounted := endpoint.Blob(p.repo, string(p.mountable.digest)); p.wrote.has(mounted) {
		p.delete(ctx, mounted)
	}
	at := endpoint.Blob(p.from, string(p.mountable.digest))
	return p.deleteFinding(ctx, p.delete(ctx, at), at)
}

// cleanTime bounds how long it takes to clean up after an interrupt.
const cleanTime = 10 * time.Second

// clean deletes what the run has written: manifests before blobs, the last first. A kind that the
// registry does not delete it does not try again.
func (p *prober) clean(ctx context.Context) {
	if errors.Is(context.Cause(ctx), cli.ErrInterrupted) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
		defer cancel()
	}
	for _, kind := range []endpoint.Kind{endpoint.KindManifest, endpoint.KindBlob} {
		p.cleanKind(ctx, kind)
	}
}

func (p *prober) cleanKind(ctx context.Context, kind endpoint.Kind) {
	paths := slices.Clone(p.wrote.paths)
	slices.Reverse(paths)
	for _, at := range paths {
		if at.Kind != kind || ctx.Err() != nil || len(p.calls(0)) >= maxCalls {
			continue
		}
		if p.delete(ctx, at).is(http.StatusMethodNotAllowed, http.StatusForbidden, http.StatusUnauthorized) {
			return
		}
	}
}
