package manifest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hczjl/transship/blob"
)

// MaxSize is the size in bytes of the largest manifest that Parse reads. Registries accept about as
// much (distribution-spec, "Pushing Manifests": at least 4 MiB).
const MaxSize = 4 << 20

// MaxDepth is how many indexes an entry may lie below: the limit of everything that follows the
// entries of indexes, on a registry, in a folder or in a tar. Real images stay below five.
const MaxDepth = 50

// Manifest is a document as it was received: its descriptor, and the bytes that the descriptor's
// digest is of.
type Manifest struct {
	Descriptor
	Raw []byte
}

// Errors of [Parse] and [Descriptor.CheckDepth]. Test for them with errors.Is.
var (
	// ErrSchema1 says that a document has docker's format from before 2016. Its layers and digests
	// cannot be kept.
	ErrSchema1 = errors.New("docker schema 1 manifests are not supported; " +
		"have the image rebuilt or pushed again with docker 1.10 or newer")
	// ErrTooLarge says that a document has more than MaxSize bytes.
	ErrTooLarge = fmt.Errorf("larger than %d MiB, which is more than registries must accept", MaxSize>>20)
	// ErrAmbiguous says that a document is both an index and an image, or of another kind than its
	// media type says (CVE-2021-41190).
	ErrAmbiguous = errors.New("ambiguous manifest")
	// ErrTooDeep says that an entry lies below more than MaxDepth indexes; see
	// [Descriptor.CheckDepth].
	ErrTooDeep = fmt.Errorf("indexes are nested more than %d levels deep", MaxDepth)
	// ErrContentType says that a document is of another kind than the Content-Type of its response,
	// or the index that lists it, says. The document itself may be sound.
	ErrContentType = errors.New("wrong Content-Type")
	// ErrNoManifest says that a document is sound JSON of another kind than a manifest.
	ErrNoManifest = errors.New("this is no image")
)

