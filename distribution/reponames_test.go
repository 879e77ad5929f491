package distribution_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// A repository may be named like the API's words: client, registry and record must parse its paths
// alike.
func TestRepositoryNamedLikeTheAPI(t *testing.T) {
	content := []byte("{}")
	d := manifest.Descriptor{Digest: emptyDigest, Size: 2, MediaType: manifest.MediaTypeOCIEmpty}
	m, err := manifest.Parse("", []byte(image))
	if err != nil {
		t.Fatal(err)
	}
	open := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	}
	for _, name := range []string{"a/blobs/b", "a/manifests/b", "a/tags/list", "uploads", "a/blobs/uploads", "referrers/x"} {
		t.Run(name, func(t *testing.T) {
			c := clientOf(t, &registry.Handler{})
			var rows []string
			record := &wire.Recorder{Base: c.HTTP.Transport, OnCall: func(c wire.Call) { rows = append(rows, c.Endpoint) }}
			c.HTTP = &http.Client{Transport: &wire.Limiter{Base: record, Congestion: &wire.Congestion{}}}
			repo := &distribution.Repository{Client: c, Name: name}
			_, err := repo.PutBlob(t.Context(), d, open)
			check(t, err)
			check(t, repo.PutManifest(t.Context(), "1", m))
			got, err := repo.Manifest(t.Context(), "1")
			check(t, err)
			if got.Digest != m.Digest {
				t.Errorf("got manifest %s, want %s", got.Digest, m.Digest)
			}
			body, err := repo.Blob(t.Context(), d, 0)
			check(t, err)
			read, err := io.ReadAll(body)
			check(t, err)
			check(t, body.Close())
			if !bytes.Equal(read, content) {
				t.Errorf("got blob %q, want %q", read, content)
			}
			for tag, err := range repo.TagNames(t.Context()) {
				check(t, err)
				if tag != "1" {
					t.Errorf("got tag %q", tag)
				}
			}
			_, err = repo.Referrers(t.Context(), m.Digest, "")
			check(t, err)
			check(t, repo.DeleteTag(t.Context(), "1"))
			check(t, repo.Client.DeleteManifest(t.Context(), name, string(m.Digest)))
			check(t, repo.DeleteBlob(t.Context(), d.Digest))
			want := []string{"end-11", "end-6", "end-7a", "end-3", "end-2", "end-8a", "end-12a", "end-9", "end-9", "end-10"}
			if diff := cmp.Diff(want, rows); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
