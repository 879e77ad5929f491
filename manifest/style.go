package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Style is the JSON layout of a manifest. The zero value is compact, in OCI's member order.
type Style struct {
	Indent string // one level of indentation; "" writes one line
	Docker bool   // docker's member order: size before digest, and a platform in each entry of a list
}

// DockerStyle returns the style of docker's CLI for manifest lists, and of docker's engine for
// manifests: that of json.MarshalIndent with three spaces, without a newline at the end.
func DockerStyle() Style { return Style{Indent: "   ", Docker: true} }

// OCIStyle returns the style of buildx for indexes: the order of image-spec's Go types, two spaces,
// no newline at the end.
func OCIStyle() Style { return Style{Indent: "  "} }

// EncodeIndex encodes an index. In docker's style an entry without a platform gets an empty one.
// HTML characters in strings are escaped as encoding/json does it, and so docker.
func (s Style) EncodeIndex(ix Index) ([]byte, error) {
	entries, err := s.descriptors(ix.Manifests, s.Docker)
	if err != nil {
		return nil, err
	}
	subject, err := s.optionalDescriptor(ix.Subject)
	if err != nil {
		return nil, err
	}
	fields := replaceValues(ix.ociFields(), map[string]any{"manifests": &entries, "subject": &subject})
	if s.Docker {
		fields = moveToEnd(fields, "artifactType") // docker's struct does not have it
	}
	return s.encode(fields, ix.Extra)
}

// EncodeImage encodes an image manifest.
func (s Style) EncodeImage(im Image) ([]byte, error) {
	layers, err := s.descriptors(im.Layers, false)
	if err != nil {
		return nil, err
	}
	blobs, err := s.descriptors(im.Blobs, false)
	if err != nil {
		return nil, err
	}
	config, err := s.optionalDescriptor(im.Config)
	if err != nil {
		return nil, err
	}
	subject, err := s.optionalDescriptor(im.Subject)
	if err != nil {
		return nil, err
	}
	fields := replaceValues(im.fields(), map[string]any{
		"config": &config, "layers": &layers, "blobs": &blobs, "subject": &subject,
	})
	return s.encode(fields, im.Extra)
}

// descriptors encodes a list. With platform a descriptor without a platform gets an empty one.
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

func (s Style) optionalDescriptor(d *Descriptor) (json.RawMessage, error) {
	if d == nil {
		return nil, nil
	}
	return s.descriptor(*d)
}

// replaceValues sets the values of the fields with the given names.
func replaceValues(fields []field, values map[string]any) []field {
	for i, f := range fields {
		if v, ok := values[f.name]; ok {
			fields[i].value = v
		}
	}
	return fields
}

// moveToEnd moves the field with a name to the end.
func moveToEnd(fields []field, name string) []field {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	return append(slices.Delete(slices.Clone(fields), i, i+1), fields[i])
}

// encode encodes the fields with the style's indentation.
func (s Style) encode(fields []field, extra []Member) ([]byte, error) {
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
