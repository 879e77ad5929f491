package distribution_test

import (
	"errors"
	"io/fs"
	"net/http"
	"testing"

	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/manifest"
)

func TestHasBlob(t *testing.T) {
	_, d := randomBlob(1000)
	for name, c := range map[string]struct {
		head http.HandlerFunc
		has  bool
		err  error
	}{
		"exists":       {answer(200, "", "Content-Length: 1000"), true, nil},
		"unknown size": {answer(200, ""), true, nil},
		"other size":   {answer(200, "", "Content-Length: 999"), false, nil},
		"missing":      {answer(404, ""), false, nil},
		"denied":       {answer(403, ""), false, fs.ErrPermission},
	} {
		s, client := serve(t)
		s.Handle("HEAD /v2/a/blobs/"+string(d.Digest), c.head)
		repo := &distribution.Repository{Client: client, Name: "a"}
		has, err := repo.HasBlob(t.Context(), manifest.Descriptor{Digest: d.Digest, Size: 1000})
		if has != c.has || !errors.Is(err, c.err) || err != nil && c.err == nil {
			t.Errorf("%s: got %v, error %v", name, has, err)
		}
	}
}

func TestDeleteTag(t *testing.T) {
	s, client := serve(t)
	s.Handle("DELETE /v2/a/manifests/exists", answer(202, ""))
	s.Handle("DELETE /v2/a/manifests/immutable", answer(405, `{"errors":[{"code":"UNSUPPORTED","message":"no"}]}`))
	repo := &distribution.Repository{Client: client, Name: "a"}
	if err := repo.DeleteTag(t.Context(), "exists"); err != nil {
		t.Error(err)
	}
	if err := repo.DeleteTag(t.Context(), "missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
	var refused *distribution.Error
	if err := repo.DeleteTag(t.Context(), "immutable"); !errors.As(err, &refused) || refused.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("got error %v", err)
	}
	if n := s.count("DELETE /v2/a/manifests/"); n != 3 {
		t.Errorf("%d calls, want one for each tag", n)
	}
}
