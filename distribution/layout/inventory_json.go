package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// inventoryDocument is the JSON of an Inventory.
type inventoryDocument struct {
	ID      blob.Digest     `json:"id"`
	Images  []imageDocument `json:"images"`
	Base    *Base           `json:"base"`
	Volumes []Volume        `json:"volumes"`

	Signatures []signature.Verdict `json:"signatures"`
	Content    []Content           `json:"content"`
}

type imageDocument struct {
	Name      string      `json:"name,omitempty"`
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
}

// encode returns the document with each image, volume and blob on a line of its own. ID and Volumes
// are left out if they are empty, as in transship.json.
func (in *Inventory) encode() []byte {
	var b bytes.Buffer
	version := inventoryVersion
	if slices.ContainsFunc(in.Content, func(c Content) bool { return c.Delta != nil }) {
		version = inventoryVersionDelta
	}
	fmt.Fprintf(&b, `{"version":%d`, version)
	if in.ID != "" {
		fmt.Fprintf(&b, ",\n\"id\":%s", compact(in.ID))
	}
	images := make([]imageDocument, len(in.Images))
	for i, im := range in.Images {
		images[i] = imageDocument{im.Name, im.MediaType, im.Digest, im.Size}
	}
	writeLines(&b, "images", images)
	if in.Base != nil {
		fmt.Fprintf(&b, ",\n\"base\":%s", compact(in.Base))
	}
	if len(in.Volumes) > 0 {
		writeLines(&b, "volumes", in.Volumes)
	}
	if len(in.Signatures) > 0 {
		writeLines(&b, "signatures", in.Signatures)
	}
	writeLines(&b, "content", in.Content)
	b.WriteString("}\n")
	return b.Bytes()
}

// compact encodes strings, numbers, and structs and slices of them. These never fail to encode.
func compact(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

func writeLines[T any](b *bytes.Buffer, name string, values []T) {
	fmt.Fprintf(b, ",\n%q:[", name)
	separator := "\n"
	for _, v := range values {
		b.WriteString(separator)
		b.Write(compact(v))
		separator = ",\n"
	}
	b.WriteString("\n]")
}

// decodeInventory parses the document. An unknown version is ErrNewer, and a document without a
// version is errNotInventory. Unknown members are ignored: the version changes when a reader must
// know of a change.
func decodeInventory(b []byte) (Inventory, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := manifest.Decode(b, &head); err != nil {
		return Inventory{}, err
	}
	if head.Version == 0 {
		return Inventory{}, errNotInventory
	}
	if head.Version > inventoryVersionDelta || head.Version < inventoryVersion {
		return Inventory{}, fmt.Errorf("%w %d: only versions %d and %d are known here, take a newer transship",
			ErrNewer, head.Version, inventoryVersion, inventoryVersionDelta)
	}
	var doc inventoryDocument
	if err := manifest.Decode(b, &doc); err != nil {
		return Inventory{}, err
	}
	in := Inventory{ID: doc.ID, Base: doc.Base, Volumes: doc.Volumes, Signatures: doc.Signatures, Content: doc.Content}
	for _, im := range doc.Images {
		d := manifest.Descriptor{MediaType: im.MediaType, Digest: im.Digest, Size: im.Size}
		in.Images = append(in.Images, Image{im.Name, d})
	}
	return in, in.validate()
}
