package main

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v3/cmd/cosign/cli/options"
	cosignsign "github.com/sigstore/cosign/v3/cmd/cosign/cli/sign"
	"github.com/sigstore/cosign/v3/pkg/cosign"
)

// cosignSignCases are signed by cosign sign itself.
func cosignSignCases(w *world) []testCase {
	by := func(bundle, recursive bool, annotations ...string) func(*caseFiles) {
		return func(t *caseFiles) {
			if recursive {
				list, _ := t.platforms()
				t.list(list, "1")
			} else {
				t.app()
			}
			t.cosignSign(bundle, recursive, annotations)
		}
	}
	return []testCase{
		{"made-by-cosign-tag", "made by cosign sign --new-bundle-format=false", by(false, false)},
		{"made-by-cosign-bundle", "made by cosign sign", by(true, false)},
		{"made-by-cosign-tag-recursive", "an image index, made by cosign sign --new-bundle-format=false --recursive", by(false, true)},
		{"made-by-cosign-bundle-recursive", "an image index, made by cosign sign --recursive", by(true, true)},
		{"made-by-cosign-annotations", "made by cosign sign -a", by(true, false, "release=1")},
	}
}

// cosignSign serves the layout so far, has cosign sign its image with a new key, and takes over what that has pushed.
func (t *caseFiles) cosignSign(bundle, recursive bool, annotations []string) {
	dir, err := os.MkdirTemp("", "cosign")
	must(err)
	defer os.RemoveAll(dir)
	t.write(filepath.Join(dir, "layout"))
	server, host := serve(filepath.Join(dir, "layout"))
	defer server.Close()

	noPassword := func(bool) ([]byte, error) { return nil, nil }
	keys, err := cosign.GenerateKeyPair(noPassword)
	must(err)
	writeFile(filepath.Join(dir, "cosign.key"), keys.PrivateBytes)
	t.files["team.pub"] = keys.PublicBytes
	t.cosign(sigstoreRule{Key: "team.pub"})
	silent := silence()
	err = cosignsign.SignCmd(context.Background(), &options.RootOptions{Timeout: time.Minute},
		options.KeyOpts{KeyRef: filepath.Join(dir, "cosign.key"), PassFunc: noPassword, SkipConfirmation: true, NewBundleFormat: bundle},
		options.SignOptions{
			Upload: true, NewBundleFormat: bundle, Recursive: recursive, SkipConfirmation: true,
			AnnotationOptions: options.AnnotationOptions{Annotations: annotations},
			Registry:          options.RegistryOptions{AllowHTTPRegistry: true},
		}, []string{host + "/team/app:1"})
	silent()
	must(err)

	base := "http://" + host + "/v2/team/app/"
	var tags struct{ Tags []string }
	raw, _ := get(base + "tags/list")
	must(json.Unmarshal(raw, &tags))
	for _, tag := range tags.Tags {
		if strings.HasSuffix(tag, ".sig") {
			t.takeOver(base, tag, tag)
		}
	}
	for d := range maps.Clone(t.blobs) {
		t.takeOverReferrers(base, d)
	}
}

// takeOverReferrers adds what was pushed to refer to a manifest.
func (t *caseFiles) takeOverReferrers(base string, subject digest.Digest) {
	var index ocispec.Index
	raw, _ := get(base + "referrers/" + subject.String())
	must(json.Unmarshal(raw, &index))
	for _, d := range index.Manifests {
		t.takeOver(base, d.Digest.String(), "")
	}
}

// takeOver adds a manifest that was pushed, under a tag if that is not empty.
func (t *caseFiles) takeOver(base, reference, tag string) {
	raw, header := get(base + "manifests/" + reference)
	var m ocispec.Manifest
	must(json.Unmarshal(raw, &m))
	for _, d := range append(m.Layers, m.Config) {
		b, _ := get(base + "blobs/" + d.Digest.String())
		t.blob("", b)
	}
	d := t.blob(header.Get("Content-Type"), raw)
	d.ArtifactType = cmp.Or(m.ArtifactType, m.Config.MediaType)
	if tag != "" {
		d.ArtifactType = ""
	}
	t.list(d, tag)
}
