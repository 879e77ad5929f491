// Package manifest reads and writes the documents that describe images: descriptors, image
// manifests, configs, image indexes and docker manifest lists. Start with [Parse], which checks a
// document from a registry and returns a [Manifest].
//
// The Raw bytes of a Manifest are what its digest is of; copy those bytes, and do not encode the
// document again. The typed views ([Image], [Index], [Config]) are for reading, and for new
// documents: a [Style] encodes those byte for byte as docker or the OCI tools do. Members that a
// type does not have are kept in its Extra and encoded again.
//
// Sources: OCI image-spec v1.1 (descriptor.md, manifest.md, image-index.md, config.md) and docker's
// "Image Manifest Version 2, Schema 2".
package manifest
