package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/manifest"
)

// content is a blob or a manifest.
type content struct {
	digest    blob.Digest
	mediaType string // of a manifest
	size      int64
	bytes     []byte // if they are known
}

// manifestDigest returns the digest of the manifest that was read.
func (p *prober) manifestDigest() blob.Digest { return blob.FromBytes(p.manifest.body) }

// probeManifestGet reads the manifest of the tag, and finds a blob in it.
func probeManifestGet(ctx context.Context, p *prober) finding {
	if p.tag == "" {
		return after("has no tag here")
	}
	a := p.send(ctx, to(http.MethodGet, endpoint.Manifest(p.repo, p.tag)))
	if !a.is(http.StatusOK) {
		return orNo(a)
	}
	m, err := manifest.Parse(a.header.Get("Content-Type"), a.body)
	if err != nil {
		return no("the answer is no manifest: "+err.Error(), a)
	}
	p.manifest = a
	if p.blob.digest == "" {
		p.blob, _ = p.findBlob(ctx, m)
	}
	return yes(p.tag+" is "+m.MediaType, a)
}

// errNoBlob is the error of a manifest without a config that is long enough for ranges.
var errNoBlob = errors.New("it names no config of 8 bytes or more")

// findBlob returns the config of an image, or of the first image of an index.
func (p *prober) findBlob(ctx context.Context, m manifest.Manifest) (content, error) {
	if manifest.IsIndex(m.MediaType) {
		ix, err := m.Index()
		if err != nil || len(ix.Manifests) == 0 {
			return content{}, errNoBlob
		}
		a := p.send(ctx, to(http.MethodGet, endpoint.Manifest(p.repo, string(ix.Manifests[0].Digest))))
		if !a.is(http.StatusOK) {
			return content{}, errNoBlob
		}
		if m, err = manifest.Parse(a.header.Get("Content-Type"), a.body); err != nil || manifest.IsIndex(m.MediaType) {
			return content{}, errNoBlob
		}
	}
	image, err := m.Image()
	if err != nil || image.Config.Size < 8 {
		return content{}, errNoBlob
	}
	return content{digest: image.Config.Digest, size: image.Config.Size}, nil
}

func probeManifestDigest(_ context.Context, p *prober) finding {
	if p.manifest == nil {
		return after("has given no manifest")
	}
	return digestFinding(p.manifest, p.manifestDigest())
}

// digestFinding compares Docker-Content-Digest with what it should be.
func digestFinding(a *answer, want blob.Digest) finding {
	switch got := a.digest(); got {
	case "":
		return no("it is missing", a)
	case want:
		return yes(string(got.Algorithm()), a)
	default:
		return no("it is another one: "+string(got), a)
	}
}

func probeManifestHead(ctx context.Context, p *prober) finding {
	if p.manifest == nil {
		return after("has given no manifest")
	}
	a := p.send(ctx, to(http.MethodHead, endpoint.Manifest(p.repo, p.tag)))
	return lengthFinding(a, int64(len(p.manifest.body)))
}

// lengthFinding compares the Content-Length of a HEAD with what it should be.
func lengthFinding(a *answer, want int64) finding {
	if !a.is(http.StatusOK) {
		return orNo(a)
	}
	got := a.header.Get("Content-Length")
	if got == "" {
		return no("it has no Content-Length", a)
	}
	return either(got == fmt.Sprint(want), got+" bytes", a)
}

// missing is the digest of what is nowhere.
const missing = "sha256:" + "00000000000000000000000000000000" + "000000000000000000000000deadbeef"

func probeManifestMissing(ctx context.Context, p *prober) finding {
	p.missing = p.send(ctx, to(http.MethodGet, endpoint.Manifest(p.repo, missing)))
	if p.missing.is(http.StatusNotFound) {
		return yes(p.missing.text(), p.missing)
	}
	return orNo(p.missing)
}

