package e2e

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

const (
	signatureType = "application/vnd.example.signature"
	sbomType      = "application/spdx+json"
)

// signedImage is an image with its referrers.
type signedImage struct {
	fixture.Image
	referrers map[digest.Digest][]fixture.Image // by subject
	cosign    map[string]fixture.Image          // by tag
}

// newSignedImage returns an image with two signatures of the list, an SBOM of one platform, a
// signature of that SBOM, and tags of cosign.
func newSignedImage() signedImage {
	im := fixture.Real().OCI()
	amd64 := im.Only("linux/amd64").Root().Descriptor
	sbom := fixture.Referrer(amd64, sbomType, "an SBOM of linux/amd64")
	s := signedImage{Image: im, cosign: map[string]fixture.Image{}}
	s.referrers = map[digest.Digest][]fixture.Image{
		im.Root().Digest: {
			fixture.Referrer(im.Root().Descriptor, signatureType, "a signature"),
			fixture.Referrer(im.Root().Descriptor, signatureType, "another signature"),
		},
		amd64.Digest:       {sbom},
		sbom.Root().Digest: {fixture.Referrer(sbom.Root().Descriptor, signatureType, "a signature of the SBOM")},
	}
	for i, kind := range []string{".sig", ".att", ".sbom"} {
		tag := referrersTag(im.Root().Digest) + kind
		s.cosign[tag] = fixture.Synthetic(fixture.Spec{Seed: uint64(100 + i), Layers: []int64{100}}).Only("linux/amd64")
	}
	s.cosign[referrersTag(amd64.Digest)+".sig"] = fixture.Synthetic(fixture.Spec{Seed: 110, Layers: []int64{100}}).
		Only("linux/amd64")
	return s
}

// referrersTag returns the referrers tag of a digest (distribution-spec, "Referrers Tag Schema").
func referrersTag(d digest.Digest) string { return d.Algorithm().String() + "-" + d.Encoded() }

// index returns the list of referrers of a subject, as in the API's answer and in the referrers
// tag.
func (s signedImage) index(t *testing.T, subject digest.Digest) v1.Index {
	t.Helper()
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	for _, r := range s.referrers[subject] {
		d := r.Root().Descriptor
		doc := decode[v1.Manifest](t, r.Root().Raw)
		d.ArtifactType, d.Annotations = doc.ArtifactType, doc.Annotations
		index.Manifests = append(index.Manifests, d)
	}
	return index
}

