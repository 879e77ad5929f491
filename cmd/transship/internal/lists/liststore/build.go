package liststore

import (
	"errors"
	"fmt"

	"github.com/hczjl/transship/manifest"
)

// Build returns the list that "docker manifest push" builds from the entries, as a typed document
// and as bytes, which are the same as docker's. An entry without an OS or architecture, or with a
// malformed digest, is an error in docker's words. No entries are an error too.
//
// Docker's list has only the media type, size, digest and platform of an entry. Build uses the
// whole descriptor. The bytes are still the same, since the files that docker writes have no more
// than these four. Members copied from an index (annotations, urls, platform.features) are kept,
// which docker would drop.
func Build(entries []Entry) (manifest.Index, []byte, error) {
	if len(entries) == 0 {
		return manifest.Index{}, nil, errors.New("a manifest list needs at least one image")
	}
	for _, e := range entries {
		p := e.Descriptor.Platform
		if p == nil || p.OS == "" || p.Architecture == "" {
			err := fmt.Errorf("manifest %s must have an OS and Architecture to be pushed to a registry", e.Ref)
			return manifest.Index{}, nil, err
		}
		if err := e.Descriptor.Validate(); err != nil {
			return manifest.Index{}, nil, fmt.Errorf("digest parse of image %q failed: %w", e.Ref, err)
		}
	}
	list := Index(entries)
	raw, err := manifest.DockerStyle().EncodeIndex(list)
	if err != nil {
		return manifest.Index{}, nil, err
	}
	return list, raw, nil
}

// Index returns the entries in order as the list that "docker manifest inspect" shows, also if it
// cannot be pushed. It is an OCI index if the first entry is an OCI image, otherwise a docker list.
// The descriptors share memory with the entries.
func Index(entries []Entry) manifest.Index {
	list := manifest.Index{
		SchemaVersion: 2,
		MediaType:     manifest.MediaTypeDockerList,
		Manifests:     make([]manifest.Descriptor, len(entries)),
	}
	for i, e := range entries {
		list.Manifests[i] = e.Descriptor
	}
	if len(entries) > 0 && entries[0].Descriptor.MediaType == manifest.MediaTypeOCIManifest {
		list.MediaType = manifest.MediaTypeOCIIndex
	}
	return list
}
