package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// storedConfig is what the config of an image says (image-spec, config.md). The zero value is that
// of an image without one.
type storedConfig struct {
	manifest.Config
	Author  string
	Run     *runConfig
	History []struct {
		Comment string `json:"comment"`
	}
}

// runConfig is how a container of the image runs, as docker image inspect prints it.
type runConfig struct {
	User         string              `json:",omitempty"`
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Env          []string            `json:",omitempty"`
	Entrypoint   []string            `json:",omitempty"`
	Cmd          []string            `json:",omitempty"`
	Volumes      map[string]struct{} `json:",omitempty"`
	WorkingDir   string              `json:",omitempty"`
	Labels       map[string]string   `json:",omitempty"`
	StopSignal   string              `json:",omitempty"`
	ArgsEscaped  bool                `json:",omitempty"`
	Healthcheck  json.RawMessage     `json:",omitempty"`
	OnBuild      []string            `json:",omitempty"`
	Shell        []string            `json:",omitempty"`
}

// created returns when the image was made, the zero time if its config does not say.
func (c storedConfig) created() time.Time {
	at, err := time.Parse(time.RFC3339, c.Created)
	if err != nil {
		return time.Time{}
	}
	return at
}

// labels returns the image's labels.
func (c storedConfig) labels() map[string]string {
	if c.Run == nil {
		return nil
	}
	return c.Run.Labels
}

// readConfig reads the config of an image of the store, of an index that of the image for this
// machine, as docker does.
func readConfig(ctx context.Context, src transfer.Source, d blob.Digest) (storedConfig, error) {
	m, err := src.Manifest(ctx, string(d))
	if err == nil {
		m, err = image.ChooseForHost(ctx, src, m)
	}
	if err != nil {
		return storedConfig{}, err
	}
	return configOf(ctx, src, m)
}

// configOf reads the config of an image that is no index.
func configOf(ctx context.Context, src transfer.Source, m manifest.Manifest) (storedConfig, error) {
	if im, err := m.Image(); err != nil || im.Config == nil || !isImageConfig(im.Config.MediaType) {
		return storedConfig{}, err // an artifact has none of an image
	}
	raw, err := transfer.ImageConfig(ctx, src, m)
	if err != nil {
		return storedConfig{}, err
	}
	config, err := manifest.ParseConfig(raw)
	if err != nil {
		return storedConfig{}, err
	}
	c := storedConfig{Config: config}
	for _, member := range config.Extra {
		switch member.Name {
		case "author":
			err = json.Unmarshal(member.Value, &c.Author)
		case "config":
			err = json.Unmarshal(member.Value, &c.Run)
		case "history":
			err = json.Unmarshal(member.Value, &c.History)
		}
		if err != nil {
			return storedConfig{}, &manifest.ConfigError{Digest: blob.FromBytes(raw), Err: err}
		}
	}
	return c, nil
}

func isImageConfig(mediaType string) bool {
	return mediaType == manifest.MediaTypeOCIConfig || mediaType == manifest.MediaTypeDockerConfig
}
