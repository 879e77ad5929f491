package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
)

// servedCalls serves requests with h, and returns the calls once all connections are closed.
func servedCalls(t *testing.T, h http.HandlerFunc, requests func(url string)) calls {
	t.Helper()
	var got calls
	recorder := &ServedRecorder{Handler: h, OnCall: got.add, Command: "serve"}
	server := httptest.NewUnstartedServer(recorder)
	server.Config.ConnContext = ServedConn
	server.Start()
	requests(server.URL)
	server.Close()
	recorder.Close()
	return got
}

func TestServedRecorder(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Location", "/x?secret="+r.URL.Query().Get("secret"))
		io.Copy(w, io.LimitReader(strings.NewReader("response"), 8))
	}
	digest := string(blob.FromBytes([]byte("body")))
	got := servedCalls(t, h, func(url string) {
		for _, r := range []struct{ method, path, body string }{
			{"PUT", "/v2/a/manifests/" + digest + "?secret=hunter22", "body"},
			{"GET", "/v2/a/blobs/" + digest, ""},
			{"HEAD", "/v2/a/manifests/1", ""},
			{"POST", "/nowhere", "chunked"},
		} {
			req, err := http.NewRequest(r.method, url+r.path, strings.NewReader(r.body))
			if err != nil {
				t.Fatal(err)
			}
			req.SetBasicAuth("user", "hunter22")
			if r.body == "chunked" {
				req.Body, req.ContentLength = io.NopCloser(req.Body), -1
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
	of := func(content string) BodyDigest { return BodyDigest{Digest: string(blob.FromBytes([]byte(content)))} }
	want := calls{
		{Sequence: 1, Why: Purpose{Command: "serve", Manifest: digest}, Endpoint: "end-7a", Method: "PUT",
			URL: "/v2/a/manifests/" + digest + "?secret=REDACTED", Sent: 4, Received: 8, SentDigest: of("body"),
			ReceivedDigest: of("response")},
		{Sequence: 2, Why: Purpose{Command: "serve", Blob: digest}, Endpoint: "end-2", Method: "GET",
			URL: "/v2/a/blobs/" + digest, Received: 8, Reused: true},
		{Sequence: 3, Why: Purpose{Command: "serve"}, Endpoint: "end-3", Method: "HEAD", URL: "/v2/a/manifests/1",
			Reused: true},
		{Sequence: 4, Why: Purpose{Command: "serve"}, Method: "POST", URL: "/nowhere", Sent: 7, Received: 8,
			SentDigest: of("chunked"), ReceivedDigest: of("response"), Reused: true},
	}
	for i, c := range got {
		if c.Protocol != "HTTP/1.1" || c.Peer == "" || c.Local != c.Host || c.Start.IsZero() || c.Duration <= 0 ||
			c.RequestHeader.Get("Authorization") != "Basic REDACTED" || c.ResponseHeader.Get("Content-Type") != "text/plain" ||
			strings.Contains(fmt.Sprint(c), "hunter22") {
			t.Errorf("got %+v", c)
		}
		got[i] = Call{Sequence: c.Sequence, Why: c.Why, Endpoint: c.Endpoint, Method: c.Method,
			URL: strings.TrimPrefix(c.URL, "http://"+c.Host), Sent: c.Sent, Received: c.Received,
			SentDigest: c.SentDigest, ReceivedDigest: c.ReceivedDigest, Reused: c.Reused}
		if c.StatusCode != 200 || c.Attempt != 1 || c.Err != nil {
			t.Errorf("got %+v", c)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A response that the client did not take whole, and a request that breaks off, have an error.
func TestServedRecorderErrors(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "short")
	}
	got := servedCalls(t, h, func(url string) {
		if resp, err := http.Get(url); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nshort")
		conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, conn)
		conn.Close()
	})
	if len(got) != 2 || !errors.Is(got[0].Err, errShortResponse) || !errors.Is(got[1].Err, io.ErrUnexpectedEOF) ||
		got[1].StatusCode != 400 || got[1].Sent != 5 {
		t.Errorf("got %+v", got)
	}
}

// A request that is still served when the server ends is recorded as unfinished.
func TestServedRecorderReportsUnfinished(t *testing.T) {
	var got calls
	begun, end := make(chan struct{}), make(chan struct{})
	recorder := &ServedRecorder{OnCall: got.add, Handler: http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { close(begun); <-end })}
	served := make(chan struct{})
	go func() {
		defer close(served)
		req := httptest.NewRequestWithContext(context.Background(), "GET", "/v2/", nil)
		recorder.ServeHTTP(httptest.NewRecorder(), req)
	}()
	<-begun
	recorder.Close()
	close(end)
	<-served
	if len(got) != 1 || !errors.Is(got[0].Err, ErrUnfinished) || got[0].Start.After(time.Now()) {
		t.Errorf("got %+v", got)
	}
}
