package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// maxReferrerDepth is how many levels of referrers of referrers are copied. The signature of an
// SBOM of an image takes three.
const maxReferrerDepth = 8

// putReferrers puts what refers to the image or to a manifest below it: what the source lists as
// referrers (by the API or the referrers tag), and the tags that cosign uses.
func (c *copyRun) putReferrers(ctx context.Context, root manifest.Manifest) error {
	src, ok := c.src.(ReferrerLister)
	if !ok {
		return fmt.Errorf("%s cannot tell what refers to an image", name(c.src))
	}
	subjects, err := c.subjects(ctx, root)
	if err != nil {
		return err
	}
	w := &referrerWalk{copyRun: c, src: src, seen: map[blob.Digest]bool{}, leftOut: map[blob.Digest]bool{}}
	if err := w.leaveOutWhole(ctx); err != nil {
		return err
	}
	if err := w.putAll(ctx, subjects, maxReferrerDepth); err != nil {
		return err
	}
	return c.putCosignTags(ctx, src, w.seen)
}

// SubjectError says that a manifest refers to an image of which only a part is copied, which is
// another image with another digest.
type SubjectError struct{ Subject blob.Digest }

// Error names the image.
func (e *SubjectError) Error() string {
	return fmt.Sprintf("it refers to %s, of which only a part is copied, with another digest", e.Subject.Short())
}

// leaveOut reports that a referrer is not copied. tag is that of cosign's, "" if it has none.
func (c *copyRun) leaveOut(tag string, d manifest.Descriptor, why error) {
	c.engine.emit(Event{Kind: ReferrerLeftOut, Target: name(c.dst), Ref: tag, Descriptor: d, Err: why})
}

// leaveOutWhole reports the referrers of an image that Platforms or Flatten has made another one of.
func (w *referrerWalk) leaveOutWhole(ctx context.Context) error {
	if w.whole == "" {
		return nil
	}
	list, err := w.list(ctx, w.whole)
	for _, d := range list {
		w.leaveOut("", d, &SubjectError{w.whole})
	}
	return err
}

// subjects returns the image and all manifests below it.
func (c *copyRun) subjects(ctx context.Context, root manifest.Manifest) ([]manifest.Descriptor, error) {
	w := &subjectWalk{c, map[blob.Digest]bool{root.Digest: true}, []manifest.Descriptor{root.Descriptor}}
	err := w.add(ctx, root, 1)
	return w.found, err
}

// subjectWalk lists the manifests below an image, each once.
type subjectWalk struct {
	*copyRun
	seen  map[blob.Digest]bool
	found []manifest.Descriptor
}

// add lists what is below m. depth is how many indexes the entries of m lie below.
func (w *subjectWalk) add(ctx context.Context, m manifest.Manifest, depth int) error {
	if !manifest.IsIndex(m.MediaType) {
		return nil
	}
	refs, err := m.References()
	if err != nil {
		return err
	}
	for _, d := range refs {
		if manifest.IsBlob(d.MediaType) || w.seen[d.Digest] {
			continue
		}
		w.seen[d.Digest] = true
		w.found = append(w.found, d)
		if err := w.addNested(ctx, d, depth); err != nil {
			return err
		}
	}
	return nil
}

// addNested lists what is below an entry that is an index.
func (w *subjectWalk) addNested(ctx context.Context, d manifest.Descriptor, depth int) error {
	if !manifest.IsIndex(d.MediaType) {
		return nil
	}
	if err := d.CheckDepth(depth); err != nil {
		return fmt.Errorf("%s: %w", name(w.src), err)
	}
	nested, err := w.engine.getChild(ctx, w.src, d)
	if err != nil {
		return err
	}
	return w.add(ctx, nested, depth+1)
}

// referrerWalk goes from subjects to their referrers, to the referrers of those, and so on.
type referrerWalk struct {
	*copyRun
	src ReferrerLister

	mu      sync.Mutex
	seen    map[blob.Digest]bool // subjects whose referrers have been listed
	leftOut map[blob.Digest]bool // referrers that the source lists and does not have
}

// putAll puts the referrers of the subjects, and those that refer to them in turn.
func (w *referrerWalk) putAll(ctx context.Context, subjects []manifest.Descriptor, depth int) error {
	if depth == 0 {
		return nil
	}
	return w.engine.forEach(ctx, subjects, func(ctx context.Context, subject manifest.Descriptor) error {
		if !w.markSeen(subject.Digest) {
			return nil
		}
		list, err := w.list(ctx, subject.Digest)
		if err != nil {
			return err
		}
		if err := w.engine.forEach(ctx, list, w.put); err != nil {
			return err
		}
		return w.putAll(ctx, w.present(list), depth-1)
	})
}

// put puts a referrer, and leaves out one that the source does not have: a list of referrers, above
// all one under a referrers tag, may name what was deleted since.
func (w *referrerWalk) put(ctx context.Context, d manifest.Descriptor) error {
	err := w.putChild(ctx, d, 0, false)
	if !isAbsent(err, d.Digest) {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.leftOut[d.Digest] {
		w.leftOut[d.Digest] = true
		w.leaveOut("", d, err)
	}
	return nil
}

// present returns the referrers that were not left out.
func (w *referrerWalk) present(list []manifest.Descriptor) []manifest.Descriptor {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(list), func(d manifest.Descriptor) bool { return w.leftOut[d.Digest] })
}

// markSeen reports whether a subject is new.
func (w *referrerWalk) markSeen(d blob.Digest) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	isNew := !w.seen[d]
	w.seen[d] = true
	return isNew
}

func (w *referrerWalk) list(ctx context.Context, subject blob.Digest) (list []manifest.Descriptor, err error) {
	err = w.engine.withManifestSlot(ctx, func() error {
		list, err = w.src.Referrers(ctx, subject, "")
		return err
	})
	return list, err
}

// putCosignTags puts the tags that cosign derives from the digests it signs or describes. For a
// repository without any tag, a registry may answer that it does not exist.
func (c *copyRun) putCosignTags(ctx context.Context, src ReferrerLister, digests map[blob.Digest]bool) error {
	for tag, err := range src.TagNames(ctx) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		subject := CosignSubject(tag)
		if subject != "" && subject == c.whole {
			c.leaveOut(tag, manifest.Descriptor{}, &SubjectError{subject})
		}
		if !digests[subject] {
			continue
		}
		if err := c.putCosignTag(ctx, tag); err != nil {
			return err
		}
	}
	return nil
}

// putCosignTag puts one tag. It leaves out one that is listed and not there.
func (c *copyRun) putCosignTag(ctx context.Context, tag string) error {
	m, err := c.engine.getManifest(ctx, c.src, tag)
	if errors.Is(err, fs.ErrNotExist) {
		c.leaveOut(tag, manifest.Descriptor{}, err)
		return nil
	}
	if err != nil {
		return err
	}
	have, err := c.headImage(ctx, tag)
	if err != nil {
		return err
	}
	_, err = c.putImage(ctx, m, tag, have, false)
	return err
}

// CosignSubject returns the digest that a tag of cosign's is about, such as sha256-<hex>.sig, .att
// or .sbom, and "" for any other tag.
func CosignSubject(tag string) blob.Digest {
	base, kind, ok := strings.Cut(tag, ".")
	if !ok || kind != "sig" && kind != "att" && kind != "sbom" {
		return ""
	}
	algorithm, hex, ok := strings.Cut(base, "-")
	d := blob.Digest(algorithm + ":" + hex)
	if !ok || d.Validate() != nil {
		return ""
	}
	return d
}
