package manifest

import (
	"mime"
	"strings"
)

// Media types of manifests, configs and layers: OCI image-spec v1.1, media-types.md, and docker's
// schema 2.
const (
	MediaTypeDockerList         = "application/vnd.docker.distribution.manifest.list.v2+json"
	MediaTypeDockerManifest     = "application/vnd.docker.distribution.manifest.v2+json"
	MediaTypeDockerConfig       = "application/vnd.docker.container.image.v1+json"
	MediaTypeDockerLayer        = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	MediaTypeDockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

	MediaTypeOCIIndex    = "application/vnd.oci.image.index.v1+json"
	MediaTypeOCIManifest = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeOCIConfig   = "application/vnd.oci.image.config.v1+json"
	MediaTypeOCILayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	MediaTypeOCIEmpty    = "application/vnd.oci.empty.v1+json"
	// MediaTypeOCIArtifact was withdrawn before OCI 1.1. Registries still have such manifests.
	MediaTypeOCIArtifact = "application/vnd.oci.artifact.manifest.v1+json"

	// MediaTypeBuildKitCache is that of the config in an index of BuildKit's registry cache.
	MediaTypeBuildKitCache = "application/vnd.buildkit.cacheconfig.v0"

	mediaTypeSchema1       = "application/vnd.docker.distribution.manifest.v1+json"
	mediaTypeSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws"
)

// Accept returns all media types of manifests that Parse reads, for the Accept header. A registry
// that gets fewer may convert the document, which changes its digest.
func Accept() []string {
	return []string{
		MediaTypeOCIIndex, MediaTypeDockerList, MediaTypeOCIManifest, MediaTypeDockerManifest, MediaTypeOCIArtifact,
	}
}

// IsIndex reports whether the media type is an OCI image index or a docker manifest list.
func IsIndex(mediaType string) bool {
	return mediaType == MediaTypeOCIIndex || mediaType == MediaTypeDockerList
}

// IsImage reports whether the media type is an image manifest of OCI or docker.
func IsImage(mediaType string) bool {
	return mediaType == MediaTypeOCIManifest || mediaType == MediaTypeDockerManifest
}

// IsManifest reports whether the media type is that of a manifest that Parse reads.
func IsManifest(mediaType string) bool {
	return IsIndex(mediaType) || IsImage(mediaType) || mediaType == MediaTypeOCIArtifact
}

// IsLayer reports whether the media type is that of a layer of a file system, compressed in
// whatever way, distributable or not.
func IsLayer(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.oci.image.layer.") ||
		strings.HasPrefix(mediaType, "application/vnd.docker.image.rootfs.")
}

// IsBlob reports whether the media type is one that only blobs have. The index of a BuildKit cache
// lists blobs. A media type that is neither IsManifest nor IsBlob is unknown: an entry of an index
// that has it may be either.
func IsBlob(mediaType string) bool {
	switch mediaType {
	case MediaTypeOCIConfig, MediaTypeDockerConfig, MediaTypeOCIEmpty, MediaTypeBuildKitCache:
		return true
	}
	return IsLayer(mediaType)
}

// isSchema1 reports whether the media type is docker's schema 1.
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
