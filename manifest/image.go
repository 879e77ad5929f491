package manifest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/hczjl/transship/blob"
)

// Image is an image manifest of OCI or docker's schema 2, or an artifact in that form (image-spec, manifest.md).
// The withdrawn OCI artifact manifest has Blobs instead of Config and Layers.
type Image struct {
	SchemaVersion int
	MediaType     string
	ArtifactType  string
	Config        *Descriptor
	Layers        []Descriptor
	Blobs         []Descriptor
	Subject       *Descriptor
	Annotations   map[string]string
	Extra         []Member // members this type does not know
}

// fields is the order of opencontainers/image-spec specs-go/v1; docker's schema 2 has the same order.
func (im *Image) fields() []field {
	artifact := im.MediaType == MediaTypeOCIArtifact
	return []field{
		{name: "schemaVersion", value: &im.SchemaVersion, empty: !artifact},
		{name: "mediaType", value: &im.MediaType},
		{name: "artifactType", value: &im.ArtifactType},
		{name: "config", value: &im.Config},
		{name: "layers", value: &im.Layers, empty: !artifact},
		{name: "blobs", value: &im.Blobs},
		{name: "subject", value: &im.Subject},
		{name: "annotations", value: &im.Annotations},
	}
}

// UnmarshalJSON implements json.Unmarshaler; names that are doubled or differ only in case are errors.
func (im *Image) UnmarshalJSON(b []byte) (err error) {
	*im = Image{}
	im.Extra, err = decodeObject(b, im.fields())
	return err
}

// References returns the content the manifest needs, in the order it stands there: config, layers, blobs. The subject
// is not among them: it may be absent (image-spec, manifest.md, "subject").
func (im Image) References() []Descriptor {
	var out []Descriptor
	if im.Config != nil {
		out = append(out, *im.Config)
	}
	out = append(out, im.Layers...)
	return append(out, im.Blobs...)
}

// Size returns the sum of the sizes of config, layers and blobs in bytes, as they travel (compressed). Sizes that no
// int64 can hold in sum give the largest one.
func (im Image) Size() int64 {
	var n int64
	for _, d := range im.References() {
		if d.Size > math.MaxInt64-n {
			return math.MaxInt64
		}
		n += d.Size
	}
	return n
}

// Config is the part of an image's config blob that says what the image runs on (image-spec, config.md).
type Config struct {
	Platform
	Created string
	RootFS  RootFS
	Extra   []Member // all the rest
}

// RootFS lists the digests of the uncompressed layers (image-spec, config.md, "rootfs").
type RootFS struct {
	Type    string // "layers"
	DiffIDs []blob.Digest
	Extra   []Member // members this type does not know
}

func (r *RootFS) fields() []field {
	return []field{{name: "type", value: &r.Type, empty: true}, {name: "diff_ids", value: &r.DiffIDs, empty: true}}
}

// UnmarshalJSON implements json.Unmarshaler; names that are doubled or differ only in case are errors.
func (r *RootFS) UnmarshalJSON(b []byte) (err error) {
	*r = RootFS{}
	r.Extra, err = decodeObject(b, r.fields())
	return err
}

// MarshalJSON implements json.Marshaler.
func (r RootFS) MarshalJSON() ([]byte, error) { return encodeObject(r.fields(), r.Extra) }

// ConfigError says that bytes are no config, or not one that is safe to read.
type ConfigError struct {
	Digest blob.Digest // of the bytes
	Err    error
}

// Error names the config by its digest, and the reason.
func (e *ConfigError) Error() string { return fmt.Sprintf("config %s: %v", e.Digest.Short(), e.Err) }

// Unwrap returns the reason.
func (e *ConfigError) Unwrap() error { return e.Err }

// ParseConfig reads a config blob. Its members beside those of Config are kept in Extra. It is a *[ConfigError] when b is
// no JSON object, or has a member that is doubled, of another type, or differs from a known one only in case.
func ParseConfig(b []byte) (Config, error) {
	var c Config
	if err := json.Unmarshal(b, &c); err != nil {
		return Config{}, &ConfigError{blob.FromBytes(b), err}
	}
	return c, nil
}

func (c *Config) fields() []field {
	created, rootFS := field{name: "created", value: &c.Created}, field{name: "rootfs", value: &c.RootFS}
	return slices.Concat([]field{created}, c.Platform.ociFields(), []field{rootFS})
}

// UnmarshalJSON implements json.Unmarshaler; names that are doubled or differ only in case are errors.
func (c *Config) UnmarshalJSON(b []byte) (err error) {
	*c = Config{}
	c.Extra, err = decodeObject(b, c.fields())
	return err
}

// MarshalJSON implements json.Marshaler: the members of Config first, then Extra.
func (c Config) MarshalJSON() ([]byte, error) { return encodeObject(c.fields(), c.Extra) }
