package probe

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
)

const (
	blobSize = 4 << 10 // bytes of a blob that is made, at least
	maxChunk = 4 << 20 // the greatest least size of chunks for which they are tested
)

// newBlob returns a blob of at least size bytes that no registry has: the config of an image without
// layers.
func newBlob(size int) content {
	raw, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux",
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{}},
		"config": map[string]any{"Labels": map[string]string{
			"org.opencontainers.image.title": "transship probe " + rand.Text(),
			"padding":                        strings.Repeat("x", size),
		}},
	})
	if err != nil {
		return content{}
	}
	return newContent(raw)
}

func newContent(raw []byte) content {
	return content{digest: blob.FromBytes(raw), size: int64(len(raw)), bytes: raw}
}

// stored notes a blob that a registry has taken, and judges the answer.
func (p *prober) stored(a *answer, repo string, d blob.Digest, shown ...*answer) finding {
	if !a.is(http.StatusCreated) {
		f := orNo(a)
		f.shown = append(shown, f.shown...)
		return f
	}
	p.wrote.add(endpoint.Blob(repo, string(d)))
	return yes(a.text(), append(shown, a)...)
}

// probeUploadPut uploads the blob that the manifests have.
func probeUploadPut(ctx context.Context, p *prober) finding {
	s := p.openSession(ctx, p.repo)
	p.session = s
	if s.url == nil {
		return s.finding()
	}
	made := newBlob(max(blobSize, int(min(chunkMin(s.opened), maxChunk))*2))
	p.uploaded = p.put(ctx, s, made.digest, made.bytes)
	f := p.stored(p.uploaded, p.repo, made.digest, s.opened)
	if f.verdict == Yes {
		p.blob = made
	}
	return f
}

