package wire_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hczjl/transship/distribution/wire"
)

// sized remembers how much was asked for at a time.
type sized struct {
	io.Reader
	most int
}

func (s *sized) Read(p []byte) (int, error) {
	s.most = max(s.most, len(p))
	return s.Reader.Read(p)
}

// Large bodies go out in pieces of the buffer, small ones in those of net/http; all arrive as they are.
func TestLargeBodiesGoOutInLargePieces(t *testing.T) {
	for _, test := range []struct {
		buffer, body int
		least, most  int
	}{
		{0, 3 << 20, wire.DefaultBuffer, wire.DefaultBuffer},
		{0, 4*wire.DefaultBuffer - 1, 1, 32 << 10},
		{1 << 20, 5 << 20, 1 << 20, 1 << 20},
		{16 << 10, 1 << 20, 16 << 10, 16 << 10},
	} {
		sent := bytes.Repeat([]byte("0123456"), test.body/7)
		want := sha256.Sum256(sent)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, err := io.ReadAll(r.Body)
			if err != nil || sha256.Sum256(got) != want {
				w.WriteHeader(http.StatusTeapot)
			}
		}))
		body := &sized{Reader: bytes.NewReader(sent)}
		hosts := &wire.Hosts{Buffer: test.buffer}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, io.NopCloser(body))
		req.ContentLength = int64(len(sent))
		resp, err := hosts.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		hosts.CloseIdleConnections()
		server.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("buffer %d: other bytes arrived", test.buffer)
		}
		if body.most < test.least || body.most > test.most {
			t.Errorf("buffer %d, body of %d: %d bytes were read at a time, want %d to %d", test.buffer, len(sent), body.most, test.least, test.most)
		}
	}
}

// A body that breaks off ends the call with why, and the connection is not used again.
func TestLargeBodyThatBreaks(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	broken := errors.New("the source is gone")
	body := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), errorReader{broken})
	hosts := &wire.Hosts{}
	defer hosts.CloseIdleConnections()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, io.NopCloser(body))
	req.ContentLength = 8 << 20
	if _, err := hosts.RoundTrip(req); !errors.Is(err, broken) {
		t.Errorf("got error %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
