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
	Ref        string              // where the image is, normalised: docker.io/hczjl/halo:1.6-arm64
	Descriptor manifest.Descriptor // of Raw; Platform may be nil
	Raw        []byte              // the image manifest, byte for byte as its registry has it
}

// MarshalJSON implements json.Marshaler with the document docker keeps for an entry, byte for byte. Members of the
// descriptor that docker does not know (platform.features, Extra) are written too; docker ignores them.
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

// UnmarshalJSON implements json.Unmarshaler for the documents of every docker that had the command. The result is
// checked: a normalised Ref, and a Raw that is an image manifest of the descriptor's media type, digest and size.
// Where a file of docker before 23 has no Raw, it is rebuilt as docker's push does it, and the digest decides.
func (e *Entry) UnmarshalJSON(b []byte) error {
	doc, err := decode(b)
	if err != nil {
		return err
	}
	n := Entry{Ref: doc.ref, Descriptor: doc.descriptor, Raw: doc.raw}
	if len(n.Raw) == 0 {
		if n.Raw, err = doc.rebuild(); err != nil {
			return err
		}
	}
	if doc.sizeUnknown() {
		n.Descriptor.Size = int64(len(n.Raw))
	}
	if err := n.check(); err != nil {
		return err
	}
	*e = n
	return nil
}

// check reports why the entry cannot be kept. Errors about the bytes are a *[blob.MismatchError] or a
// *[manifest.DocumentError].
func (e Entry) check() error {
	if err := checkRef(e.Ref); err != nil {
		return err
	}
	if !manifest.IsImage(e.Descriptor.MediaType) {
		return fmt.Errorf("media type %q is not an image manifest's", e.Descriptor.MediaType)
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
		return errors.New("the manifest is " + m.MediaType + ", its descriptor says " + e.Descriptor.MediaType)
	}
	return nil
}
