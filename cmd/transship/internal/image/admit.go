package image

import (
	"context"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest/signature"
)

// Admit checks the image by the policy of --require-signature, and sets Signature. The image that was
// checked is the one that is read from then on, wherever its tag points to. Without a policy Admit
// does nothing, nor for what is there only for another image of a whole folder or tar.
func (o *Origin) Admit(ctx context.Context, g *gate.Gate) error {
	if !g.IsOn() || o.belongs {
		return nil
	}
	v, err := g.Check(ctx, o.Name, o.Source, o.Ref)
	if v.Rule != "" {
		o.Signature = &v
	}
	if err == nil {
		o.Ref = string(v.Digest)
	}
	return err
}

// Admit checks each of the images by the policy of --require-signature. It returns all verdicts, and
// the first error. What is there only for other images, such as their signatures, has no verdict.
func (l *LocalImages) Admit(ctx context.Context, g *gate.Gate) (verdicts []signature.Verdict, first error) {
	for _, im := range l.Images {
		verdict, err := im.Admit(ctx, g)
		if verdict != nil {
			verdicts = append(verdicts, *verdict)
		}
		if first == nil {
			first = err
		}
	}
	return verdicts, first
}

// Admit is that of [Origin].
func (im LocalImage) Admit(ctx context.Context, g *gate.Gate) (*signature.Verdict, error) {
	if !g.IsOn() {
		return nil, nil
	}
	o := im.origin()
	o.belongs = im.belongsToOther(ctx)
	err := o.Admit(ctx, g)
	return o.Signature, err
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
