package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// putContent sends content to the registry, past all fault rules.
func (s *server) putContent(method, path, mediaType string, content []byte) {
	s.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, bytes.NewReader(content))
	r.Header.Set("Content-Type", mediaType)
	s.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		s.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

// pushBlob puts a blob into a repository that does not have it.
func (s *server) pushBlob(repo, mediaType string, content []byte) manifest.Descriptor {
	s.t.Helper()
	d := manifest.Descriptor{MediaType: mediaType, Digest: blob.FromBytes(content), Size: int64(len(content))}
	w := httptest.NewRecorder()
	if s.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/v2/"+repo+"/blobs/"+string(d.Digest),
		nil)); w.Code == http.StatusOK {
		return d
	}
	s.putContent(http.MethodPost, "/v2/"+repo+"/blobs/uploads/?digest="+string(d.Digest),
		"application/octet-stream", content)
	return d
}

// pushManifest puts a manifest into a repository, under its digest if tag is empty.
func (s *server) pushManifest(repo, tag string, raw []byte) manifest.Descriptor {
	s.t.Helper()
	m, err := manifest.Parse("", raw)
	if err != nil {
		s.t.Fatal(err)
	}
	ref := tag
	if ref == "" {
		ref = string(m.Digest)
	}
	s.putContent(http.MethodPut, "/v2/"+repo+"/manifests/"+ref, m.MediaType, raw)
	return m.Descriptor
}

// pushImage puts a single-platform image with these layers into a repository. The descriptor that
// it returns has the platform, as in a list.
func (s *server) pushImage(repo, tag, platform string, layers ...string) manifest.Descriptor {
	s.t.Helper()
	p, err := manifest.ParsePlatform(platform)
	if err != nil {
		s.t.Fatal(err)
	}
	config := fmt.Sprintf(`{"architecture":%q,"os":%q,"variant":%q,"rootfs":{"type":"layers","diff_ids":[]}}`,
		p.Architecture, p.OS, p.Variant)
	c := s.pushBlob(repo, manifest.MediaTypeDockerConfig, []byte(config))
	im := manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeDockerManifest, Config: &c}
	for _, content := range layers {
		im.Layers = append(im.Layers, s.pushBlob(repo, manifest.MediaTypeDockerLayer, []byte(content)))
	}
	raw, err := manifest.DockerStyle().EncodeImage(im)
	if err != nil {
		s.t.Fatal(err)
	}
	d := s.pushManifest(repo, tag, raw)
	d.Platform = &p
	return d
}

// pushList puts a manifest list into a repository.
func (s *server) pushList(repo, tag string, entries ...manifest.Descriptor) manifest.Descriptor {
	s.t.Helper()
	raw, err := manifest.DockerStyle().
		EncodeIndex(manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeDockerList, Manifests: entries})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.pushManifest(repo, tag, raw)
}

// pushThreePlatforms pushes the list src/repo:1.6 of images for three platforms.
func (s *server) pushThreePlatforms() manifest.Descriptor {
	s.t.Helper()
	const repo = "src/repo"
	return s.pushList(repo, "1.6",
		s.pushImage(repo, "", "linux/amd64", "shared", "for amd64"),
		s.pushImage(repo, "", "linux/arm/v7", "shared", "for arm"),
		s.pushImage(repo, "", "linux/arm64", "shared", "for arm64"))
}