// chunkMin returns the least size of chunks that an answer asks for, 0 if it asks for none.
func chunkMin(a *answer) int64 {
	n, err := strconv.ParseInt(a.header.Get("OCI-Chunk-Min-Length"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func probeUploadDigest(_ context.Context, p *prober) finding {
	if !p.uploaded.is(http.StatusCreated) {
		return after("takes no blob by POST and PUT")
	}
	return digestFinding(p.uploaded, p.blob.digest)
}

func probeRelativeLocation(_ context.Context, p *prober) finding {
	if p.session.url == nil {
		return p.session.finding()
	}
	where := p.session.opened.header.Get("Location")
	isRelative := strings.HasPrefix(where, "/") && !strings.HasPrefix(where, "//") || !strings.Contains(where, "//")
	if isRelative {
		return yes("it has no host", p.session.opened)
	}
	return no("it is a whole URL", p.session.opened)
}

func probeChunkMin(_ context.Context, p *prober) finding {
	if p.session.url == nil {
		return p.session.finding()
	}
	if n := p.session.opened.header.Get("OCI-Chunk-Min-Length"); n != "" {
		return yes(n+" bytes", p.session.opened)
	}
	return no("it is missing", p.session.opened)
}

// probeUploadPost uploads the blob that is mounted later to the repository that it is mounted from. A
// session that the POST opens is used.
func probeUploadPost(ctx context.Context, p *prober) finding {
	made := newBlob(0)
	q := to(http.MethodPost, endpoint.Uploads(p.from), "digest", string(made.digest))
	q.body = made.bytes
	a := p.send(ctx, q)
	if a.is(http.StatusAccepted) {
		s := p.sessionOf(a)
		if s.url == nil {
			return s.finding()
		}
		if put := p.put(ctx, s, made.digest, made.bytes); p.stored(put, p.from, made.digest).verdict == Yes {
			p.mountable = made
		}
		return no("it opens a session, "+a.text(), a)
	}
	f := p.stored(a, p.from, made.digest)
	if f.verdict == Yes {
		p.mountable = made
	}
	return f
}

// probeUploadChunks uploads in two chunks, and asks for the session's status between them.
func probeUploadChunks(ctx context.Context, p *prober) finding {
	if p.blob.bytes == nil {
		return after("takes no blob by POST and PUT")
	}
	s := p.openSession(ctx, p.repo)
	if s.url == nil {
		return s.finding()
	}
	least := chunkMin(s.opened)
	if least > maxChunk {
		p.cancel(ctx, s)
		return unknown(fmt.Sprintf("chunks of %d bytes are not tried", least), s.opened)
	}
	cut := max(1<<10, int(least))
	first := p.patch(ctx, s, 0, p.blob.bytes[:cut])
	if !first.is(http.StatusAccepted) {
		return orNo(first)
	}
	p.cut = cut
	p.status = p.send(ctx, request{method: http.MethodGet, url: s.url})
	second := p.patch(ctx, s, cut, p.blob.bytes[cut:])
	if !second.is(http.StatusAccepted) {
		return orNo(second)
	}
	closed := p.put(ctx, s, p.blob.digest, nil)
	return p.stored(closed, p.repo, p.blob.digest, first, second)
}

func probeUploadStatus(_ context.Context, p *prober) finding {
	if p.status == nil {
		return after("takes no chunk")
	}
	if !p.status.is(http.StatusNoContent, http.StatusOK) {
		return orNo(p.status)
	}
	got := strings.TrimPrefix(p.status.header.Get("Range"), "bytes=")
	return either(got == fmt.Sprintf("0-%d", p.cut-1), fmt.Sprintf("Range: %s after %d bytes", got, p.cut), p.status)
}

// probeOutOfOrder sends the second chunk first.
func probeOutOfOrder(ctx context.Context, p *prober) finding {
	if p.cut == 0 {
		return after("takes no chunk")
	}
	s := p.openSession(ctx, p.repo)
	if s.url == nil {
		return s.finding()
	}
	a := p.patch(ctx, s, p.cut, p.blob.bytes[p.cut:2*p.cut])
	p.cancel(ctx, s)
	if a.is(http.StatusRequestedRangeNotSatisfiable) {
		return yes(a.text(), a)
	}
	return orNo(a)
}

// probeUploadStream sends a body without a range, as docker push does.
func probeUploadStream(ctx context.Context, p *prober) finding {
	if p.blob.bytes == nil {
		return after("takes no blob by POST and PUT")
	}
	s := p.openSession(ctx, p.repo)
	if s.url == nil {
		return s.finding()
	}
	a := p.patch(ctx, s, -1, p.blob.bytes)
	if !a.is(http.StatusAccepted) {
		return orNo(a)
	}
	return p.stored(p.put(ctx, s, p.blob.digest, nil), p.repo, p.blob.digest, a)
}

func probeUploadCancel(ctx context.Context, p *prober) finding {
	s := p.openSession(ctx, p.repo)
	if s.url == nil {
		return s.finding()
	}
	a := p.send(ctx, request{method: http.MethodDelete, url: s.url})
	switch {
	case a.is(http.StatusNoContent):
		return yes(a.text(), a)
	case a.is(http.StatusOK, http.StatusAccepted):
		return no(a.text()+" where the specification has 204", a)
	}
	return orNo(a)
}

// probeBadDigest closes a session with the digest of another blob.
func probeBadDigest(ctx context.Context, p *prober) finding {
	s := p.openSession(ctx, p.repo)
	if s.url == nil {
		return s.finding()
	}
	a := p.put(ctx, s, missing, []byte("transship probe"))
	if a.is(http.StatusBadRequest) {
		return yes(a.text(), a)
	}
	if a.is(http.StatusCreated) {
		p.wrote.add(endpoint.Blob(p.repo, missing))
	}
	return orNo(a)
}

// probeSHA512Blob uploads the blob once more, by another digest.
func probeSHA512Blob(ctx context.Context, p *prober) finding {
	if p.blob.bytes == nil {
		return after("takes no blob by POST and PUT")
	}
	s := p.openSession(ctx, p.repo)
	if s.url == nil {
		return s.finding()
	}
	d := blob.SHA512.Digest(p.blob.bytes)
	a := p.put(ctx, s, d, p.blob.bytes)
	if !a.is(http.StatusCreated) {
		return orNo(a)
	}
	if got := a.digest(); got != "" && got != d {
		return no("it is stored under its "+string(got.Algorithm()), a)
	}
	p.wrote.add(endpoint.Blob(p.repo, string(d)))
	return yes(a.text(), a)
}
