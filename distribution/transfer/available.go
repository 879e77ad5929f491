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

// Inventoried is implemented by sources that know what they have without reading it, as folders and
// tars do. An index of such a source is checked before anything of it is copied: docker save and
// ctr export write an index with all its platforms, and the content of one.
type Inventoried interface {
	// HasContent reports whether the source has a manifest or blob. What a differential bundle
	// leaves to its base counts.
	HasContent(d blob.Digest) bool
}

// IncompleteError says that a source lists an index and lacks some of what belongs to it. It is
// fs.ErrNotExist.
type IncompleteError struct {
	Source  string                // what messages call the source
	Missing []manifest.Descriptor // the entries of which something is missing, in the index's order
	Whole   []manifest.Platform   // the platforms of the images that are whole
}

// Error names the source, what is missing and what is whole.
func (e *IncompleteError) Error() string {
	var missing, whole []string
	for _, d := range e.Missing {
		missing = append(missing, entryTitle(d))
	}
	for _, p := range e.Whole {
		whole = append(whole, p.String())
	}
	text := fmt.Sprintf("%s does not have all of the image; incomplete: %s", e.Source, strings.Join(missing, ", "))
	if len(whole) == 0 {
		return text + "; no platform is whole"
	}
	return text + "; whole: " + strings.Join(whole, ", ")
}

// Is reports whether target is fs.ErrNotExist.
func (*IncompleteError) Is(target error) bool { return target == fs.ErrNotExist }

// entryTitle returns what messages call an entry of an index.
func entryTitle(d manifest.Descriptor) string {
	switch about := d.AttestationFor(); {
	case about != "":
		return "the attestation of " + about.Short()
	case d.Platform != nil:
		return d.Platform.String()
	}
	return d.Digest.Short()
}

// Incomplete returns an *[IncompleteError] if ref names an index at the source of which entries are
// incomplete, as [Engine.Copy] would, and otherwise nil. It is for callers that have met something
// missing.
func (e *Engine) Incomplete(ctx context.Context, src Source, ref string) error {
	e.prepare()
	m, err := e.getManifest(ctx, src, ref)
	if err != nil || !manifest.IsIndex(m.MediaType) {
		return nil
	}
	check, err := e.checkEntries(ctx, src, m)
	if err != nil || len(check.lacking) == 0 {
		return nil
	}
	return check.asError()
}

// wholeEntries returns m, what Platforms has left of the index all, if the source has everything
// that belongs to it. If something is missing, and Available is set, it returns m without the
// entries that are incomplete; else the error is an *[IncompleteError] about all. Attestations are no
// platform: they may be missing if Platforms is set, since docker pull fetches none. Registries are
// only asked if Available is set.
func (e *Engine) wholeEntries(ctx context.Context, src Source, all, m manifest.Manifest) (manifest.Manifest, error) {
	if _, local := src.(Inventoried); !local && !e.Available {
		return m, nil
	}
	check, err := e.checkEntries(ctx, src, m)
	if err != nil || len(check.lacking) == 0 {
		return m, err
	}
	kept, err := m.Keep(check.isWhole)
	if err == nil && len(e.Platforms) > 0 {
		_, err = kept.Subset(e.Platforms...) // each of them must be whole
	}
	mayCut := e.Available || len(e.Platforms) > 0 && check.lacksOnlyAttestations()
	if !mayCut || !check.anyWhole() || err != nil {
		if check, err = e.checkEntries(ctx, src, all); err == nil {
			err = check.asError()
		}
		return manifest.Manifest{}, err
	}
	for _, d := range check.entries {
		if !check.isWhole(d) {
			e.emit(Event{Kind: EntrySkipped, Ref: string(m.Digest), Descriptor: d})
		}
	}
	return kept, nil
}

// entryCheck is what a source has of an index.
type entryCheck struct {
	source  string
	entries []manifest.Descriptor

	mu      sync.Mutex
	lacking map[blob.Digest]bool // of entries
	whole   map[typedDigest]bool // whether what entries lead to is whole, as far as it is known
}

