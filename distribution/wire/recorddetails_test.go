package wire

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sha(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

// total is the sum of the phases.
func (t Timings) total() int64 {
	return int64(t.Blocked + t.DNS + t.Connect + t.TLS + t.Send + t.Wait + t.Receive)
}

func TestRecordDetails(t *testing.T) {
	authority := newAuthority(t)
	server := authority.serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Key", "secret")
		io.WriteString(w, "{}")
	})
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"ca.pem": authority.pem()})
	for _, http1 := range []bool{false, true} {
		var got calls
		record := &Record{Base: &Hosts{TLS: TLS{CAFile: dir + "/ca.pem"}, HTTP1: http1}, OnCall: got.add}
		for range 2 {
			req := newRequest(t, "PUT", "https://"+byName(t, server)+"/v2/a/manifests/1", strings.NewReader("a document"))
			req.Header.Set("Authorization", "Bearer secret")
			req.Header.Set("User-Agent", "me")
			resp, err := record.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, resp)
		}
		first, second := got[0], got[1]
		want := http.Header{"Host": {byName(t, server)}, "User-Agent": {"me"}, "Authorization": {"Bearer REDACTED"}, "Content-Length": {"10"}}
		first.RequestHeader.Del("Accept-Encoding")
		if diff := cmp.Diff(want, first.RequestHeader); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if first.ResponseHeader.Get("X-Key") != "REDACTED" || first.ResponseHeader.Get("Content-Length") != "2" {
			t.Errorf("%v", first.ResponseHeader)
		}
		protocol := map[bool]string{false: "HTTP/2.0", true: "HTTP/1.1"}[http1]
		if first.Protocol != protocol || first.Row != "end-7a" || first.TLSVersion != "TLS 1.3" || !strings.HasPrefix(first.Cipher, "TLS_") {
			t.Errorf("%+v", first)
		}
		address := server.Listener.Addr().String()
		if first.Peer != address || !strings.HasPrefix(first.Local, "127.0.0.1:") || first.Local == address {
			t.Errorf("from %s to %s, want to %s", first.Local, first.Peer, address)
		}
		if first.SentDigest != (BodyDigest{Digest: sha("a document")}) || first.ReceivedDigest != (BodyDigest{Digest: sha("{}")}) {
			t.Errorf("digests %v, %v", first.SentDigest, first.ReceivedDigest)
		}
		if first.Reused || !second.Reused || first.Timings.TLS == 0 || first.Timings.Connect == 0 ||
			second.Timings.TLS+second.Timings.Connect+second.Timings.DNS != 0 {
			t.Errorf("first reused %v %+v, second reused %v %+v", first.Reused, first.Timings, second.Reused, second.Timings)
		}
		for _, c := range got {
			if c.Timings.total() != int64(c.Duration) || c.Timings.Send+c.Timings.Wait <= 0 {
				t.Errorf("phases %+v, in all %v", c.Timings, c.Duration)
			}
		}
	}
}

// A request that finds no server has the headers that it would have had.
func TestRecordUnsent(t *testing.T) {
	var got calls
	refused := errors.New("refused")
	record := &Record{OnCall: got.add, Base: roundTripper(func(*http.Request) (*http.Response, error) { return nil, refused })}
	req := newRequest(t, "GET", "https://registry.example/", nil)
	req.Header.Set("Authorization", "Basic c2VjcmV0")
	if _, err := record.RoundTrip(req); err != refused {
		t.Error(err)
	}
	c := got[0]
	if c.RequestHeader.Get("Authorization") != "Basic REDACTED" || c.Timings.Blocked != c.Duration || c.Peer != "" {
		t.Errorf("%+v", c)
	}
}

