// Package manifest holds the documents that describe images: descriptors, image manifests, configs, image indexes and
// docker manifest lists, as typed structs with exact bytes.
//
// A document that came from elsewhere is a [Manifest]: its Raw bytes are the truth, and it is copied as those bytes.
// The typed views ([Image], [Index], [Config]) are for reading, and for documents that are made here; [Style] writes
// those byte for byte as docker or the OCI tools do. Members that the types do not know are kept in Extra and survive
// a round trip.
//
// Sources: OCI image-spec v1.1 (descriptor.md, manifest.md, image-index.md, config.md) and docker's "Image Manifest
// Version 2, Schema 2".
package manifest