// typedDigest is a digest and the media type that an index gives it.
type typedDigest struct {
	digest    blob.Digest
	mediaType string
}

// checkEntries finds out which entries of an index are incomplete at the source.
func (e *Engine) checkEntries(ctx context.Context, src Source, m manifest.Manifest) (*entryCheck, error) {
	refs, err := m.References()
	if err != nil {
		return nil, err
	}
	check := &entryCheck{
		source: name(src), entries: refs, lacking: map[blob.Digest]bool{}, whole: map[typedDigest]bool{},
	}
	return check, e.forEach(ctx, refs, func(ctx context.Context, d manifest.Descriptor) error {
		whole, err := e.isWhole(ctx, src, check, d, 0)
		if err == nil && !whole {
			check.mu.Lock()
			defer check.mu.Unlock()
			check.lacking[d.Digest] = true
		}
		return err
	})
}

// isWhole reports whether an entry is whole. An attestation is not if its image is not.
func (c *entryCheck) isWhole(d manifest.Descriptor) bool {
	return !c.lacking[d.Digest] && !c.lacking[d.AttestationFor()]
}

// anyWhole reports whether anything but an attestation is whole.
func (c *entryCheck) anyWhole() bool {
	for _, d := range c.entries {
		if d.AttestationFor() == "" && c.isWhole(d) {
			return true
		}
	}
	return false
}

// lacksOnlyAttestations reports whether every image is whole.
func (c *entryCheck) lacksOnlyAttestations() bool {
	return !slices.ContainsFunc(c.entries, func(d manifest.Descriptor) bool {
		return c.lacking[d.Digest] && d.AttestationFor() == ""
	})
}

func (c *entryCheck) asError() error {
	out := &IncompleteError{Source: c.source}
	for _, d := range c.entries {
		switch {
		case c.lacking[d.Digest]:
			out.Missing = append(out.Missing, d)
		case d.Platform != nil && d.AttestationFor() == "":
			out.Whole = append(out.Whole, *d.Platform)
		}
	}
	return out
}

// isWhole reports whether the source has an entry of an index and all that belongs to it. A
// registry takes a manifest only after its blobs, so there only manifests are asked for. What lies
// too deep to be copied counts as whole. Each digest is looked at once: there may be millions of paths to a nested
// index.
func (e *Engine) isWhole(
	ctx context.Context, src Source, check *entryCheck, d manifest.Descriptor, depth int,
) (bool, error) {
	key := typedDigest{d.Digest, d.MediaType}
	check.mu.Lock()
	whole, known := check.whole[key]
	check.mu.Unlock()
	if known {
		return whole, nil
	}
	whole, err := e.findWhole(ctx, src, check, d, depth)
	if err == nil {
		check.mu.Lock()
		defer check.mu.Unlock()
		check.whole[key] = whole
	}
	return whole, err
}

// findWhole is isWhole for a digest that was not looked at.
func (e *Engine) findWhole(
	ctx context.Context, src Source, check *entryCheck, d manifest.Descriptor, depth int,
) (bool, error) {
	local, isLocal := src.(Inventoried)
	if isLocal && !local.HasContent(d.Digest) {
		return !d.Distributable(), nil
	}
	if !manifest.IsManifest(d.MediaType) || depth > manifest.MaxDepth {
		return true, nil
	}
	if header, ok := src.(manifestHeader); ok && !isLocal && !manifest.IsIndex(d.MediaType) {
		err := e.withManifestSlot(ctx, func() error {
			_, err := header.HeadManifest(ctx, string(d.Digest))
			return err
		})
		return err == nil, ignoreNotExist(err)
	}
	m, err := e.getChild(ctx, src, d)
	if err != nil {
		return false, ignoreNotExist(err)
	}
	refs, err := m.References()
	if err != nil {
		return false, err
	}
	if !isLocal && !manifest.IsIndex(m.MediaType) {
		return true, nil
	}
	for _, ref := range refs {
		if whole, err := e.isWhole(ctx, src, check, ref, depth+1); err != nil || !whole {
			return false, err
		}
	}
	return true, nil
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
