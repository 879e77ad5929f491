package manifest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hczjl/transship/blob"
)

// MaxSize is the largest manifest that is read, in bytes. Registries accept about as much (distribution-spec,
// "Pushing Manifests": at least 4 MiB).
const MaxSize = 4 << 20

// Manifest is a document as it came: its descriptor, and the bytes that the descriptor's digest is of.
type Manifest struct {
	Descriptor
	Raw []byte
}

// Errors of [Parse], to be found with errors.Is.
var (
	// ErrSchema1 is docker's format from before 2016, whose layers and digests cannot be carried over as they are.
	ErrSchema1 = errors.New("docker schema 1 manifests are not supported; " +
		"have the image rebuilt or pushed again with docker 1.10 or newer")
	// ErrTooLarge is a document of more than MaxSize bytes.
	ErrTooLarge = fmt.Errorf("larger than %d MiB, which is more than registries must accept", MaxSize>>20)
	// ErrAmbiguous is a document that is a list and an image at once, or another thing than its media type or its
	// Content-Type says (CVE-2021-41190).
	ErrAmbiguous = errors.New("ambiguous manifest")
)

// DocumentError says that bytes are no manifest, or not one that is safe to read.
type DocumentError struct {
	Digest blob.Digest // of the bytes; "" of a document that was not read to its end
	Err    error
}

// Error names the document by its digest, and the reason.
func (e *DocumentError) Error() string {
	if e.Digest == "" {
		return fmt.Sprintf("the manifest is %v", e.Err)
	}
	return fmt.Sprintf("manifest %s: %v", e.Digest.Short(), e.Err)
}

// Unwrap returns the reason.
func (e *DocumentError) Unwrap() error { return e.Err }

// Parse reads a manifest of any supported kind and checks it: one JSON object, no doubled names, no names that differ
// only in case, valid descriptors (the subject's too), one kind. The kind is found from contentType (parameters are
// ignored, a type that names no manifest is too) and from the document. Raw is kept and must not be changed afterwards. The digest is the
// sha256 of raw; a caller who asked for a sha512 digest sets that. Errors are a *[DocumentError].
func Parse(contentType string, raw []byte) (Manifest, error) {
	if len(raw) > MaxSize {
		return Manifest{}, &DocumentError{Err: ErrTooLarge}
	}
	m := Manifest{Descriptor: Descriptor{Size: int64(len(raw)), Digest: blob.FromBytes(raw)}, Raw: raw}
	mediaType, err := check(baseType(contentType), raw)
	if err != nil {
		return Manifest{}, &DocumentError{m.Digest, err}
	}
	m.MediaType = mediaType
	if err := m.validate(); err != nil {
		return Manifest{}, &DocumentError{m.Digest, err}
	}
	return m, nil
}

// check looks at the document as a whole and returns its media type.
func check(contentType string, raw []byte) (string, error) {
	if err := checkDuplicates(raw); err != nil {
		return "", fmt.Errorf("not valid JSON: %w", err)
	}
	var o outline
	if _, err := decodeObject(raw, o.fields()); err != nil {
		return "", err
	}
	return o.mediaType(contentType)
}

// outline is what tells one kind of document from another.
type outline struct {
	SchemaVersion                                      int
	MediaType                                          string
	Manifests, Config, Layers, Blobs, FSLayers, Signed json.RawMessage
}

func (o *outline) fields() []field {
	return []field{
		{name: "schemaVersion", value: &o.SchemaVersion}, {name: "mediaType", value: &o.MediaType},
		{name: "manifests", value: &o.Manifests}, {name: "config", value: &o.Config},
		{name: "layers", value: &o.Layers}, {name: "blobs", value: &o.Blobs},
		{name: "fsLayers", value: &o.FSLayers}, {name: "signatures", value: &o.Signed},
	}
}

