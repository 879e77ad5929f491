package manifest

import (
	"mime"
	"strings"
)

// Media types of manifests, configs and layers: OCI image-spec v1.1, media-types.md, and docker's schema 2.
const (
	MediaTypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	MediaTypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	MediaTypeDockerConfig   = "application/vnd.docker.container.image.v1+json"
	MediaTypeDockerLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	MediaTypeDockerForeign  = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

	MediaTypeOCIIndex    = "application/vnd.oci.image.index.v1+json"
	MediaTypeOCIManifest = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeOCIConfig   = "application/vnd.oci.image.config.v1+json"
	MediaTypeOCILayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	MediaTypeOCIEmpty    = "application/vnd.oci.empty.v1+json"
	MediaTypeOCIArtifact = "application/vnd.oci.artifact.manifest.v1+json" // withdrawn before OCI 1.1, still in registries

	mediaTypeSchema1       = "application/vnd.docker.distribution.manifest.v1+json"
	mediaTypeSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws"
)

// Accept lists every manifest media type a client of this package understands, for the Accept header. A registry that
// sees fewer may convert the document, and then its digest is another.
func Accept() []string {
	return []string{MediaTypeOCIIndex, MediaTypeDockerList, MediaTypeOCIManifest, MediaTypeDockerManifest, MediaTypeOCIArtifact}
}

// IsIndex tells whether the media type is an OCI image index or a docker manifest list.
func IsIndex(mediaType string) bool {
	return mediaType == MediaTypeOCIIndex || mediaType == MediaTypeDockerList
}

// IsImage tells whether the media type is an image manifest of OCI or docker.
func IsImage(mediaType string) bool {
	return mediaType == MediaTypeOCIManifest || mediaType == MediaTypeDockerManifest
}

// IsManifest tells whether the media type is any manifest that this package parses.
func IsManifest(mediaType string) bool {
	return IsIndex(mediaType) || IsImage(mediaType) || mediaType == MediaTypeOCIArtifact
}

// isSchema1 tells whether the media type is docker's schema 1.
func isSchema1(mediaType string) bool {
	return mediaType == mediaTypeSchema1 || mediaType == mediaTypeSchema1Signed
}

// baseType strips parameters such as charset from a Content-Type.
func baseType(contentType string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		t, _, _ = strings.Cut(contentType, ";")
		t = strings.ToLower(strings.TrimSpace(t))
	}
	return t
}
