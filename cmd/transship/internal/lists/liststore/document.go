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

// document is a file as it stands there, of whichever docker.
type document struct {
	ref        string
	descriptor manifest.Descriptor
	raw        []byte
	schema2    json.RawMessage
	oci        json.RawMessage
	digest     blob.Digest        // in place of descriptor
	platform   *manifest.Platform // in place of descriptor
}

// decode reads a file's JSON object. docker takes a member whatever its case, and the last of several; where two
// readers could so see two images, the file is refused.
func decode(b []byte) (document, error) {
	var doc document
	dec := json.NewDecoder(bytes.NewReader(b))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return doc, errors.New("it is no JSON object")
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

// member returns where the member's value belongs.
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
			return nil, fmt.Errorf("member %q is doubled, or differs from %q in case", name, known.name)
		}
		seen[name] = true
		return known.value, nil
	}
	return new(json.RawMessage), nil
}

// complete turns the form of docker before 18.06 into the later one. As in docker, Digest goes before Descriptor.
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

// sizeUnknown tells whether the file is of the form that names a digest and no size.
func (d *document) sizeUnknown() bool { return d.digest != "" }

// rebuild returns the exact bytes of a manifest that was kept without its white space. docker's push takes them to be
// indented with three spaces, those of an OCI image with two (docker/cli, push.go, buildPutManifestRequest), which is
// how docker's engine and OCI tools write. Since the digest tells, tabs and none are tried as well.
func (d *document) rebuild() ([]byte, error) {
	kept := d.schema2
	if kept == nil {
		kept = d.oci
	}
	if kept == nil {
		return nil, errors.New("it holds no manifest")
	}
	want := d.descriptor.Digest
	if err := want.Validate(); err != nil {
		return nil, err
	}
	for _, indent := range []string{"   ", "  ", "\t", ""} {
		raw, err := encode(kept, indent)
		if err != nil {
			return nil, err
		}
		if want.Algorithm().Digest(raw) == want {
			return raw, nil
		}
	}
	return nil, fmt.Errorf("docker before 23 kept the manifest without its white space, and %s cannot be rebuilt", want)
}

func encode(v json.RawMessage, indent string) ([]byte, error) {
	if indent == "" {
		return json.Marshal(v)
	}
	return json.MarshalIndent(v, "", indent)
}
