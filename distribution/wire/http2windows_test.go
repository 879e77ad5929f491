package wire

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The windows are those that the server is set up with, whatever the order of its first frames.
func TestHTTP2Windows(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.EnableHTTP2 = true
	s.Config.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 2 << 20, MaxReceiveBufferPerConnection: 3 << 20}
	s.StartTLS()
	t.Cleanup(s.Close)
	h := &Transport{TLS: TLSOptions{Insecure: true}}
	got, err := h.HTTP2Windows(t.Context(), s.Listener.Addr().String())
	if want := (HTTP2Windows{Stream: 2 << 20, Connection: 3 << 20}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestHTTP2WindowsOfOtherHosts(t *testing.T) {
	t.Parallel()
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.StartTLS()
	t.Cleanup(old.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	h := &Transport{TLS: TLSOptions{Insecure: true}}
	for host, want := range map[string]string{
		old.Listener.Addr().String():   "no application protocol",
		plain.Listener.Addr().String(): "first record does not look like a TLS handshake",
		"127.0.0.1:1":                  "connection refused",
	} {
		if _, err := h.HTTP2Windows(t.Context(), host); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", host, err, want)
		}
	}
}
