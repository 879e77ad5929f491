package manifest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/hczjl/transship/blob"
)

// Image is an image manifest of OCI or of docker's schema 2, or an artifact of that form
// (image-spec, manifest.md). The withdrawn OCI artifact manifest has Blobs instead of Config and
// Layers.
type Image struct {
	SchemaVersion int
	MediaType     string
	ArtifactType  string
	Config        *Descriptor
	Layers        []Descriptor
	Blobs         []Descriptor
	Subject       *Descriptor
	Annotations   map[string]string
	Extra         []Member // members that the type does not have
}

// fields is the order of opencontainers/image-spec specs-go/v1; docker's schema 2 has the same
// order.
func (im *Image) fields() []field {
	artifact := im.MediaType == MediaTypeOCIArtifact
	return []field{
		{name: "schemaVersion", value: &im.SchemaVersion, always: !artifact},
		{name: "mediaType", value: &im.MediaType},
		{name: "artifactType", value: &im.ArtifactType},
		{name: "config", value: &im.Config},
		{name: "layers", value: &im.Layers, always: !artifact},
		{name: "blobs", value: &im.Blobs},
		{name: "subject", value: &im.Subject},
		{name: "annotations", value: &im.Annotations},
	}
}

// UnmarshalJSON implements json.Unmarshaler. A name that comes twice, or differs from a known one
// only in case, is an error.
func (im *Image) UnmarshalJSON(b []byte) (err error) {
	*im = Image{}
	im.Extra, err = decodeObject(b, im.fields())
	return err
}

// References returns the content that the manifest needs, in its order: config, layers, blobs. The
// subject is not among it, since it need not exist (image-spec, manifest.md, "subject").
func (im Image) References() []Descriptor {
	var out []Descriptor
	if im.Config != nil {
		out = append(out, *im.Config)
	}
	out = append(out, im.Layers...)
	return append(out, im.Blobs...)
}

// Size returns the sum of the sizes of config, layers and blobs in bytes, compressed as they are
// stored. If the sum overflows, it is math.MaxInt64.
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

// Config has the members of an image's config blob that this module uses (image-spec, config.md).
type Config struct {
	Platform
	Created string
	RootFS  RootFS
	Extra   []Member // all others
}

// RootFS lists the digests of the uncompressed layers (image-spec, config.md, "rootfs").
type RootFS struct {
	Type    string // "layers"
	DiffIDs []blob.Digest
	Extra   []Member // members that the type does not have
}

func (r *RootFS) fields() []field {
	return []field{{name: "type", value: &r.Type, always: true}, {name: "diff_ids", value: &r.DiffIDs, always: true}}
}

// UnmarshalJSON implements json.Unmarshaler. A name that comes twice, or differs from a known one
// only in case, is an error.
func (r *RootFS) UnmarshalJSON(b []byte) (err error) {
	*r = RootFS{}
	r.Extra, err = decodeObject(b, r.fields())
	return err
}

// MarshalJSON implements json.Marshaler.
func (r RootFS) MarshalJSON() ([]byte, error) { return encodeObject(r.fields(), r.Extra) }

// ConfigError says that bytes are not a config, or not one that is safe to read.
type ConfigError struct {
	Digest blob.Digest // of the bytes
	Err    error
}

// Error names the config by its digest, and the reason.
func (e *ConfigError) Error() string { return fmt.Sprintf("config %s: %v", e.Digest.Short(), e.Err) }

// Unwrap returns the reason.
func (e *ConfigError) Unwrap() error { return e.Err }

// ParseConfig reads a config blob. The error is a *[ConfigError] if b is not a JSON object, or has
// a member that comes twice, has another type, or differs from a known one only in case.
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

// UnmarshalJSON implements json.Unmarshaler. A name that comes twice, or differs from a known one
// only in case, is an error.
func (c *Config) UnmarshalJSON(b []byte) (err error) {
	*c = Config{}
	c.Extra, err = decodeObject(b, c.fields())
	return err
}

// MarshalJSON implements json.Marshaler. Extra comes last.
func (c Config) MarshalJSON() ([]byte, error) { return encodeObject(c.fields(), c.Extra) }
