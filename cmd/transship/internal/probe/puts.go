package probe

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/manifest"
)

// object is an object of JSON.
type object map[string]any

func descriptor(mediaType string, c content) object {
	return object{"mediaType": mediaType, "digest": c.digest, "size": c.size}
}

// newManifest encodes a manifest, indented and with a member that no specification has: a registry must
// keep both.
func newManifest(mediaType string, members object) content {
	members["schemaVersion"], members["mediaType"] = 2, mediaType
	members["org.example.transship"] = "a member that is not known"
	raw, err := json.MarshalIndent(members, "", "   ")
	if err != nil {
		return content{}
	}
	c := newContent(raw)
	c.mediaType = mediaType
	return c
}

// image returns an image whose config and only layer are the blob, with more members.
func (p *prober) image(more object) content {
	members := object{
		"config": descriptor(manifest.MediaTypeOCIConfig, p.blob),
		"layers": []object{descriptor("application/vnd.oci.image.layer.v1.tar", p.blob)},
	}
	for name, value := range more {
		members[name] = value
	}
	return newManifest(manifest.MediaTypeOCIManifest, members)
}

// putManifest stores a manifest under a tag or a digest.
func (p *prober) putManifest(ctx context.Context, m content, ref string, query ...string) *answer {
	q := to(http.MethodPut, endpoint.Manifest(p.repo, ref), query...).with("Content-Type", m.mediaType)
	q.body = m.bytes
	a := p.send(ctx, q)
	if a.is(http.StatusCreated) {
		d := m.digest
		if blob.Digest(ref).Validate() == nil {
			d = blob.Digest(ref)
		}
		p.wrote.add(endpoint.Manifest(p.repo, string(d)))
	}
	return a
}

// noWrittenBlob is the finding of the rows of manifests where there is no blob to name in them.
func noWrittenBlob() finding { return after("takes no blob by POST and PUT") }

func probeManifestPut(ctx context.Context, p *prober) finding {
	if p.blob.bytes == nil {
		return noWrittenBlob()
	}
	p.imageMade = p.image(nil)
	tag := "probe-" + p.imageMade.digest.Hex()[:12]
	a := p.putManifest(ctx, p.imageMade, tag)
	if !a.is(http.StatusCreated) {
		return orNo(a)
	}
	p.tag = tag
	return yes(a.text(), a)
}

// noManifest is the finding of the rows that need the manifest.
func noManifest() finding { return after("takes no manifest") }

func probeTagQuery(ctx context.Context, p *prober) finding {
	if p.tag == "" {
		return noManifest()
	}
	more := p.tag + "-more"
	a := p.putManifest(ctx, p.imageMade, string(p.imageMade.digest), "tag", more)
	if !a.is(http.StatusCreated) {
		return orNo(a)
	}
	for tag := range strings.SplitSeq(strings.Join(a.header.Values("OCI-Tag"), ","), ",") {
		if strings.TrimSpace(tag) == more {
			return yes("OCI-Tag: "+more, a)
		}
	}
	return no(a.text()+" without OCI-Tag", a)
}

// probeSubject stores a manifest that refers to the image. It has a tag of its own, so that there are
// several to list.
func probeSubject(ctx context.Context, p *prober) finding {
	if p.tag == "" {
		return noManifest()
	}
	made := p.image(object{
		"artifactType": artifactType, "subject": descriptor(manifest.MediaTypeOCIManifest, p.imageMade),
	})
	a := p.putManifest(ctx, made, p.tag+"-referrer")
	if !a.is(http.StatusCreated) {
		return orNo(a)
	}
	p.artifact = made.digest
	got := a.header.Get("OCI-Subject")
	if got == "" {
		return no(a.text()+" without OCI-Subject", a)
	}
	return either(got == string(p.imageMade.digest), "OCI-Subject: "+blob.Digest(got).Short(), a)
}

func probeSparseIndex(ctx context.Context, p *prober) finding {
	if p.tag == "" {
		return noManifest()
	}
	absent := newManifest(manifest.MediaTypeOCIManifest, object{"of": p.imageMade.digest})
	made := newManifest(manifest.MediaTypeOCIIndex, object{
		"manifests": []object{descriptor(manifest.MediaTypeOCIManifest, absent)},
	})
	a := p.putManifest(ctx, made, string(made.digest))
	if a.is(http.StatusCreated) {
		return yes(a.text(), a)
	}
	return orNo(a)
}

func probeSHA512Manifest(ctx context.Context, p *prober) finding {
	if p.tag == "" {
		return noManifest()
	}
	made := p.image(object{"annotations": object{"org.opencontainers.image.title": "by sha512"}})
	a := p.putManifest(ctx, made, string(blob.SHA512.Digest(made.bytes)))
	if a.is(http.StatusCreated) {
		return yes(a.text(), a)
	}
	return orNo(a)
}

func probeManifestKept(_ context.Context, p *prober) finding {
	switch {
	case p.manifest == nil || p.imageMade.bytes == nil:
		return noManifest()
	case string(p.manifest.body) != string(p.imageMade.bytes):
		return no("it gives other bytes than it got", p.manifest)
	}
	got := p.manifest.header.Get("Content-Type")
	return either(got == p.imageMade.mediaType, got, p.manifest)
}
