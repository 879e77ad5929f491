package distribution_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/manifest"
)

func TestHasBlob(t *testing.T) {
	_, d := randomBlob(1000)
	for name, c := range map[string]struct {
		head, get http.HandlerFunc
		has       bool
		err       error
	}{
		"exists":      {answer(200, "", "Content-Length: 1000"), nil, true, nil},
		"size by GET": {answer(200, ""), answer(200, strings.Repeat("x", 1000)), true, nil},
		"login page": {answer(200, "", "Content-Type: text/html"),
			answer(200, "<html>please log in</html>", "Content-Type: text/html"), false, nil},
		"unknown size": {answer(200, ""), chunked("<html>please log in</html>"), false, nil},
		"other size":   {answer(200, "", "Content-Length: 999"), nil, false, nil},
		"missing":      {answer(404, ""), nil, false, nil},
		"denied":       {answer(403, ""), nil, false, fs.ErrPermission},
	} {
		s, client := serve(t)
		s.Handle("HEAD /v2/a/blobs/"+string(d.Digest), c.head)
		if c.get != nil {
			s.Handle("GET /v2/a/blobs/"+string(d.Digest), c.get)
		}
		repo := &distribution.Repository{Client: client, Name: "a"}
		has, err := repo.HasBlob(t.Context(), manifest.Descriptor{Digest: d.Digest, Size: 1000})
		if has != c.has || !errors.Is(err, c.err) || err != nil && c.err == nil {
			t.Errorf("%s: got %v, error %v", name, has, err)
		}
	}
}

// chunked answers 200 without a Content-Length.
func chunked(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		http.NewResponseController(w).Flush()
		io.WriteString(w, body)
	}
}

func TestDeleteTag(t *testing.T) {
	s, client := serve(t)
	s.Handle("DELETE /v2/a/manifests/exists", answer(202, ""))
	repo := &distribution.Repository{Client: client, Name: "a"}
	if err := repo.DeleteTag(t.Context(), "exists"); err != nil {
		t.Error(err)
	}
	if err := repo.DeleteTag(t.Context(), "missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
	if n := s.count("DELETE /v2/a/manifests/"); n != 2 {
		t.Errorf("%d calls, want one for each tag", n)
	}
}

// A registry that deletes no single tags says so in several ways. None of them is a missing or a
// damaged image.
func TestDeleteTagNotSupported(t *testing.T) {
	s, client := serve(t)
	s.Handle("DELETE /v2/a/manifests/405", answer(405, `{"errors":[{"code":"UNSUPPORTED","message":"no"}]}`))
	s.Handle("DELETE /v2/a/manifests/400", answer(400, `{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}`))
	s.Handle("DELETE /v2/a/manifests/404", answer(404, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no"}]}`))
	s.Handle("HEAD /v2/a/manifests/404", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", manifest.MediaTypeOCIManifest)
		w.Header().Set("Content-Length", "2")
		w.Header().Set("Docker-Content-Digest", string(imageDigest))
	}))
	repo := &distribution.Repository{Client: client, Name: "a"}
	for _, tag := range []string{"405", "400", "404"} {
		err := repo.DeleteTag(t.Context(), tag)
		var refused *distribution.TagDeleteError
		if !errors.As(err, &refused) || errors.Is(err, fs.ErrNotExist) ||
			errors.Is(err, distribution.DigestInvalid) {
			t.Errorf("%s: got error %v", tag, err)
		}
	}
}
