package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/manifest"
)

// imageName is the image's name in its archive, and where it would be published.
const imageName = "ghcr.io/hczjl/transship"

// imageUser is the user that the image runs as: the nonroot of distroless images.
const imageUser = "65532:65532"

// image writes an OCI archive of an image for all Linux targets: the program, certificate
// authorities and nothing else. The host's program copies it out of the folder that it is
// assembled in.
func (r *release) image(ctx context.Context, host program, programs []program) error {
	dir, err := layout.OpenDir(filepath.Join(r.work, "image"))
	if err != nil {
		return err
	}
	w := imageWriter{repository: dir.Repository(imageName), release: r}
	index := manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex, Annotations: r.annotations()}
	for _, p := range programs {
		if p.os != "linux" {
			continue
		}
		d, err := w.platform(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.target, err)
		}
		index.Manifests = append(index.Manifests, d)
	}
	if len(index.Manifests) == 0 {
		return nil
	}
	raw, err := manifest.OCIStyle().EncodeIndex(index)
	if err != nil {
		return err
	}
	if _, err := w.manifest(ctx, r.version, manifest.MediaTypeOCIIndex, raw); err != nil {
		return err
	}
	archive := r.path(fmt.Sprintf("transship_%s_image.tar", r.version))
	source := "oci:" + filepath.Join(r.work, "image") + ":" + imageName + ":" + r.version
	output, err := exec.CommandContext(ctx, host.path, "copy", "-q", source, "oci-archive:"+archive).CombinedOutput()
	if err != nil {
		return fmt.Errorf("transship copy: %w\n%s", err, output)
	}
	return os.Remove(archive + ".json") // the inventory is for bundles that build on others
}

// imageWriter puts an image into a layout.
type imageWriter struct {
	repository *layout.Repository
	release    *release
}

// platform writes the image of one target and returns its entry of the index.
func (w imageWriter) platform(ctx context.Context, p program) (manifest.Descriptor, error) {
	content, err := os.ReadFile(p.path)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	certificates, err := certificateAuthorities()
	if err != nil {
		return manifest.Descriptor{}, err
	}
	var compressed bytes.Buffer
	files := []file{
		{name: "etc/passwd", content: []byte("nonroot:x:65532:65532:nonroot:/:/transship\n"), mode: 0o644},
		{name: "etc/ssl/certs/ca-certificates.crt", content: certificates, mode: 0o644},
		{name: "transship", content: content, mode: 0o755},
	}
	if err := writeTarGz(&compressed, files, w.release.created()); err != nil {
		return manifest.Descriptor{}, err
	}
	diffID, err := uncompressedDigest(compressed.Bytes())
	if err != nil {
		return manifest.Descriptor{}, err
	}
	layer, err := w.blob(ctx, manifest.MediaTypeOCILayer, compressed.Bytes())
	if err != nil {
		return manifest.Descriptor{}, err
	}
	raw, err := w.release.config(p, diffID)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	config, err := w.blob(ctx, manifest.MediaTypeOCIConfig, raw)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	raw, err = manifest.OCIStyle().EncodeImage(manifest.Image{
		SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &config,
		Layers: []manifest.Descriptor{layer}, Annotations: w.release.annotations(),
	})
	if err != nil {
		return manifest.Descriptor{}, err
	}
	d, err := w.manifest(ctx, string(blob.FromBytes(raw)), manifest.MediaTypeOCIManifest, raw)
	platform := p.platform()
	d.Platform = &platform
	return d, err
}

// imageRun is the member "config" of a config blob (image-spec, config.md).
type imageRun struct {
	User       string
	Env        []string
	Entrypoint []string
	WorkingDir string
	Labels     map[string]string
}

type imageHistory struct {
	Created   string `json:"created"`
	CreatedBy string `json:"created_by"`
}

// config returns the config blob of a target's image (image-spec, config.md).
func (r *release) config(p program, diffID blob.Digest) ([]byte, error) {
	created := r.created().Format(time.RFC3339)
	start, err := json.Marshal(imageRun{
		User: imageUser, WorkingDir: "/", Entrypoint: []string{"/transship"},
		Env: []string{"PATH=/", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"}, Labels: r.annotations(),
	})
	if err != nil {
		return nil, err
	}
	history, err := json.Marshal([]imageHistory{{Created: created, CreatedBy: "the program and certificate authorities"}})
	if err != nil {
		return nil, err
	}
	return json.Marshal(manifest.Config{
		Platform: p.platform(), Created: created,
		RootFS: manifest.RootFS{Type: "layers", DiffIDs: []blob.Digest{diffID}},
		Extra:  []manifest.Member{{Name: "config", Value: start}, {Name: "history", Value: history}},
	})
}

// annotations returns what describes the image (image-spec, annotations.md).
func (r *release) annotations() map[string]string {
	const prefix = "org.opencontainers.image."
	return map[string]string{
		prefix + "title":    "transship",
		prefix + "version":  r.version,
		prefix + "revision": r.source.commit,
		prefix + "created":  r.created().Format(time.RFC3339),
		prefix + "source":   homepage,
		prefix + "licenses": "Apache-2.0",
	}
}

// blob puts a blob and returns its descriptor.
func (w imageWriter) blob(ctx context.Context, mediaType string, content []byte) (manifest.Descriptor, error) {
	d := manifest.Descriptor{MediaType: mediaType, Digest: blob.FromBytes(content), Size: int64(len(content))}
	_, err := w.repository.PutBlob(ctx, d, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	})
	return d, err
}

// manifest puts a manifest under a tag or its digest and returns its descriptor.
func (w imageWriter) manifest(ctx context.Context, ref, mediaType string, raw []byte) (manifest.Descriptor, error) {
	m, err := manifest.Parse(mediaType, raw)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	return m.Descriptor, w.repository.PutManifest(ctx, ref, m)
}

// uncompressedDigest returns the digest of what a gzip file holds: a layer's diff ID.
func uncompressedDigest(compressed []byte) (blob.Digest, error) {
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(z)
	return blob.FromBytes(content), err
}

// certificateAuthorities returns Mozilla's root certificates as PEM. Roots that Mozilla trusts only
// for some names or up to some date are left out, since a file of certificates cannot say so.
func certificateAuthorities() ([]byte, error) {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
