package manifest

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/blob"
)

// Descriptor refers to content by its digest (OCI image-spec, descriptor.md).
type Descriptor struct {
	MediaType    string
	Size         int64 // bytes
	Digest       blob.Digest
	URLs         []string
	Annotations  map[string]string
	Data         []byte // the content itself, if it is embedded; base64 in JSON
	Platform     *Platform
	ArtifactType string
	Extra        []Member // members that the type does not have
}

// Annotations that buildx puts on the attestation manifests of an index.
const (
	annotationReferenceType   = "vnd.docker.reference.type"
	annotationReferenceDigest = "vnd.docker.reference.digest"
)

// AttestationFor returns the digest of the image in the same index that this entry is an
// attestation of, "" if the entry is not an attestation manifest (docker buildx, "Image attestation
// storage").
func (d Descriptor) AttestationFor() blob.Digest {
	if d.Annotations[annotationReferenceType] != "attestation-manifest" {
		return ""
	}
	return blob.Digest(d.Annotations[annotationReferenceDigest])
}

// Distributable reports whether a registry is expected to have the content. It is false for foreign
// layers, which clients fetch from their URLs and must not push (image-spec, layer.md,
// "Non-Distributable Layers").
func (d Descriptor) Distributable() bool {
	switch d.MediaType {
	case MediaTypeDockerForeignLayer,
		"application/vnd.docker.image.rootfs.foreign.diff.tar",
		"application/vnd.oci.image.layer.nondistributable.v1.tar",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd":
		return false
	}
	return true
}

// MayBeBlob reports whether an entry of an index is a blob for all that is known: its media type is
// not one of a manifest, and err, the error of reading it as a manifest, says that there is none
// (fs.ErrNotExist) or that its bytes are none (*[DocumentError]).
func (d Descriptor) MayBeBlob(err error) bool {
	var other *DocumentError
	return !IsManifest(d.MediaType) && !isSchema1(d.MediaType) &&
		(errors.Is(err, fs.ErrNotExist) || errors.As(err, &other))
}

// CheckDepth returns a *[DocumentError] that is [ErrTooDeep] if an entry below so many indexes is
// nested too deep. Check it before the entry is read.
func (d Descriptor) CheckDepth(indexes int) error {
	if indexes > MaxDepth {
		return &DocumentError{d.Digest, ErrTooDeep}
	}
	return nil
}

// Validate returns an error if the digest is malformed or of an unknown algorithm, or the size is
// negative.
func (d Descriptor) Validate() error {
	if err := d.Digest.Validate(); err != nil {
		return err
	}
	if d.Size < 0 {
		return fmt.Errorf("descriptor of %s has the size %d", d.Digest, d.Size)
	}
	return nil
}

// ociFields is the order of opencontainers/image-spec specs-go/v1.
func (d *Descriptor) ociFields() []field {
	return []field{
		{name: "mediaType", value: &d.MediaType, always: true},
		{name: "digest", value: &d.Digest, always: true},
		{name: "size", value: &d.Size, always: true},
		{name: "urls", value: &d.URLs},
		{name: "annotations", value: &d.Annotations},
		{name: "data", value: &d.Data},
		{name: "platform", value: &d.Platform},
		{name: "artifactType", value: &d.ArtifactType},
	}
}

// dockerFields is the order of docker's schema 2 and manifest list structs.
func (d *Descriptor) dockerFields() []field {
	return []field{
		{name: "mediaType", value: &d.MediaType},
		{name: "size", value: &d.Size},
		{name: "digest", value: &d.Digest},
		{name: "urls", value: &d.URLs},
		{name: "annotations", value: &d.Annotations},
		{name: "platform", value: &d.Platform},
		{name: "data", value: &d.Data},
		{name: "artifactType", value: &d.ArtifactType},
	}
}

// UnmarshalJSON implements json.Unmarshaler. A name that comes twice, or differs from a known one
// only in case, is an error.
func (d *Descriptor) UnmarshalJSON(b []byte) (err error) {
	*d = Descriptor{}
	d.Extra, err = decodeObject(b, d.ociFields())
	return err
}

// MarshalJSON implements json.Marshaler, in OCI's order.
func (d Descriptor) MarshalJSON() ([]byte, error) {
	return encodeObject(d.ociFields(), d.Extra)
}
