package bundle

import (
	"context"
	"fmt"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/transfer"
)

// maxReferrerDepth is how many levels of referrers of referrers are verified, as many as copy takes.
const maxReferrerDepth = 8

// verifyReferrers verifies what refers to the verified manifests, by subject or by a tag of
// cosign's. What the registry lists and does not have is a problem.
func (v *imageVerifier) verifyReferrers(ctx context.Context, seen map[blob.Digest]bool) error {
	src, ok := v.src.(transfer.ReferrerLister)
	if !ok {
		return fmt.Errorf("%v cannot tell what refers to an image", v.src)
	}
	done := 0
	for depth := 0; depth < maxReferrerDepth && done < len(v.manifests); depth++ {
		subjects := slices.Clone(v.manifests[done:])
		done = len(v.manifests)
		var found []child
		for _, subject := range subjects {
			list, err := src.Referrers(ctx, subject, "")
			if err != nil {
				return err
			}
			for _, d := range list {
				found = append(found, child{d, true})
			}
		}
		if err := v.walk(ctx, found, 0, seen); err != nil {
			return err
		}
	}
	return v.verifyCosignTags(ctx, src, seen)
}

// verifyCosignTags verifies the images under cosign's tags for the verified manifests. A repository
// of which a registry lists no tags may not exist for it.
func (v *imageVerifier) verifyCosignTags(ctx context.Context, src transfer.ReferrerLister, seen map[blob.Digest]bool) error {
	subjects := slices.Clone(v.manifests)
	for tag, err := range src.TagNames(ctx) {
		if run.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if subject := transfer.CosignSubject(tag); subject == "" || !slices.Contains(subjects, subject) {
			continue
		}
		m, err := v.src.Manifest(ctx, tag)
		if err != nil && (run.IsIntegrityError(err) || run.IsNotFound(err)) {
			v.report(layout.Check{What: "tag " + tag, Err: err})
			continue
		}
		if err != nil {
			return err
		}
		if err := v.walk(ctx, []child{{m.Descriptor, true}}, 0, seen); err != nil {
			return err
		}
	}
	return nil
}