// push pushes the image and its referrers; withTags adds the referrers tags that a registry without
// the API needs.
func (s signedImage) push(t *testing.T, at endpoint, repository, tag string, withTags bool) string {
	t.Helper()
	ref := push(t, at, s.Image, repository, tag)
	for subject, list := range s.referrers {
		for _, r := range list {
			push(t, at, r, repository, r.Root().Digest.String())
		}
		if withTags {
			m := encodeManifest(t, v1.MediaTypeImageIndex, s.index(t, subject))
			if err := at.Repository(repository).PutManifest(t.Context(), m, referrersTag(subject)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for tag, im := range s.cosign {
		push(t, at, im, repository, tag)
	}
	push(t, at, fixture.Real(), repository, "unrelated")
	return ref
}

// verify checks the image and all referrers, but not the lists of referrers.
func (s signedImage) verify(t *testing.T, at endpoint, repository, tag string) {
	t.Helper()
	verify(t, at, s.Image, repository, tag)
	for _, list := range s.referrers {
		for _, r := range list {
			verify(t, at, r, repository, r.Root().Digest.String())
		}
	}
	for tag, im := range s.cosign {
		verify(t, at, im, repository, tag)
	}
	wantAbsent(t, at, repository, "unrelated")
}

// verifyTags checks the referrers tags.
func (s signedImage) verifyTags(t *testing.T, at endpoint, repository string) {
	t.Helper()
	for subject := range s.referrers {
		m, err := at.Repository(repository).Manifest(t.Context(), referrersTag(subject))
		if err != nil {
			t.Error(err)
			continue
		}
		got := decode[v1.Index](t, m.Raw)
		if diff := cmp.Diff(byDigest(s.index(t, subject)), byDigest(got)); diff != "" {
			t.Errorf("referrers tag of %s: %s", subject, diff)
		}
	}
}

func byDigest(index v1.Index) map[digest.Digest]v1.Descriptor {
	all := map[digest.Digest]v1.Descriptor{}
	for _, d := range index.Manifests {
		all[d.Digest] = d
	}
	return all
}

// verifyAPI checks the answers of the referrers API.
func (s signedImage) verifyAPI(t *testing.T, e servers.Endpoint, repository string) {
	t.Helper()
	for subject := range s.referrers {
		got := decode[v1.Index](t, []byte(get(t, e, "/v2/"+repository+"/referrers/"+subject.String())))
		if diff := cmp.Diff(byDigest(s.index(t, subject)), byDigest(got)); diff != "" {
			t.Errorf("referrers of %s: %s", subject, diff)
		}
	}
}

// startEmbedded starts the embedded registry, which has the referrers API.
func startEmbedded(t *testing.T) servers.Endpoint {
	t.Helper()
	server := httptest.NewServer(&registry.Handler{})
	t.Cleanup(server.Close)
	return servers.Endpoint{Host: strings.TrimPrefix(server.URL, "http://"), URL: server.URL,
		Client: http.DefaultClient}
}

// --referrers copies referrers and cosign's tags, whichever side has the referrers API. Repeating
// it gives the same result.
func TestReferrers(t *testing.T) {
	t.Parallel()
	type place struct {
		servers.Endpoint
		api bool
	}
	cncf := func() place { return place{servers.CNCF(t, servers.Options{}).Endpoint, false} }
	for name, pair := range map[string][2]place{
		"tag to tag": {cncf(), {servers.Debian(t, servers.Options{}).Endpoint, false}},
		"API to tag": {{startEmbedded(t), true}, cncf()},
		"tag to API": {cncf(), {startEmbedded(t), true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := pair[0], pair[1]
			s := newSignedImage()
			source := s.push(t, from, "src/repo", "1.6", !from.api)
			transship, _ := servers.Transship(t)
			for range 2 {
				runCopy(t, transship, s.Image, "--referrers", source, to.Host+"/dst/repo:1.6")
				s.verify(t, to, "dst/repo", "1.6")
				if to.api {
					s.verifyAPI(t, to.Endpoint, "dst/repo")
				} else {
					s.verifyTags(t, to, "dst/repo")
				}
			}
		})
	}
}

// Without --referrers, or without referrers, only the image is copied.
func TestNoReferrers(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	s := newSignedImage()
	source := s.push(t, from, "src/repo", "1.6", true)
	transship, _ := servers.Transship(t)
	runCopy(t, transship, s.Image, source, to.Host+"/dst/repo:1.6")
	if got := transship.Output(t, "tags", to.Host+"/dst/repo"); got != "1.6\n" {
		t.Errorf("tags: %q", got)
	}
	runCopy(t, transship, s.Image, "--referrers", to.Host+"/dst/repo:1.6", to.Host+"/mirror/repo:1.6")
	if got := transship.Output(t, "tags", to.Host+"/mirror/repo"); got != "1.6\n" {
		t.Errorf("tags: %q", got)
	}
}

// A copy of one platform takes the referrers of that platform, and not those of the list.
func TestReferrersOfPlatform(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	s := newSignedImage()
	source := s.push(t, from, "src/repo", "1.6", true)
	transship, _ := servers.Transship(t)
	part := keepEntries(t, s.Image, ofPlatforms(s.Image, "linux/amd64"))
	runCopy(t, transship, part, "--referrers", "--platform", "linux/amd64", source, to.Host+"/dst/repo:1.6")
	verify(t, to, part, "dst/repo", "1.6")

	amd64 := s.Only("linux/amd64").Root().Digest
	sbom := s.referrers[amd64][0].Root().Digest
	want := []string{"1.6", referrersTag(amd64), referrersTag(amd64) + ".sig", referrersTag(sbom)}
	slices.Sort(want)
	got := strings.Fields(transship.Output(t, "tags", to.Host+"/dst/repo"))
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
