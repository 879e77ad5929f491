// Package image carries a small real container image for three platforms, so that a program can re-host it without a
// network. The README beside it says what it is made of.
package image

import "embed"

// Layout is an OCI image layout (image-spec, image-layout.md). Its index.json has one entry: a Docker manifest list for
// linux/amd64, linux/arm/v7 and linux/arm64, with its tag in the annotation org.opencontainers.image.ref.name.
//
//go:embed oci-layout index.json blobs
var Layout embed.FS