// DocumentError says that bytes are not a manifest, or not one that is safe to read.
type DocumentError struct {
	Digest blob.Digest // of the bytes; "" if the document was not read to its end
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

// Parse reads a manifest of any supported kind and checks it: it is one JSON object of one kind,
// has no name twice, no names that differ only in case, and only valid descriptors, also as its
// subject. The kind follows from the document and from contentType; parameters, and types that are
// not of a manifest, are ignored.
//
// Parse keeps raw, which must not be changed afterwards. The digest is the sha256 of raw; a caller
// that asked for a sha512 digest sets that. The error is a *[DocumentError].
func Parse(contentType string, raw []byte) (Manifest, error) {
	if len(raw) > MaxSize {
		return Manifest{}, &DocumentError{Err: ErrTooLarge}
	}
	m := Manifest{Descriptor: Descriptor{Size: int64(len(raw)), Digest: blob.FromBytes(raw)}, Raw: raw}
	mediaType, err := findMediaType(baseType(contentType), raw)
	if err != nil {
		return Manifest{}, &DocumentError{m.Digest, err}
	}
	m.MediaType = mediaType
	if err := m.validate(); err != nil {
		return Manifest{}, &DocumentError{m.Digest, err}
	}
	return m, nil
}

// findMediaType checks the document's JSON and returns its media type.
func findMediaType(contentType string, raw []byte) (string, error) {
	if err := checkDuplicates(raw); err != nil {
		return "", fmt.Errorf("not valid JSON: %w", err)
	}
	var o outline
	if _, err := decodeObject(raw, o.fields()); err != nil {
		return "", err
	}
	return o.mediaType(contentType)
}

// outline has the members that tell the kinds of documents apart.
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

// mediaType returns the document's own media type, or else contentType, or else the one that its
// members imply. Either of the first two must fit the members. If they name the same kind, one
// docker's and one OCI's, no reader can take a list for an image. Some registries answer so, and
// Parse accepts it although clients should refuse it (distribution-spec, "Pulling manifests").
func (o *outline) mediaType(contentType string) (string, error) {
	implied := o.impliedMediaType()
	isSchema2 := o.SchemaVersion == 2 && o.FSLayers == nil && implied != ""
	if o.SchemaVersion == 1 || o.FSLayers != nil || isSchema1(contentType) && !isSchema2 || isSchema1(o.MediaType) {
		return "", ErrSchema1
	}
	if o.Manifests != nil && (o.Layers != nil || o.Config != nil || o.Blobs != nil) {
		return "", fmt.Errorf("%w: it has both manifests and layers, config or blobs", ErrAmbiguous)
	}
	if implied == "" {
		return "", fmt.Errorf("it names neither config, layers, blobs nor manifests: %w", ErrNoManifest)
	}
	if contradicts(o.MediaType, implied) {
		return "", fmt.Errorf("%w: it calls itself %s, but its members are those of %s", ErrAmbiguous, o.MediaType, implied)
	}
	if contradicts(contentType, implied) {
		return "", fmt.Errorf("%w: it is sent or listed as %s, but its members are those of %s", ErrContentType, contentType, implied)
	}
	switch {
	case IsManifest(o.MediaType):
		return o.MediaType, nil
	case o.MediaType != "":
		return "", fmt.Errorf("its media type %q is no manifest's: %w", o.MediaType, ErrNoManifest)
	case IsManifest(contentType):
		return contentType, nil
	}
	return implied, nil
}

// contradicts reports whether a media type is a manifest's of another kind than what the members
// of a document imply.
func contradicts(mediaType, implied string) bool {
	return isSchema1(mediaType) || IsManifest(mediaType) && IsIndex(mediaType) != IsIndex(implied)
}

// impliedMediaType returns OCI's media types, since docker's documents always have a media type. A
// document that names no content is of the kind that it says itself; a Content-Type or a descriptor
// that calls it so could be anybody's.
func (o *outline) impliedMediaType() string {
	switch {
	case o.Manifests != nil:
		return MediaTypeOCIIndex
	case o.Layers != nil || o.Config != nil:
		return MediaTypeOCIManifest
	case o.Blobs != nil:
		return MediaTypeOCIArtifact
	case IsManifest(o.MediaType):
		return o.MediaType
	}
	return ""
}

// validate decodes the typed view and checks every descriptor: their digests become parts of paths
// and tags.
func (m Manifest) validate() error {
	refs, subject, err := m.descriptors()
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

// Index returns the typed view of an index or list. For any other kind it returns an error.
func (m Manifest) Index() (Index, error) {
	var ix Index
	if !IsIndex(m.MediaType) {
		return ix, fmt.Errorf("%s is no index", m.Digest.Short())
	}
	err := json.Unmarshal(m.Raw, &ix)
	return ix, err
}

// Image returns the typed view of an image manifest or artifact. For an index it returns an error.
func (m Manifest) Image() (Image, error) {
	var im Image
	if IsIndex(m.MediaType) {
		return im, fmt.Errorf("%s is an index of several images", m.Digest.Short())
	}
	err := json.Unmarshal(m.Raw, &im)
	return im, err
}

// References returns what a repository must have before it takes this manifest: the entries of an
// index, or the config, layers and blobs of an image.
func (m Manifest) References() ([]Descriptor, error) {
	refs, _, err := m.descriptors()
	return refs, err
}

// Subject returns the manifest that this one refers to, nil if it has no subject (image-spec,
// manifest.md, "subject").
func (m Manifest) Subject() (*Descriptor, error) {
	_, subject, err := m.descriptors()
	return subject, err
}

// descriptors returns all descriptors of the document.
func (m Manifest) descriptors() (refs []Descriptor, subject *Descriptor, err error) {
	if IsIndex(m.MediaType) {
		ix, err := m.Index()
		return ix.Manifests, ix.Subject, err
	}
	im, err := m.Image()
	return im.References(), im.Subject, err
}

// ReferrerDescriptor returns the descriptor that lists this manifest among the referrers of its
// subject: with its annotations and its artifact type. An image without an artifact type has its
// config's media type there (distribution-spec, "Listing Referrers").
func (m Manifest) ReferrerDescriptor() (Descriptor, error) {
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
