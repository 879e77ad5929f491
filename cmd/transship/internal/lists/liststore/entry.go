package liststore

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Entry is one image of a local list.
type Entry struct {
	Ref        string              // normalised reference: docker.io/hczjl/halo:1.6-arm64
	Descriptor manifest.Descriptor // of Raw; Platform may be nil
	Raw        []byte              // the exact bytes of the image manifest
}

// MarshalJSON implements json.Marshaler with the exact bytes of docker's file for an entry. It also
// writes members of the descriptor that docker ignores (platform.features, Extra).
func (e Entry) MarshalJSON() ([]byte, error) {
	doc := struct {
		Ref              string
		Descriptor       manifest.Descriptor
		Raw              []byte          `json:",omitempty"`
		SchemaV2Manifest json.RawMessage `json:",omitempty"`
		OCIManifest      json.RawMessage `json:",omitempty"`
	}{Ref: e.Ref, Descriptor: e.Descriptor, Raw: e.Raw}
	if e.Descriptor.MediaType == manifest.MediaTypeOCIManifest {
		doc.OCIManifest = e.Raw
	} else {
		doc.SchemaV2Manifest = e.Raw
	}
	return json.Marshal(doc)
}

// UnmarshalJSON implements json.Unmarshaler for the files of all versions of docker that have the
// command. It checks that Ref is normalised, and that Raw is an image manifest with the
// descriptor's media type, digest and size. If a file of docker before 23 has no Raw, it is rebuilt
// as docker's push does, and its digest checked.
func (e *Entry) UnmarshalJSON(b []byte) error {
	doc, err := decode(b)
	if err != nil {
		return err
	}
	entry := Entry{Ref: doc.ref, Descriptor: doc.descriptor, Raw: doc.raw}
	if len(entry.Raw) == 0 {
		if entry.Raw, err = doc.rebuild(); err != nil {
			return err
		}
	}
	if doc.sizeUnknown() {
		entry.Descriptor.Size = int64(len(entry.Raw))
	}
	if err := entry.check(); err != nil {
		return err
	}
	*e = entry
	return nil
}

// check returns an error if the entry is not valid. Errors about the bytes are a
// *[blob.MismatchError] or a *[manifest.DocumentError].
func (e Entry) check() error {
	if err := checkRef(e.Ref); err != nil {
		return err
	}
	if !manifest.IsImage(e.Descriptor.MediaType) {
		return fmt.Errorf("media type %q is not that of an image manifest", e.Descriptor.MediaType)
	}
	if err := e.Descriptor.Validate(); err != nil {
		return err
	}
	if err := blob.Verify(e.Raw, e.Descriptor.Digest, e.Descriptor.Size); err != nil {
		return err
	}
	m, err := manifest.Parse(e.Descriptor.MediaType, e.Raw)
	if err != nil {
		return err
	}
	if m.MediaType != e.Descriptor.MediaType {
		return errors.New("the manifest is " + m.MediaType + ", but its descriptor says " + e.Descriptor.MediaType)
	}
	return nil
}
