package layout

import (
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// referrerOf is a manifest that has a subject.
type referrerOf struct {
	manifest.Descriptor
	subject blob.Digest
}

// referrersBelow returns the manifests below entries of index.json that have a subject. One that
// cannot be read has none.
func referrersBelow(entries []manifest.Descriptor, load manifestLoader) []referrerOf {
	var out []referrerOf
	for _, root := range entries {
		_ = walk(root, load, func(_ manifest.Descriptor, m manifest.Manifest, err error) error {
			if err != nil || m.Raw == nil {
				return nil
			}
			if subject, err := subjectOf(m); err == nil && subject != "" {
				out = append(out, referrerOf{m.Descriptor, subject})
			}
			return nil
		})
	}
	return out
}

// adoptReferrers calls add for each referrer whose subject a repository has, and for what refers to
// those in turn. In index.json a referrer often has no name, as oras attach writes it, and its
// subject has one.
func adoptReferrers(referrers []referrerOf, has func(blob.Digest) bool, add func(manifest.Descriptor)) {
	for found := true; found; {
		found = false
		referrers = slices.DeleteFunc(slices.Clone(referrers), func(r referrerOf) bool {
			if !has(r.subject) {
				return false
			}
			if !has(r.Digest) {
				add(r.Descriptor)
			}
			found = true
			return true
		})
	}
}
