package wire

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"
)

// readSizes records the largest Read.
type readSizes struct {
	io.Reader
	largest int
}

func (s *readSizes) Read(p []byte) (int, error) {
	s.largest = max(s.largest, len(p))
	return s.Reader.Read(p)
}

// A large body is sent in pieces of the buffer's size, a small one in those of net/http. The server
// gets the same bytes.
func TestTransportSendsLargeBodiesFromBuffers(t *testing.T) {
	for _, test := range []struct {
		buffer, body int
		least, most  int // bytes of the largest Read
	}{
		{0, 3 << 20, DefaultSendBuffer, DefaultSendBuffer},
		{0, 4*DefaultSendBuffer - 1, 1, 32 << 10},
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
		body := &readSizes{Reader: bytes.NewReader(sent)}
		hosts := &Transport{SendBuffer: test.buffer}
		req := newRequest(t, "PUT", server.URL, body)
		req.ContentLength = int64(len(sent))
		resp, err := hosts.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		hosts.CloseIdleConnections()
		server.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("buffer %d: the server got other bytes", test.buffer)
		}
		if body.largest < test.least || body.largest > test.most {
			t.Errorf("buffer %d, body of %d: read %d bytes at a time, want %d to %d",
				test.buffer, len(sent), body.largest, test.least, test.most)
		}
	}
}

func TestTransportReturnsErrorOfLargeBody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	broken := errors.New("broken")
	hosts := &Transport{}
	defer hosts.CloseIdleConnections()
	req := newRequest(t, "PUT", server.URL, io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(broken)))
	req.ContentLength = 8 << 20
	if _, err := hosts.RoundTrip(req); !errors.Is(err, broken) {
		t.Errorf("error %v, want the one of the body", err)
	}
}
