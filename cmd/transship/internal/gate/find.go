package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// maxSignatures is how many signatures of an image are verified for one requirement.
const maxSignatures = 64

// finder finds the signatures of an image at its source.
type finder struct {
	src   transfer.Source
	image manifest.Descriptor

	referrers []manifest.Descriptor // once listed is true
	listed    bool
}

// attempts are the signatures of one requirement that were tried.
type attempts struct {
	kind   string
	tried  int
	reason string // why the last one does not count
	found  *signature.Proof
}

// done reports whether no more signatures are to be tried.
func (a *attempts) done() bool { return a.found != nil || a.tried >= maxSignatures }

// try counts a signature and what verifying it has given.
func (a *attempts) try(p signature.Proof, err error) {
	a.tried++
	if err != nil {
		a.reason = err.Error()
		return
	}
	p.Kind = a.kind
	a.found = &p
}

// result returns the signature that counts, or the reason why none does.
func (a *attempts) result() (p signature.Proof, reason string) {
	switch {
	case a.found != nil:
		return *a.found, ""
	case a.tried == 0:
		return p, "it has no signature for " + a.kind
	case a.tried == 1:
		return p, "its signature for " + a.kind + ": " + a.reason
	}
	return p, fmt.Sprintf("none of its %d signatures for %s counts; the last: %s", a.tried, a.kind, a.reason)
}

// meet returns the signature that meets a requirement, or the reason why there is none. An error is
// one of the source.
func (q requirement) meet(ctx context.Context, f *finder) (p signature.Proof, reason string, err error) {
	a := &attempts{}
	switch {
	case q.Cosign != nil:
		a.kind = signature.KindCosign
		err = f.tryCosign(ctx, a, q.Cosign.trust)
	case q.Sigstore != nil:
		a.kind = signature.KindSigstore
		err = f.tryBundles(ctx, a, q.Sigstore.trust, func(b *signature.Bundle) bool {
			return q.Sigstore.PredicateType == "" || q.Sigstore.PredicateType == b.PredicateType
		})
	default:
		a.kind = signature.KindNotation
		err = f.tryNotation(ctx, a, q.Notation.trust)
	}
	if err != nil {
		return p, "", err
	}
	p, reason = a.result()
	return p, reason, nil
}

// tryCosign tries cosign's tag first, and then bundles, of which cosign takes those of version 0.3
// with an envelope.
func (f *finder) tryCosign(ctx context.Context, a *attempts, trust signature.Trust) error {
	if err := f.trySimple(ctx, a, trust); err != nil || a.done() {
		return err
	}
	return f.tryBundles(ctx, a, trust, func(b *signature.Bundle) bool { return b.Version == "0.3" && b.IsEnvelope() })
}

// trySimple tries the signatures in cosign's tag.
func (f *finder) trySimple(ctx context.Context, a *attempts, trust signature.Trust) error {
	asking := wire.WithPurpose(ctx, wire.Purpose{Probe: true})
	m, err := f.src.Manifest(asking, strings.Replace(string(f.image.Digest), ":", "-", 1)+".sig")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	im, err := m.Image()
	if err != nil {
		a.try(signature.Proof{}, err)
		return nil
	}
	for _, layer := range im.Layers {
		if a.done() {
			return nil
		}
		if layer.MediaType != signature.MediaTypeSimple {
			continue
		}
		payload, reason, err := f.read(ctx, layer, signature.MaxPayload)
		switch {
		case err != nil:
			return err
		case reason != nil:
			a.try(signature.Proof{}, reason)
		default:
			a.try(signature.VerifySimple(trust, f.image.Digest, payload, layer.Annotations))
		}
	}
	return nil
}

// tryBundles tries the Sigstore bundles among the referrers, those that counts reports true for.
func (f *finder) tryBundles(ctx context.Context, a *attempts, trust signature.Trust, counts func(*signature.Bundle) bool) error {
	return f.eachReferrer(ctx, a, isBundle, func(_ string, text []byte) {
		b, err := signature.ParseBundle(text)
		if err != nil {
			a.try(signature.Proof{}, err)
		} else if counts(b) {
			a.try(b.Verify(trust, f.image.Digest))
		}
	})
}

