package manifest

import (
	"bytes"
	"encoding/json"
)

// Style is how a tool lays out the JSON of a manifest. The zero value is compact, in OCI's member order.
type Style struct {
	Indent string // one level of indentation; "" is compact, on one line
	Docker bool   // docker's member order: size before digest, and a platform on each entry of a list
}

// DockerStyle is how docker's CLI writes a manifest list, and docker's engine a manifest: json.MarshalIndent with
// three spaces, no newline at the end.
func DockerStyle() Style { return Style{Indent: "   ", Docker: true} }

// OCIStyle is how buildx writes an index: the order of image-spec's Go types, two spaces, no newline at the end.
func OCIStyle() Style { return Style{Indent: "  "} }

// Encode writes an index. Descriptors without a platform get an empty one in docker's style, where it always stands.
// HTML characters in strings are escaped as encoding/json does it, which is what docker does.
func (s Style) Encode(ix Index) ([]byte, error) {
	entries, err := s.descriptors(ix.Manifests, s.Docker)
	if err != nil {
		return nil, err
	}
	subject, err := s.optional(ix.Subject)
	if err != nil {
		return nil, err
	}
	fields := replace(ix.ociFields(), map[string]any{"manifests": &entries, "subject": &subject})
	if s.Docker {
		fields = lastly(fields, "artifactType")
	}
	return s.finish(fields, ix.Extra)
}

// EncodeImage writes an image manifest.
func (s Style) EncodeImage(im Image) ([]byte, error) {
	layers, err := s.descriptors(im.Layers, false)
	if err != nil {
		return nil, err
	}
	blobs, err := s.descriptors(im.Blobs, false)
	if err != nil {
		return nil, err
	}
	config, err := s.optional(im.Config)
	if err != nil {
		return nil, err
	}
	subject, err := s.optional(im.Subject)
	if err != nil {
		return nil, err
	}
	fields := replace(im.fields(), map[string]any{"config": &config, "layers": &layers, "blobs": &blobs, "subject": &subject})
	return s.finish(fields, im.Extra)
}

func (s Style) descriptors(in []Descriptor, platform bool) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(in))
	for i, d := range in {
		if platform && d.Platform == nil {
			d.Platform = &Platform{}
		}
		b, err := s.descriptor(d)
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

func (s Style) descriptor(d Descriptor) (json.RawMessage, error) {
	if s.Docker {
		return encodeObject(d.dockerFields(), d.Extra)
	}
	return encodeObject(d.ociFields(), d.Extra)
}

func (s Style) optional(d *Descriptor) (json.RawMessage, error) {
	if d == nil {
		return nil, nil
	}
	return s.descriptor(*d)
}

// replace puts already encoded values in place of the fields of those names.
func replace(fields []field, by map[string]any) []field {
	for i, f := range fields {
		if v, ok := by[f.name]; ok {
			fields[i].value = v
		}
	}
	return fields
}

// lastly moves the field of that name to the end: docker's own struct does not have it.
func lastly(fields []field, name string) []field {
	var out, moved []field
	for _, f := range fields {
		if f.name == name {
			moved = append(moved, f)
			continue
		}
		out = append(out, f)
	}
	return append(out, moved...)
}

func (s Style) finish(fields []field, extra []Member) ([]byte, error) {
	compact, err := encodeObject(fields, extra)
	if err != nil || s.Indent == "" {
		return compact, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", s.Indent); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
