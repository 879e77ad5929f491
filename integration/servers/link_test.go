package servers

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// toxiproxy is where `make peers` installs it. It is in no package of Debian's, so the tests do
// without it.
func toxiproxy(t *testing.T) string {
	path, err := filepath.Abs("../../bin/peers/server")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("toxiproxy is not installed (make peers)")
	}
	return path
}

// A link delays both directions and limits the rate.
func TestFar(t *testing.T) {
	t.Parallel()
	program := toxiproxy(t)
	const size = 1 << 20
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/blob" {
			_, _ = io.CopyN(w, strings.NewReader(strings.Repeat("x", size)), size)
		}
	}))
	defer upstream.Close()
	to := Endpoint{Host: strings.TrimPrefix(upstream.URL, "http://"), URL: upstream.URL, Client: upstream.Client()}
	far := Far(t, program, to, Link{Delay: 30 * time.Millisecond, Rate: 5e6})
	for path, least := range map[string]time.Duration{"/": 60 * time.Millisecond, "/blob": 200 * time.Millisecond} {
		began := time.Now()
		if text, err := fetchText(http.DefaultClient, far.URL+path); err != nil || path == "/blob" && len(text) != size {
			t.Errorf("%s: %d bytes, %v", path, len(text), err)
		}
		if took := time.Since(began); took < least {
			t.Errorf("%s took %v, want at least %v", path, took, least)
		}
	}
}
