package registry_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// referrers returns the descriptors of all manifests with a subject and the number of pages.
func (c client) referrers(path string) (found []manifest.Descriptor, pages int) {
	c.t.Helper()
	for path != "" {
		resp := c.do("GET", path, "").want(c.t, 200, "").wantHeader(c.t, "Content-Type: "+manifest.MediaTypeOCIIndex)
		m, err := manifest.Parse("", []byte(resp.body))
		if err != nil {
			c.t.Fatal(err)
		}
		ix, err := m.Index()
		if err != nil {
			c.t.Fatal(err)
		}
		found = append(found, ix.Manifests...)
		pages++
		path = ""
		if link := nextLink.FindStringSubmatch(resp.Header.Get("Link")); link != nil {
			path = link[1]
		}
	}
	return found, pages
}

func TestReferrers(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		image := imageOf("x")
		subject := `"subject":` + descriptor(manifest.MediaTypeOCIManifest, image)
		artifact := imageOf("sbom", subject, `"artifactType":"application/sbom"`, `"annotations":{"k":"v"}`)
		typed := imageOf("signature", subject)
		index := `{"schemaVersion":2,"manifests":[],"annotations":{"k":"i"},` + subject + `}`
		path := "/v2/a/referrers/" + digest(image)

		if got, _ := c.referrers(path); len(got) != 0 {
			t.Errorf("an empty registry has %v", got)
		}
		for _, document := range []string{artifact, typed, index} { // before their subject
			resp := c.do("PUT", "/v2/a/manifests/"+digest(document), document)
			resp.want(t, 201, "").wantHeader(t, "OCI-Subject: "+digest(image))
		}
		c.pushManifest("a", "1", image)
		c.pushManifest("b", "", artifact)
		want := []manifest.Descriptor{
			{MediaType: manifest.MediaTypeOCIManifest, Digest: blob.Digest(digest(artifact)), Size: int64(len(artifact)),
				ArtifactType: "application/sbom", Annotations: map[string]string{"k": "v"}},
			{MediaType: manifest.MediaTypeOCIManifest, Digest: blob.Digest(digest(typed)), Size: int64(len(typed)),
				ArtifactType: manifest.MediaTypeOCIConfig},
			{MediaType: manifest.MediaTypeOCIIndex, Digest: blob.Digest(digest(index)), Size: int64(len(index)),
				Annotations: map[string]string{"k": "i"}},
		}
		slices.SortFunc(want, func(a, b manifest.Descriptor) int {
			return strings.Compare(string(a.Digest), string(b.Digest))
		})
		got, _ := c.referrers(path)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got, _ := c.referrers(path + "?n=1"); cmp.Diff(want, got) != "" {
			t.Errorf("by pages there are %v", got)
		}
		c.do("GET", path, "").wantHeader(t, "OCI-Filters-Applied:")
		resp := c.do("GET", path+"?artifactType=application/sbom", "").want(t, 200, "")
		resp.wantHeader(t, "OCI-Filters-Applied: artifactType")
		if strings.Count(resp.body, "sha256:") != 1 || !strings.Contains(resp.body, digest(artifact)) {
			t.Errorf("filtered: %s", resp.body)
		}
		c.do("DELETE", "/v2/a/manifests/"+digest(artifact), "").want(t, 202, "")
		if got, _ := c.referrers(path); len(got) != 2 {
			t.Errorf("after a deletion there are %v", got)
		}
		c.do("GET", "/v2/a/referrers/sha256:x", "").want(t, 400, "DIGEST_INVALID")
	})
}