func TestRecordDigests(t *testing.T) {
	const blob = "a blob"
	settled := func(right bool) func(func(bool)) { return func(tell func(bool)) { tell(right) } }
	big := strings.Repeat("x", maxHashed+1)
	tests := map[string]struct {
		method, path, body string
		ctx                func(context.Context) context.Context
		status             int
		answer             string
		read               func(io.Reader)
		sent, received     BodyDigest
	}{
		"a document":          {method: "GET", path: "/v2/a/manifests/1", answer: "{}", received: BodyDigest{Digest: sha("{}")}},
		"a large body":        {method: "GET", path: "/v2/a/tags/list", answer: big},
		"an empty body":       {method: "GET", path: "/v2/a/tags/list"},
		"a document cut":      {method: "GET", path: "/v2/a/manifests/1", answer: "{}", read: func(r io.Reader) { r.Read(make([]byte, 1)) }},
		"a document sent":     {method: "PUT", path: "/v2/a/manifests/1", body: "{}", sent: BodyDigest{Digest: sha("{}")}},
		"a token":             {method: "POST", path: "/token", body: "password=secret", answer: "secret"},
		"a blob, nobody says": {method: "GET", path: "/v2/a/blobs/sha256:1", answer: blob},
		"a blob that is not there": {method: "GET", path: "/v2/a/blobs/sha256:1", status: 404, answer: "{}",
			received: BodyDigest{Digest: sha("{}")}},
		"a blob, verified": {method: "GET", path: "/v2/a/blobs/sha256:1", answer: blob, received: BodyDigest{"sha256:1", true},
			ctx: func(ctx context.Context) context.Context { return WithReceivedBlob(ctx, "sha256:1", settled(true)) }},
		"a blob, wrong": {method: "GET", path: "/v2/a/blobs/sha256:1", answer: blob,
			ctx: func(ctx context.Context) context.Context { return WithReceivedBlob(ctx, "sha256:1", settled(false)) }},
		"a blob from a storage host": {method: "GET", path: "/storage", answer: blob, received: BodyDigest{"sha256:1", true},
			ctx: func(ctx context.Context) context.Context { return WithReceivedBlob(ctx, "sha256:1", settled(true)) }},
		"a part of a blob": {method: "GET", path: "/storage", answer: blob, status: 206,
			ctx: func(ctx context.Context) context.Context { return WithReceivedBlob(ctx, "sha256:1", settled(true)) }},
		"a blob cut": {method: "GET", path: "/v2/a/blobs/sha256:1", answer: blob, read: func(r io.Reader) { r.Read(make([]byte, 1)) },
			ctx: func(ctx context.Context) context.Context { return WithReceivedBlob(ctx, "sha256:1", settled(true)) }},
		"a blob sent": {method: "PUT", path: "/v2/a/blobs/uploads/1", body: blob, sent: BodyDigest{"sha256:1", true},
			ctx: func(ctx context.Context) context.Context { return WithSentBlob(ctx, "sha256:1") }},
		"a blob sent, answered": {method: "PUT", path: "/v2/a/blobs/uploads/1", body: blob, sent: BodyDigest{"sha256:1", true},
			answer: "{}", received: BodyDigest{Digest: sha("{}")},
			ctx: func(ctx context.Context) context.Context { return WithSentBlob(ctx, "sha256:1") }},
		"a chunk": {method: "PATCH", path: "/v2/a/blobs/uploads/1", body: blob},
		"a chunk, its location elsewhere": {method: "PATCH", path: "/elsewhere", body: blob, ctx: func(ctx context.Context) context.Context {
			return WithRow(ctx, &url.URL{Scheme: "https", Host: "registry.example", Path: "/elsewhere"}, "end-5")
		}},
	}
	for name, test := range tests {
		for _, length := range []bool{true, false} {
			var got calls
			record := &Record{OnCall: got.add, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
				if req.Body != nil {
					io.Copy(io.Discard, req.Body)
				}
				resp := answer(req, 200, test.answer)
				if test.status != 0 {
					resp.StatusCode = test.status
				}
				if !length {
					resp.ContentLength = -1
				}
				return resp, nil
			})}
			req := newRequest(t, test.method, "https://registry.example"+test.path, nil)
			if test.body != "" {
				req = newRequest(t, test.method, "https://registry.example"+test.path, strings.NewReader(test.body))
			}
			if test.ctx != nil {
				req = req.WithContext(test.ctx(req.Context()))
			}
			resp, err := record.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if test.read == nil {
				test.read = func(r io.Reader) { io.Copy(io.Discard, r) }
			}
			test.read(resp.Body)
			resp.Body.Close()
			if len(got) != 1 || got[0].SentDigest != test.sent || got[0].ReceivedDigest != test.received {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

// A blob's call is reported when its verification is over, and once.
func TestRecordAwaitsVerification(t *testing.T) {
	var got calls
	var tell func(bool)
	var record *Record
	ctx := WithReceivedBlob(t.Context(), "sha256:1", func(f func(bool)) { tell = f })
	for i, finish := range []func(){func() { tell(true) }, func() { record.Close() }} {
		record = &Record{OnCall: got.add, Base: roundTripper(func(req *http.Request) (*http.Response, error) { return answer(req, 200, "x"), nil })}
		resp, err := record.RoundTrip(newRequest(t, "GET", "https://registry.example/v2/a/blobs/sha256:1", nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, resp)
		if len(got) != i {
			t.Errorf("%d calls reported before the verification", len(got))
		}
		finish()
		tell(true)
		record.Close()
	}
	if len(got) != 2 || got[0].ReceivedDigest.Digest != "sha256:1" || got[1].ReceivedDigest.Digest != "" {
		t.Errorf("%+v", got)
	}
}

func TestRecordClose(t *testing.T) {
	var got calls
	record := &Record{OnCall: got.add, Base: roundTripper(func(req *http.Request) (*http.Response, error) { return answer(req, 200, "content"), nil })}
	resp, err := record.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Read(make([]byte, 3))
	record.Close()
	readAll(t, resp)
	record.Close()
	if len(got) != 1 || got[0].Err != ErrUnfinished || got[0].Received != 3 {
		t.Errorf("%+v", got)
	}
	if _, err := record.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil)); err != ErrUnfinished || len(got) != 1 {
		t.Errorf("after Close: %v, %d calls", err, len(got))
	}
}

// The calls of one request are linked: attempts, hops, tokens.
func TestRecordLinks(t *testing.T) {
	refused := map[string]int{"/v2/a/blobs/sha256:1": 401, "/storage": 503}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := refused[r.URL.Path]
		delete(refused, r.URL.Path)
		switch {
		case status != 0:
			w.WriteHeader(status)
		case strings.HasPrefix(r.URL.Path, "/v2/"):
			http.Redirect(w, r, "/storage?sig=secret", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	var got calls
	record := &Record{OnCall: got.add}
	chain := &Retry{Base: record.Over(new(Hosts)), Sleep: noSleep(nil)}
	other := record.Over(new(Hosts)) // a second chain, as to another registry
	ctx := Linked(With(With(t.Context(), Why{Command: "copy", Image: "a:1"}), Why{Blob: "sha256:1"}))
	get := func(rt http.RoundTripper, path string) {
		client := &http.Client{Transport: rt}
		resp, err := client.Do(newRequest(t, "GET", server.URL+path, nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, resp)
	}
	get(chain, "/v2/a/blobs/sha256:1")
	get(other, "/token")
	get(chain, "/v2/a/blobs/sha256:1")
	ctx = t.Context()
	get(chain, "/v2/")

	want := []Why{
		{Command: "copy", Image: "a:1", Blob: "sha256:1"},
		{Command: "copy", Image: "a:1", Blob: "sha256:1", TokenFor: 1},
		{Command: "copy", Image: "a:1", Blob: "sha256:1", RetryOf: 1},
		{Command: "copy", Image: "a:1", Blob: "sha256:1", RedirectOf: 3},
		{Command: "copy", Image: "a:1", Blob: "sha256:1", RedirectOf: 3, RetryOf: 4},
		{},
		{RedirectOf: 6},
	}
	var why []Why
	var rows []string
	for i, c := range got {
		if c.Sequence != int64(i+1) {
			t.Errorf("call %d has sequence %d", i+1, c.Sequence)
		}
		why, rows = append(why, c.Why), append(rows, c.Row)
	}
	if diff := cmp.Diff(want, why); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := []string{"end-2", "token", "end-2", "redirect", "redirect", "end-1", "redirect"}; !slices.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
}

// Servers repeat what they were sent; it does not show.
func TestRecordRedactsWhatIsRepeated(t *testing.T) {
	var got calls
	record := &Record{OnCall: got.add, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Method == "PUT" {
			return nil, fmt.Errorf("malformed answer %q", req.Header.Get("Authorization")+" p4ssw0rd tok/en= state&1")
		}
		return answer(req, 401, "", "Server", "p4ssw0rd", "Warning", "299 - \"state&1 and state%261\"", "Via", req.Header.Get("Authorization"),
			"Www-Authenticate", `Bearer realm="https://a.example/",error_description="tok/en= cookie"`), nil
	})}
	for _, method := range []string{"GET", "PUT"} {
		for _, authorization := range []string{"Basic bWU6cDRzc3cwcmQ=", "Bearer tok/en="} {
			req := newRequest(t, method, "https://me:p4ssw0rd@registry.example/u?_state=state%261", nil)
			req.Header.Set("Authorization", authorization)
			req.AddCookie(&http.Cookie{Name: "a", Value: "cookie"})
			if resp, err := record.RoundTrip(req); err == nil {
				readAll(t, resp)
			}
		}
	}
	for i, c := range got {
		never := []string{"p4ssw0rd", "bWU6", "state&1", "state%261", "cookie"}
		if i%2 == 1 {
			never = append(never, "tok/en=")
		}
		for _, secret := range never {
			if shown := fmt.Sprintf("%+v", c); strings.Contains(shown, secret) {
				t.Errorf("%q in %s", secret, shown)
			}
		}
	}
	if len(got) != 4 {
		t.Errorf("%d calls", len(got))
	}
}