// mediaType decides the kind. The document's own word goes before the header's, and both must fit its members. Where
// both name the same kind, one as docker's and one as OCI's, nobody can take a list for an image: that is let pass, since
// some registries answer so, although clients should refuse it (distribution-spec, "Pulling manifests").
func (o *outline) mediaType(contentType string) (string, error) {
	if o.SchemaVersion == 1 || o.FSLayers != nil || isSchema1(contentType) || isSchema1(o.MediaType) {
		return "", ErrSchema1
	}
	if o.Manifests != nil && (o.Layers != nil || o.Config != nil || o.Blobs != nil) {
		return "", fmt.Errorf("%w: it has both manifests and layers, config or blobs", ErrAmbiguous)
	}
	own := o.inferred()
	if own == "" {
		return "", errors.New("it has neither manifests, layers nor blobs: this is no image")
	}
	for _, said := range []string{o.MediaType, contentType} {
		if IsManifest(said) && IsIndex(said) != IsIndex(own) {
			return "", fmt.Errorf("%w: it is called %s, but its members are those of %s", ErrAmbiguous, said, own)
		}
	}
	switch {
	case IsManifest(o.MediaType):
		return o.MediaType, nil
	case o.MediaType != "":
		return "", fmt.Errorf("its media type %q is no manifest's", o.MediaType)
	case IsManifest(contentType):
		return contentType, nil
	}
	return own, nil
}

// inferred is the media type of a document that does not say: OCI's, since docker's documents always do.
func (o *outline) inferred() string {
	switch {
	case o.Manifests != nil:
		return MediaTypeOCIIndex
	case o.Layers != nil || o.Config != nil:
		return MediaTypeOCIManifest
	case o.Blobs != nil || o.MediaType == MediaTypeOCIArtifact:
		return MediaTypeOCIArtifact
	}
	return ""
}

// validate decodes the typed view and checks every descriptor: digests become part of paths and tags.
func (m Manifest) validate() error {
	refs, subject, err := m.links()
	if err != nil {
		return err
	}
	if subject != nil {
		refs = append(refs, *subject)
	}
	for _, d := range refs {
		if err := d.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Index returns the typed view of an index or list. It is an error to ask it of an image.
func (m Manifest) Index() (Index, error) {
	var ix Index
	if !IsIndex(m.MediaType) {
		return ix, fmt.Errorf("%s is no index", m.Digest.Short())
	}
	err := json.Unmarshal(m.Raw, &ix)
	return ix, err
}

// Image returns the typed view of an image manifest or artifact. It is an error to ask it of an index.
func (m Manifest) Image() (Image, error) {
	var im Image
	if IsIndex(m.MediaType) {
		return im, fmt.Errorf("%s is an index of several images", m.Digest.Short())
	}
	err := json.Unmarshal(m.Raw, &im)
	return im, err
}

// References returns what must be in a repository before this manifest: an index's entries, an image's config, layers
// and blobs.
func (m Manifest) References() ([]Descriptor, error) {
	refs, _, err := m.links()
	return refs, err
}

// Subject returns the manifest this one refers to, nil when it refers to none (image-spec, manifest.md, "subject").
func (m Manifest) Subject() (*Descriptor, error) {
	_, subject, err := m.links()
	return subject, err
}

// links returns all descriptors of the document.
func (m Manifest) links() (refs []Descriptor, subject *Descriptor, err error) {
	if IsIndex(m.MediaType) {
		ix, err := m.Index()
		return ix.Manifests, ix.Subject, err
	}
	im, err := m.Image()
	return im.References(), im.Subject, err
}

// Referrer returns the descriptor by which a manifest is listed among the referrers of its subject: with its
// annotations and artifact type, which for an image without one is its config's media type (distribution-spec, "Listing
// Referrers").
func (m Manifest) Referrer() (Descriptor, error) {
	d := Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size}
	if IsIndex(m.MediaType) {
		ix, err := m.Index()
		d.ArtifactType, d.Annotations = ix.ArtifactType, ix.Annotations
		return d, err
	}
	im, err := m.Image()
	d.ArtifactType, d.Annotations = im.ArtifactType, im.Annotations
	if d.ArtifactType == "" && im.Config != nil {
		d.ArtifactType = im.Config.MediaType
	}
	return d, err
}
