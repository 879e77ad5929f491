package distribution_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
)

func TestOpenURL(t *testing.T) {
	const content = "a layer"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "":
			t.Errorf("%s has credentials", r.URL)
		case r.URL.Path == "/gone":
			http.NotFound(w, r)
		case r.URL.Path == "/no-ranges":
			io.WriteString(w, content)
		default:
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
		}
	}))
	t.Cleanup(server.Close)
	transport := distribution.NewTransport(distribution.Options{})
	for _, path := range []string{"/ranges", "/no-ranges"} {
		for _, offset := range []int64{0, 3} {
			in, err := transport.OpenURL(t.Context(), server.URL+path, blob.FromBytes([]byte(content)), offset)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(in); err != nil || string(got) != content[offset:] {
				t.Errorf("%s from %d: got %q, error %v", path, offset, got, err)
			}
			in.Close()
		}
	}
	if _, err := transport.OpenURL(t.Context(), server.URL+"/gone", blob.FromBytes(nil), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
	withUser := strings.Replace(server.URL, "http://", "http://user:password@", 1)
	for _, url := range []string{withUser, "ftp://x.invalid/", "file:///etc/passwd", "/relative", "http:///x", "", "http://[::1"} {
		if _, err := transport.OpenURL(t.Context(), url, blob.FromBytes(nil), 0); err == nil || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: got error %v", url, err)
		}
	}
}