func probeErrorJSON(_ context.Context, p *prober) finding {
	a := p.missing
	switch {
	case a.err != nil || a.failed == nil:
		return of(a)
	case len(a.failed.Errors) == 0:
		return no(fmt.Sprintf("%d %s", a.status, a.header.Get("Content-Type")), a)
	}
	return yes(string(a.failed.Errors[0].Code), a)
}

// noBlob is the finding of the rows of blobs where none is known.
func noBlob() finding { return after("has given no manifest with a config of 8 bytes or more") }

// blobRequest returns a request for the blob that is read.
func (p *prober) blobRequest(method string) request {
	return to(method, endpoint.Blob(p.repo, string(p.blob.digest)))
}

func probeBlobHead(ctx context.Context, p *prober) finding {
	if p.blob.digest == "" {
		return noBlob()
	}
	p.blobHead = p.send(ctx, p.blobRequest(http.MethodHead))
	return lengthFinding(p.blobHead, p.blob.size)
}

func probeBlobDigest(_ context.Context, p *prober) finding {
	switch {
	case p.blob.digest == "":
		return noBlob()
	case !p.blobHead.is(http.StatusOK):
		return of(p.blobHead)
	}
	return digestFinding(p.blobHead, p.blob.digest)
}

// sendRange asks for a range of the blob.
func (p *prober) sendRange(ctx context.Context, text string) *answer {
	return p.send(ctx, p.blobRequest(http.MethodGet).with("Range", "bytes="+text))
}

// rangeFinding judges the answer to a range from one byte of the blob to another.
func (p *prober) rangeFinding(a *answer, from, to int64) finding {
	switch {
	case a.is(http.StatusOK):
		return no("200, all of the blob", a)
	case !a.is(http.StatusPartialContent):
		return orNo(a)
	}
	got := a.header.Get("Content-Range")
	rest, ok := strings.CutPrefix(got, fmt.Sprintf("bytes %d-%d/", from, to))
	isRight := ok && (rest == "*" || rest == fmt.Sprint(p.blob.size)) && int64(len(a.body)) == to-from+1
	if isRight && p.blob.bytes != nil {
		isRight = string(a.body) == string(p.blob.bytes[from:to+1])
	}
	return either(isRight, "Content-Range: "+got, a)
}

func probeRange(ctx context.Context, p *prober) finding {
	if p.blob.digest == "" {
		return noBlob()
	}
	p.ranged = p.sendRange(ctx, "1-4")
	return p.rangeFinding(p.ranged, 1, 4)
}

func probeRedirect(_ context.Context, p *prober) finding {
	switch {
	case p.blob.digest == "":
		return noBlob()
	case p.ranged.err != nil:
		return of(p.ranged)
	case p.ranged.url == nil || strings.EqualFold(p.ranged.url.Host, p.client.Host):
		return no("the registry sends them itself", p.ranged)
	}
	return yes("to "+p.ranged.url.Host, p.ranged)
}

func probeRangeSuffix(ctx context.Context, p *prober) finding {
	if p.blob.digest == "" {
		return noBlob()
	}
	return p.rangeFinding(p.sendRange(ctx, "-4"), p.blob.size-4, p.blob.size-1)
}

func probeRangeBeyond(ctx context.Context, p *prober) finding {
	if p.blob.digest == "" {
		return noBlob()
	}
	a := p.sendRange(ctx, fmt.Sprintf("%d-%d", p.blob.size+10, p.blob.size+20))
	if a.is(http.StatusRequestedRangeNotSatisfiable) {
		return yes(a.text(), a)
	}
	return orNo(a)
}

func probeIfRange(ctx context.Context, p *prober) finding {
	if p.blob.digest == "" {
		return noBlob()
	}
	a := p.send(ctx, p.blobRequest(http.MethodGet).with("Range", "bytes=1-4").with("If-Range", `"another"`))
	switch {
	case a.is(http.StatusOK):
		return yes(a.text(), a)
	case p.ranged.is(http.StatusPartialContent):
		return orNo(a)
	}
	return of(a)
}
