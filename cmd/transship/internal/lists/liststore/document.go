package liststore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// document is the content of a file, as written by any version of docker.
type document struct {
	ref        string
	descriptor manifest.Descriptor
	raw        []byte
	schema2    json.RawMessage
	oci        json.RawMessage
	digest     blob.Digest        // instead of descriptor
	platform   *manifest.Platform // instead of descriptor
}

// decode decodes a file's JSON object. Docker ignores the case of member names and uses the last of
// several members. Two readers could then see two different images, so such a file is an error.
func decode(b []byte) (document, error) {
	var doc document
	dec := json.NewDecoder(bytes.NewReader(b))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return doc, errors.New("it is not a JSON object")
	}
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return doc, err
		}
		name, _ := tok.(string)
		value, err := doc.member(name, seen)
		if err != nil {
			return doc, err
		}
		if err := dec.Decode(value); err != nil {
			return doc, fmt.Errorf("%q: %w", name, err)
		}
	}
	return doc, doc.complete()
}

// member returns a pointer to decode the member's value into.
func (d *document) member(name string, seen map[string]bool) (any, error) {
	for _, known := range []struct {
		name  string
		value any
	}{
		{"Ref", &d.ref}, {"Descriptor", &d.descriptor}, {"Raw", &d.raw}, {"SchemaV2Manifest", &d.schema2},
		{"OCIManifest", &d.oci}, {"Digest", &d.digest}, {"Platform", &d.platform},
	} {
		if !strings.EqualFold(name, known.name) {
			continue
		}
		if name != known.name || seen[name] {
			return nil, fmt.Errorf("member %q is a duplicate, or differs from %q in case", name, known.name)
		}
		seen[name] = true
		return known.value, nil
	}
	return new(json.RawMessage), nil
}

// complete converts the form of docker before 18.06 into the later one. As in docker, Digest takes
// precedence over Descriptor.
func (d *document) complete() error {
	if d.ref == "" {
		return errors.New(`it has no "Ref"`)
	}
	if d.digest == "" {
		return nil
	}
	d.descriptor = manifest.Descriptor{MediaType: manifest.MediaTypeDockerManifest, Digest: d.digest, Platform: d.platform}
	if d.schema2 == nil && d.oci != nil {
		d.descriptor.MediaType = manifest.MediaTypeOCIManifest
	}
	return nil
}

// sizeUnknown reports whether the file has the form with a digest and without a size.
func (d *document) sizeUnknown() bool { return d.digest != "" }

// rebuild returns the original bytes of a manifest that is stored without its white space. Docker's
// push indents it with three spaces, and with two for an OCI image (docker/cli, push.go,
// buildPutManifestRequest), as docker's engine and OCI tools do. Rebuild also tries tabs and no
// indentation. The digest decides.
func (d *document) rebuild() ([]byte, error) {
	stored := d.schema2
	if stored == nil {
		stored = d.oci
	}
	if stored == nil {
		return nil, errors.New("it has no manifest")
	}
	want := d.descriptor.Digest
	if err := want.Validate(); err != nil {
		return nil, err
	}
	for _, indent := range []string{"   ", "  ", "\t", ""} {
		raw, err := encode(stored, indent)
		if err != nil {
			return nil, err
		}
		if want.Algorithm().Digest(raw) == want {
			return raw, nil
		}
	}
	return nil, fmt.Errorf("docker before 23 stored the manifest without its white space, and %s cannot be rebuilt", want)
}

func encode(v json.RawMessage, indent string) ([]byte, error) {
	if indent == "" {
		return json.Marshal(v)
	}
	return json.MarshalIndent(v, "", indent)
}