// isBundle reports whether a referrer's or a layer's type may be a bundle's.
func isBundle(mediaType string) bool { return strings.HasPrefix(mediaType, signature.MediaTypeBundle) }

// tryNotation tries Notation's signatures among the referrers.
func (f *finder) tryNotation(ctx context.Context, a *attempts, trust signature.NotationTrust) error {
	isNotation := func(mediaType string) bool {
		return mediaType == signature.ArtifactTypeNotation || mediaType == signature.MediaTypeJWS ||
			mediaType == signature.MediaTypeCOSE
	}
	return f.eachReferrer(ctx, a, isNotation, func(mediaType string, text []byte) {
		if mediaType != signature.MediaTypeJWS {
			a.try(signature.Proof{}, fmt.Errorf("an envelope of the type %s is not supported; %s is",
				mediaType, signature.MediaTypeJWS))
			return
		}
		a.try(signature.VerifyNotation(trust, f.image, text, time.Now()))
	})
}

// eachReferrer calls try with the layers of the referrers that have one, until nothing more is to be
// tried. want reports whether the type of a referrer, and of its layer, may be that of a signature.
// A registry that does not tell the type of a referrer is asked for its manifest.
func (f *finder) eachReferrer(
	ctx context.Context, a *attempts, want func(string) bool, try func(mediaType string, text []byte),
) error {
	if err := f.list(ctx); err != nil {
		return err
	}
	for _, d := range f.referrers {
		if a.done() {
			return nil
		}
		if !want(d.ArtifactType) && d.ArtifactType != "" && d.ArtifactType != "application/vnd.oci.empty.v1+json" {
			continue
		}
		layer, reason, err := f.onlyLayer(ctx, d)
		if err != nil {
			return err
		}
		if reason == nil && !want(layer.MediaType) {
			continue
		}
		var text []byte
		if reason == nil {
			text, reason, err = f.read(ctx, layer, signature.MaxEnvelope)
		}
		switch {
		case err != nil:
			return err
		case reason != nil:
			a.try(signature.Proof{}, reason)
		default:
			try(layer.MediaType, text)
		}
	}
	return nil
}

// list lists the referrers of the image.
func (f *finder) list(ctx context.Context) (err error) {
	lister, ok := f.src.(transfer.ReferrerLister)
	if f.listed || !ok {
		return nil
	}
	f.referrers, err = lister.Referrers(wire.WithPurpose(ctx, wire.Purpose{Probe: true}), f.image.Digest, "")
	f.listed = err == nil
	return err
}

// onlyLayer returns the layer of a signature, which has one.
func (f *finder) onlyLayer(ctx context.Context, d manifest.Descriptor) (layer manifest.Descriptor, reason, err error) {
	m, err := f.src.Manifest(ctx, string(d.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return layer, err, nil
	}
	if err != nil {
		return layer, nil, err
	}
	im, reason := m.Image()
	if reason == nil && len(im.Layers) != 1 {
		reason = fmt.Errorf("the referrer %s has %d layers; a signature has one", d.Digest.Short(), len(im.Layers))
	}
	if reason != nil {
		return layer, reason, nil
	}
	return im.Layers[0], nil, nil
}

// read reads a document of a signature, of at most limit bytes. A reason is one why this signature
// does not count; an error is one of the source.
func (f *finder) read(ctx context.Context, d manifest.Descriptor, limit int64) (text []byte, reason, err error) {
	if d.Size > limit {
		return nil, fmt.Errorf("the signature's document has %d bytes; at most %d are read", d.Size, limit), nil
	}
	r := blob.NewReader(ctx, d.Digest, d.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return f.src.Blob(ctx, d, offset)
	})
	defer r.Close()
	text, err = io.ReadAll(r)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err, nil
	}
	return text, nil, err
}
