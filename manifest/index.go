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
	Extra         []Member // members that the type does not have
}

// ociFields is the order of opencontainers/image-spec specs-go/v1.
func (ix *Index) ociFields() []field {
	return []field{
		{name: "schemaVersion", value: &ix.SchemaVersion, always: true},
		{name: "mediaType", value: &ix.MediaType},
		{name: "artifactType", value: &ix.ArtifactType},
		{name: "manifests", value: &ix.Manifests, always: true},
		{name: "subject", value: &ix.Subject},
		{name: "annotations", value: &ix.Annotations},
	}
}

// UnmarshalJSON implements json.Unmarshaler. A name that comes twice, or differs from a known one
// only in case, is an error.
func (ix *Index) UnmarshalJSON(b []byte) (err error) {
	*ix = Index{}
	ix.Extra, err = decodeObject(b, ix.ociFields())
	return err
}

// PlatformError says that an image has no entry for a platform.
type PlatformError struct {
	Want Platform
	Have []Platform // in the order of the index
}

// Error names the platform and those that exist.
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

// Platforms returns the platforms of the images in the index, in its order. Attestation manifests
// are not images.
func (ix Index) Platforms() []Platform {
	var out []Platform
	for _, d := range ix.Manifests {
		if d.Platform != nil && d.AttestationFor() == "" {
			out = append(out, *d.Platform)
		}
	}
	return out
}

// selection reports for each entry whether Subset keeps it. It goes by entry, not by digest: an
// index may list the same image for several platforms.
func (ix Index) selection(want []Platform) ([]bool, error) {
	keep := make([]bool, len(ix.Manifests))
	images := map[blob.Digest]bool{}
	for _, w := range want {
		if !ix.markMatches(w, keep, images) {
			return nil, &PlatformError{Want: w, Have: ix.Platforms()}
		}
	}
	for i, d := range ix.Manifests {
		nested := d.Platform == nil && IsIndex(d.MediaType)
		keep[i] = keep[i] || nested || images[d.AttestationFor()] || len(want) == 0
	}
	return keep, nil
}

// markMatches sets the entries that want matches in keep, and their digests in images. It reports
// whether there are any.
func (ix Index) markMatches(want Platform, keep []bool, images map[blob.Digest]bool) bool {
	found := false
	for i, d := range ix.Manifests {
		if d.Platform != nil && d.AttestationFor() == "" && want.Match(*d.Platform) {
			keep[i], images[d.Digest], found = true, true, true
		}
	}
	return found
}
