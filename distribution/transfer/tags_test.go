package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// taggingRepo puts several tags with one call. It answers for the first tags last.
type taggingRepo struct {
	*repo
	order []string
	puts  [][]string
}

func (r *taggingRepo) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	time.Sleep(time.Duration(len(r.order)-slices.Index(r.order, ref)) * time.Second)
	return r.repo.HeadManifest(ctx, ref)
}

func (r *taggingRepo) PutManifestTags(
	ctx context.Context, tags []string, m manifest.Manifest, _ func(manifest.Descriptor) blob.Open,
) error {
	r.puts = append(r.puts, slices.Clone(tags))
	for _, tag := range tags {
		if err := r.PutManifest(ctx, tag, m); err != nil {
			return err
		}
	}
	return nil
}

// The tags of one PUT are in the order that the caller gave them, whichever was known first: a plan
// names the call that the run then makes.
func TestTagsOfOnePutAreInTheirOrder(t *testing.T) {
	tags := []string{"3", "1", "2"}
	src, _ := threePlatforms(t)
	copies := map[string]func(context.Context, *taggingRepo) error{
		"CopyTags": func(ctx context.Context, dst *taggingRepo) error {
			_, errs := new(transfer.Engine).CopyTags(ctx, src, "t", dst, tags...)
			return errors.Join(errs...)
		},
		"CopyAll": func(ctx context.Context, dst *taggingRepo) error {
			var list []transfer.Destination
			for _, tag := range tags {
				list = append(list, transfer.Destination{Target: dst, As: tag})
			}
			_, errs, _ := new(transfer.Engine).CopyAll(ctx, src, "t", list...)
			return errors.Join(errs...)
		},
	}
	for name, copyTags := range copies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dst := &taggingRepo{repo: newRepo("dst"), order: tags}
				if err := copyTags(t.Context(), dst); err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(dst.puts) != "[[3 1 2]]" {
					t.Errorf("the calls set %v", dst.puts)
				}
			})
		})
	}
}
