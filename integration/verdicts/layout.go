package main

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// imageName is the name that the image of every case has in its policy.
const imageName = "registry.example.com/team/app:1"

// content is what a layout holds, before it is written.
type content struct {
	blobs map[digest.Digest][]byte
	index []ocispec.Descriptor
}

func newContent() *content {
	return &content{blobs: map[digest.Digest][]byte{}}
}

func (c *content) blob(mediaType string, b []byte) ocispec.Descriptor {
	d := digest.FromBytes(b)
	c.blobs[d] = b
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(b))}
}

// manifest adds a manifest without listing it in the index.
func (c *content) manifest(mediaType string, v any) ocispec.Descriptor {
	return c.blob(mediaType, mustJSON(v))
}

// list adds a manifest to the index, under a tag if tag is not empty.
func (c *content) list(d ocispec.Descriptor, tag string) {
	if tag != "" {
		d.Annotations = map[string]string{
			ocispec.AnnotationRefName:  tag,
			"io.containerd.image.name": strings.TrimSuffix(imageName, "1") + tag,
		}
	}
	c.index = append(c.index, d)
}

// image adds an image of one small layer. Another text makes another image.
func (c *content) image(text string) ocispec.Descriptor {
	compressed, plain := layerOf("greeting", text)
	layer := c.blob(ocispec.MediaTypeImageLayerGzip, compressed)
	config := c.manifest(ocispec.MediaTypeImageConfig, ocispec.Image{
		Platform: ocispec.Platform{Architecture: "amd64", OS: "linux"},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{plain}},
	})
	return c.manifest(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    config,
		Layers:    []ocispec.Descriptor{layer},
	})
}

// platforms adds an image index with an image for each of two platforms, and returns it and its children.
func (c *content) platforms() (list ocispec.Descriptor, children []ocispec.Descriptor) {
	for _, arch := range []string{"amd64", "arm64"} {
		child := c.image("for " + arch)
		child.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		children = append(children, child)
	}
	return c.manifest(ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: children,
	}), children
}

// signatureTag adds the image that cosign 2 and older attach signatures with, one layer a signature.
func (c *content) signatureTag(subject ocispec.Descriptor, signatures ...tagSignature) {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
	}
	rootfs := ocispec.RootFS{Type: "layers"}
	for _, s := range signatures {
		layer := c.blob(cmp.Or(s.mediaType, "application/vnd.dev.cosign.simplesigning.v1+json"), s.payload)
		layer.Annotations = s.annotations
		m.Layers = append(m.Layers, layer)
		rootfs.DiffIDs = append(rootfs.DiffIDs, layer.Digest)
	}
	m.Config = c.manifest(ocispec.MediaTypeImageConfig, ocispec.Image{RootFS: rootfs})
	c.list(c.manifest(ocispec.MediaTypeImageManifest, m), strings.Replace(subject.Digest.String(), ":", "-", 1)+".sig")
}

// referrer adds a manifest that refers to subject with one layer, the way cosign 3 and notation attach signatures: cosign sets
// artifactType over an empty config, notation a config of its own type.
func (c *content) referrer(subject ocispec.Descriptor, artifactType, mediaType string, layer []byte, annotations map[string]string, more ...[]byte) {
	m := ocispec.Manifest{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   ocispec.MediaTypeImageManifest,
		Layers:      []ocispec.Descriptor{c.blob(mediaType, layer)},
		Subject:     &ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
		Annotations: annotations,
	}
	for _, b := range more {
		m.Layers = append(m.Layers, c.blob("application/octet-stream", b))
	}
	if artifactType == notationType {
		m.Config = c.blob(notationType, []byte("{}"))
	} else {
		m.ArtifactType = artifactType
		m.Config = c.blob(ocispec.MediaTypeEmptyJSON, []byte("{}"))
	}
	d := c.manifest(ocispec.MediaTypeImageManifest, m)
	d.ArtifactType = artifactType
	c.list(d, "")
}

// write writes the layout into the folder dir.
func (c *content) write(dir string) {
	blobs := filepath.Join(dir, ocispec.ImageBlobsDir, "sha256")
	must(os.MkdirAll(blobs, 0o755))
	for d, b := range c.blobs {
		writeFile(filepath.Join(blobs, d.Encoded()), b)
	}
	writeFile(filepath.Join(dir, ocispec.ImageLayoutFile), mustJSON(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}))
	writeFile(filepath.Join(dir, ocispec.ImageIndexFile), mustJSON(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: c.index,
	}))
}

func readJSON(name string, v any) {
	b, err := os.ReadFile(name)
	must(err)
	must(json.Unmarshal(b, v))
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	must(err)
	return b
}

func writeFile(name string, b []byte) {
	must(os.WriteFile(name, b, 0o644))
}
