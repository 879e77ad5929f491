package image

import (
	"context"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// Admit checks the image by the policy of --require-signature. The image that was checked is the one
// that is read from then on, wherever its tag points to. Without a policy there is no verdict.
func (o *Origin) Admit(ctx context.Context, g *gate.Gate) (*gate.Verdict, error) {
	if !g.IsOn() {
		return nil, nil
	}
	v, err := g.Check(ctx, o.Name, o.Source, o.Ref)
	if err == nil {
		o.Ref = string(v.Digest)
	}
	return &v, err
}

// Admit checks each of the images by the policy of --require-signature. It returns all verdicts, and
// the first error. What refers to images, such as their signatures, has no verdict of its own.
func (l *LocalImages) Admit(ctx context.Context, g *gate.Gate) (verdicts []gate.Verdict, first error) {
	if !g.IsOn() {
		return nil, nil
	}
	for _, im := range l.Images {
		if im.belongsToOther(ctx) {
			continue
		}
		o := im.origin()
		v, err := g.Check(ctx, o.Name, o.Source, o.Ref)
		if v.Rule != "" {
			verdicts = append(verdicts, v)
		}
		if first == nil {
			first = err
		}
	}
	return verdicts, first
}

// belongsToOther reports whether an image is there only for another one: by its tag, or by a subject
// if it has no tag. An image with a tag of its own is what that tag is pulled for, whatever it
// refers to.
func (im LocalImage) belongsToOther(ctx context.Context) bool {
	tag := im.Tag()
	if name, err := reference.Parse(im.Name); err == nil {
		tag = name.Tag
	}
	base, _, _ := strings.Cut(tag, ".")
	return tag == "" && Refers(ctx, im.Source, string(im.Digest)) || transfer.CosignSubject(tag) != "" || IsReferrersTag(base)
}
