package liststore

import (
	"errors"
	"fmt"

	"github.com/hczjl/transship/manifest"
)

// Build returns the list that "docker manifest push" makes of the entries, as typed document and as bytes, which are
// equal to docker's. It refuses, in docker's words, an entry without an OS or architecture or with a malformed digest;
// it is an error to build a list of nothing.
//
// docker puts media type, size, digest and platform of an entry into the list. Here the whole descriptor goes in:
// in the files docker makes it has no more than these four, so that the bytes are the same, and what was carried over
// from an index (annotations, urls, platform.features) is not lost. When docker pushes such a list, it is.
func Build(entries []Entry) (manifest.Index, []byte, error) {
	if len(entries) == 0 {
		return manifest.Index{}, nil, errors.New("a manifest list needs at least one image")
	}
	for _, e := range entries {
		p := e.Descriptor.Platform
		if p == nil || p.OS == "" || p.Architecture == "" {
			return manifest.Index{}, nil, fmt.Errorf("manifest %s must have an OS and Architecture to be pushed to a registry", e.Ref)
		}
		if err := e.Descriptor.Validate(); err != nil {
			return manifest.Index{}, nil, fmt.Errorf("digest parse of image %q failed: %w", e.Ref, err)
		}
	}
	ix := Index(entries)
	raw, err := manifest.DockerStyle().Encode(ix)
	if err != nil {
		return manifest.Index{}, nil, err
	}
	return ix, raw, nil
}

// Index returns the entries as the list that "docker manifest inspect" shows, whether or not it could be pushed: in
// their order, and an OCI index if the first of them is an OCI image, else a docker list. The descriptors share their
// memory with the entries.
func Index(entries []Entry) manifest.Index {
	ix := manifest.Index{
		SchemaVersion: 2,
		MediaType:     manifest.MediaTypeDockerList,
		Manifests:     make([]manifest.Descriptor, len(entries)),
	}
	for i, e := range entries {
		ix.Manifests[i] = e.Descriptor
	}
	if len(entries) > 0 && entries[0].Descriptor.MediaType == manifest.MediaTypeOCIManifest {
		ix.MediaType = manifest.MediaTypeOCIIndex
	}
	return ix
}
