package distribution_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
)

func TestGetBlobAcceptsOnlyIdentity(t *testing.T) {
	l := newFaultyRegistry(t)
	b, d := randomBlob(100)
	if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
		t.Fatal(err)
	}
	l.ResetRequests()
	for _, offset := range []int64{0, 60} {
		r, _, err := l.repo.Client.GetBlob(t.Context(), "a/b", d.Digest, offset)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	for i, want := range []string{"", "bytes=60-"} {
		header := l.Requests()[i].Header
		if header.Get("Accept-Encoding") != "identity" || header.Get("Range") != want {
			t.Errorf("got Accept-Encoding %q, Range %q", header.Get("Accept-Encoding"), header.Get("Range"))
		}
	}
}

func TestHeadBlob(t *testing.T) {
	_, d := randomBlob(1000)
	for name, c := range map[string]struct {
		head, get http.HandlerFunc
		size      int64
		err       error
	}{
		"exists":               {answer(200, "", "Content-Length: 1000"), nil, 1000, nil},
		"size by GET":          {answer(200, ""), answer(200, "", "Content-Length: 1000"), 1000, nil},
		"unknown size":         {answer(200, ""), chunked("abc"), -1, nil},
		"missing":              {answer(404, ""), nil, 0, fs.ErrNotExist},
		"HEAD not allowed":     {answer(405, ""), answer(200, "abc", "Content-Length: 3"), 3, nil},
		"not allowed, missing": {answer(405, ""), answer(404, ""), 0, fs.ErrNotExist},
	} {
		s, client := serve(t)
		s.Handle("HEAD /v2/a/blobs/"+string(d.Digest), c.head)
		if c.get != nil {
			s.Handle("GET /v2/a/blobs/"+string(d.Digest), c.get)
		}
		size, err := client.HeadBlob(t.Context(), "a", d.Digest)
		if size != c.size || !errors.Is(err, c.err) || err != nil && c.err == nil {
			t.Errorf("%s: got %d, error %v", name, size, err)
		}
	}
}

// If the registry ignores ranges, the connection may break before the offset too.
func TestResumeIfRangesAreIgnored(t *testing.T) {
	b, d := randomBlob(1000)
	s, c := serve(t)
	cuts := []int{700, 400, 1000}
	s.HandleFunc("/v2/a/blobs/", func(w http.ResponseWriter, _ *http.Request) {
		cut := cuts[0]
		cuts = cuts[1:]
		w.Header().Set("Content-Length", "1000")
		w.Write(b[:cut])
		if cut < len(b) {
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	repo := &distribution.Repository{Client: c, Name: "a"}
	r := blob.NewReader(t.Context(), d.Digest, d.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return repo.Blob(ctx, d, offset)
	})
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, b) || len(cuts) != 0 {
		t.Errorf("got %d bytes, %d cuts left, error %v", len(got), len(cuts), err)
	}
}

// Downloads through blob.Reader, as a copy reads them: breaks are resumed, and wrong bytes and
// lengths are errors.
func TestDamagedDownloads(t *testing.T) {
	const get = `^GET /v2/a/b/blobs/`
	for name, c := range map[string]struct {
		rule  registry.Rule
		whole bool
	}{
		"one break":    {registry.Rule{Match: get, Times: 1, Cut: registry.CutResponse, After: 300}, true},
		"breaks":       {registry.Rule{Match: get, Times: 3, Cut: registry.CutResponse, After: 100}, true},
		"wrong byte":   {registry.Rule{Match: get, Corrupt: true}, false},
		"too short":    {registry.Rule{Match: get, Cut: registry.CutSilently, After: 0}, false},
		"other length": {registry.Rule{Match: get, Status: 200, Body: "<html>please log in</html>"}, false},
	} {
		l := newFaultyRegistry(t)
		b, d := randomBlob(1000)
		if _, err := l.repo.PutBlob(t.Context(), d, l.open(b)); err != nil {
			t.Fatal(err)
		}
		l.Set(c.rule)
		r := blob.NewReader(t.Context(), d.Digest, d.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return l.repo.Blob(ctx, d, offset)
		})
		got, err := io.ReadAll(r)
		r.Close()
		var mismatch *blob.MismatchError
		if c.whole && (err != nil || !bytes.Equal(got, b)) {
			t.Errorf("%s: got %d bytes, error %v", name, len(got), err)
		}
		if !c.whole && (!errors.As(err, &mismatch) || mismatch.Want != d.Digest || len(got) == len(b)) {
			t.Errorf("%s: got %d bytes, error %v", name, len(got), err)
		}
	}
}

func TestDeleteNotAllowed(t *testing.T) {
	for _, status := range []int{400, 405} {
		s, c := serve(t)
		s.Handle("DELETE /v2/a/", answer(status, `{"errors":[{"code":"UNSUPPORTED","message":"no"}]}`))
		for name, err := range map[string]error{
			"tag":  c.DeleteManifest(t.Context(), "a", "t"),
			"blob": c.DeleteBlob(t.Context(), "a", imageDigest),
		} {
			var refused *distribution.Error
			if !errors.As(err, &refused) || refused.StatusCode != status || !errors.Is(err, distribution.Unsupported) {
				t.Errorf("%d, %s: got error %v", status, name, err)
			}
		}
	}
}

func TestErrorMessage(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"errors":[{"code":"DENIED","message":"no"},{"code":"UNKNOWN","message":"way"}]}`, "DENIED no; UNKNOWN way"},
		{`{"errors":[{"status":403,"message":"Artifactory says no"}]}`, "Artifactory says no"},
		{`{"message":"unknown"}`, ""},
		{"slow down, please\nsecond line", "slow down, please"},
		{"<html><body>Too Many Requests</body></html>", ""},
		{"a \u009b31m b \u202e c\ttab", "a 31m b  ctab"},
		{`{"errors":[` + strings.Repeat(`{"code":"DENIED"},`, 300) + `{}]}`,
			strings.TrimSuffix(strings.Repeat("DENIED; ", 25), " ") + "..."},
	} {
		s, client := serve(t)
		s.Handle("/v2/", answer(403, c.body))
		err := client.Ping(t.Context())
		want := fmt.Sprintf("GET http://%s/v2/: 403 Forbidden", client.Host)
		if c.want != "" {
			want += ": " + c.want
		}
		if err == nil || strings.ReplaceAll(err.Error(), " ...", "...") != want {
			t.Errorf("%.40q:\ngot  %q\nwant %q", c.body, err, want)
		}
	}
}

func TestOnWarning(t *testing.T) {
	s, c := serve(t)
	n := 0
	s.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		n++
		answer(200, "{}", `Warning: 299 - "say \"no\", friend" "date"`, `Warning: 299 - ""`, fmt.Sprintf(`Warning: 299 - "it is %d"`, n),
			`Warning: 199 - "not this"`, `Warning: 299 other "nor this"`)(w, r)
	})
	var got []string
	c.OnWarning = func(text string) { got = append(got, text) }
	for range 100 {
		if err := c.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 50 || got[0] != `say "no", friend` || got[1] != "it is 1" {
		t.Errorf("got %d warnings, %q", len(got), got[:min(len(got), 3)])
	}
}
