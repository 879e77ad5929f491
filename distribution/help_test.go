package distribution_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/distribution"
)

// scripted is a registry that answers as a test says and notes what it was asked.
type scripted struct {
	http.ServeMux
	mu    sync.Mutex
	calls []string // method and request URI
}

// ServeHTTP implements http.Handler.
func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls = append(s.calls, r.Method+" "+r.URL.RequestURI())
	s.mu.Unlock()
	s.ServeMux.ServeHTTP(w, r)
}

func (s *scripted) count(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// serve starts a scripted registry and returns it with a client to it.
func serve(t *testing.T) (*scripted, *distribution.Client) {
	t.Helper()
	s := &scripted{}
	return s, clientOf(t, s)
}

func clientOf(t *testing.T, h http.Handler) *distribution.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &distribution.Client{
		Host:      strings.TrimPrefix(server.URL, "http://"),
		PlainHTTP: true,
		HTTP:      server.Client(),
		Sleep:     func(context.Context, time.Duration) error { return nil },
	}
}

// answer is a handler with a fixed answer; headers are "Name: value".
func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}
