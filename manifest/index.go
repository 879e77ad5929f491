package manifest

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/blob"
)

// Index is an OCI image index or a docker manifest list.
type Index struct {
	SchemaVersion int
	MediaType     string
	ArtifactType  string
	Manifests     []Descriptor
	Subject       *Descriptor
	Annotations   map[string]string
	Extra         []Member // members this type does not know
}

// ociFields is the order of opencontainers/image-spec specs-go/v1.
func (ix *Index) ociFields() []field {
	return []field{
		{name: "schemaVersion", value: &ix.SchemaVersion, empty: true},
		{name: "mediaType", value: &ix.MediaType},
		{name: "artifactType", value: &ix.ArtifactType},
		{name: "manifests", value: &ix.Manifests, empty: true},
		{name: "subject", value: &ix.Subject},
		{name: "annotations", value: &ix.Annotations},
	}
}

// UnmarshalJSON implements json.Unmarshaler; names that are doubled or differ only in case are errors.
func (ix *Index) UnmarshalJSON(b []byte) (err error) {
	*ix = Index{}
	ix.Extra, err = decodeObject(b, ix.ociFields())
	return err
}

// PlatformError says that an index has no image for a platform.
type PlatformError struct {
	Want Platform
	Have []Platform // in the order of the index
}

// Error names the platform and what there is instead.
func (e *PlatformError) Error() string {
	if len(e.Have) == 0 {
		return fmt.Sprintf("no image for platform %s; no entry says what it is for", e.Want)
	}
	have := make([]string, len(e.Have))
	for i, p := range e.Have {
		have[i] = p.String()
	}
	return fmt.Sprintf("no image for platform %s; there is %s", e.Want, strings.Join(have, ", "))
}

// Platforms returns the platforms of the images in the index, in its order; attestation manifests are not images.
func (ix Index) Platforms() []Platform {
	var out []Platform
	for _, d := range ix.Manifests {
		if d.Platform != nil && d.AttestationFor() == "" {
			out = append(out, *d.Platform)
		}
	}
	return out
}

// Select returns the entries for the wanted platforms in the order of the index, and with each kept image the
// attestation manifests that belong to it. An entry that is itself an index and names no platform is kept, since what
// it holds is not known here. With nothing wanted it returns every entry. A platform that no entry
// matches is a *[PlatformError].
func (ix Index) Select(want ...Platform) ([]Descriptor, error) {
	keep, err := ix.selected(want)
	if err != nil {
		return nil, err
	}
	var out []Descriptor
	for i, d := range ix.Manifests {
		if keep[i] {
			out = append(out, d)
		}
	}
	return out, nil
}

// selected tells of each entry whether Select keeps it. The same image may stand there for several platforms, so what
// counts is the entry, not its digest.
func (ix Index) selected(want []Platform) ([]bool, error) {
	keep := make([]bool, len(ix.Manifests))
	images := map[blob.Digest]bool{}
	for _, w := range want {
		if !ix.mark(w, keep, images) {
			return nil, &PlatformError{Want: w, Have: ix.Platforms()}
		}
	}
	for i, d := range ix.Manifests {
		nested := d.Platform == nil && IsIndex(d.MediaType)
		keep[i] = keep[i] || nested || images[d.AttestationFor()] || len(want) == 0
	}
	return keep, nil
}

// mark notes the entries that want matches, and their digests, and tells whether there is one.
func (ix Index) mark(want Platform, keep []bool, images map[blob.Digest]bool) bool {
	found := false
	for i, d := range ix.Manifests {
		if d.Platform != nil && d.AttestationFor() == "" && want.Match(*d.Platform) {
			keep[i], images[d.Digest], found = true, true, true
		}
	}
	return found
}
