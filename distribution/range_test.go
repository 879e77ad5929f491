package distribution_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
)

// Only the range that was asked for is taken: whole blobs and other ranges are refused.
func TestGetBlobRange(t *testing.T) {
	const content = "0123456789"
	answers := map[string]func(w http.ResponseWriter, r *http.Request){
		"right": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
		},
		"the whole":   func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, content) },
		"another":     func(w http.ResponseWriter, r *http.Request) { partial(w, "bytes 3-5/10", "345") },
		"shorter":     func(w http.ResponseWriter, r *http.Request) { partial(w, "bytes 2-3/10", "23") },
		"not said":    func(w http.ResponseWriter, r *http.Request) { partial(w, "", "234") },
		"after a hop": nil,
	}
	for name, answer := range answers {
		good := name == "right" || answer == nil
		mux := http.NewServeMux()
		mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
			if answer == nil {
				http.Redirect(w, r, "/storage", http.StatusTemporaryRedirect)
				return
			}
			answer(w, r)
		})
		mux.HandleFunc("/storage", func(w http.ResponseWriter, r *http.Request) { answers["right"](w, r) })
		s := httptest.NewServer(mux)
		c := &distribution.Client{Host: s.Listener.Addr().String(), PlainHTTP: true}
		body, redirected, err := c.GetBlobRange(t.Context(), "a", blob.FromBytes(nil), 2, 3)
		got := ""
		if err == nil {
			b, _ := io.ReadAll(body)
			body.Close()
			got = fmt.Sprint(string(b), redirected)
		}
		if good && got != fmt.Sprint("234", answer == nil) {
			t.Errorf("%s: got %q, error %v", name, got, err)
		}
		if !good && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %q, error %v", name, got, err)
		}
		s.Close()
	}
}

func partial(w http.ResponseWriter, contentRange, body string) {
	w.Header().Set("Content-Range", contentRange)
	w.WriteHeader(http.StatusPartialContent)
	io.WriteString(w, body)
}
