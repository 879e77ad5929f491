package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func digestOfText(text string) BodyDigest { return BodyDigest{Digest: digestOf("", []byte(text))} }

// total returns the sum of the phases.
func (t Timings) total() int64 {
	return int64(t.Blocked + t.DNS + t.Connect + t.TLS + t.Send + t.Wait + t.Receive)
}

func TestRecordReportsDetails(t *testing.T) {
	authority := newAuthority(t)
	server := authority.serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Key", "secret")
		io.WriteString(w, "{}")
	})
	dir := t.TempDir()
	writeFiles(t, dir, map[string][]byte{"ca.pem": authority.pem()})
	for _, http1 := range []bool{false, true} {
		var got calls
		record := &Recorder{Base: &Transport{TLS: TLSOptions{CAFile: dir + "/ca.pem"}, HTTP1: http1}, OnCall: got.add}
		for range 2 {
			url := "https://" + localhost(t, server) + "/v2/a/manifests/1"
			req := newRequest(t, "PUT", url, strings.NewReader("a document"))
			req.Header.Set("Authorization", "Bearer secret")
			req.Header.Set("User-Agent", "me")
			resp, err := record.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, resp)
		}
		first, second := got[0], got[1]
		want := http.Header{
			"Host": {localhost(t, server)}, "User-Agent": {"me"},
			"Authorization": {"Bearer REDACTED"}, "Content-Length": {"10"},
		}
		first.RequestHeader.Del("Accept-Encoding")
		if diff := cmp.Diff(want, first.RequestHeader); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if first.ResponseHeader.Get("X-Key") != "REDACTED" || first.ResponseHeader.Get("Content-Length") != "2" {
			t.Errorf("%v", first.ResponseHeader)
		}
		protocol := map[bool]string{false: "HTTP/2.0", true: "HTTP/1.1"}[http1]
		if first.Protocol != protocol || first.Endpoint != "end-7a" || first.TLSVersion != "TLS 1.3" ||
			!strings.HasPrefix(first.Cipher, "TLS_") {
			t.Errorf("%+v", first)
		}
		address := server.Listener.Addr().String()
		if first.Peer != address || !strings.HasPrefix(first.Local, "127.0.0.1:") || first.Local == address {
			t.Errorf("from %s to %s, want to %s", first.Local, first.Peer, address)
		}
		if first.SentDigest != digestOfText("a document") || first.ReceivedDigest != digestOfText("{}") {
			t.Errorf("digests %v, %v", first.SentDigest, first.ReceivedDigest)
		}
		if first.Reused || !second.Reused || first.Timings.TLS == 0 || first.Timings.Connect == 0 ||
			second.Timings.TLS+second.Timings.Connect+second.Timings.DNS != 0 {
			t.Errorf("first reused %v %+v, second reused %v %+v", first.Reused, first.Timings, second.Reused, second.Timings)
		}
		for _, c := range got {
			if c.Timings.total() != int64(c.Duration) || c.Timings.Send+c.Timings.Wait <= 0 {
				t.Errorf("phases %+v, duration %v", c.Timings, c.Duration)
			}
		}
	}
}

// A call without a connection is reported with the request's header.
func TestRecordReportsHeaderOfUnsentRequest(t *testing.T) {
	var got calls
	broken := errors.New("broken")
	record := &Recorder{OnCall: got.add, Base: failing(broken)}
	req := newRequest(t, "GET", "https://registry.example/", nil)
	req.Header.Set("Authorization", "Basic c2VjcmV0")
	if _, err := record.RoundTrip(req); err != broken {
		t.Error(err)
	}
	c := got[0]
	if c.RequestHeader.Get("Authorization") != "Basic REDACTED" || c.Timings.Blocked != c.Duration || c.Peer != "" {
		t.Errorf("%+v", c)
	}
}

func TestRecordReportsDigests(t *testing.T) {
	const (
		content                 = "a blob"
		manifest, tags          = "/v2/a/manifests/1", "/v2/a/tags/list"
		blob, session, redirect = "/v2/a/blobs/sha256:1", "/v2/a/blobs/uploads/1", "/storage"
	)
	type contextFunc = func(context.Context) context.Context
	verified := func(ok bool) contextFunc {
		return func(ctx context.Context) context.Context {
			return WithReceivedBlob(ctx, "sha256:1", func(report func(bool)) { report(ok) })
		}
	}
	sendsBlob := func(ctx context.Context) context.Context { return WithSentBlob(ctx, "sha256:1") }
	sendsChunk := func(ctx context.Context) context.Context {
		return WithRow(ctx, &url.URL{Scheme: "https", Host: "registry.example", Path: "/other"}, "end-5")
	}
	readOne := func(r io.Reader) { r.Read(make([]byte, 1)) }
	var none BodyDigest
	document, ofBlob := digestOfText("{}"), BodyDigest{"sha256:1", true}
	tests := map[string]struct {
		method, path, body string
		ctx                contextFunc
		status             int
		response           string
		read               func(io.Reader) // all if nil
		sent, received     BodyDigest
	}{
		"document":             {"GET", manifest, "", nil, 200, "{}", nil, none, document},
		"large document":       {"GET", tags, "", nil, 200, strings.Repeat("x", maxHashed+1), nil, none, none},
		"empty document":       {"GET", tags, "", nil, 200, "", nil, none, none},
		"document not read":    {"GET", manifest, "", nil, 200, "{}", readOne, none, none},
		"document sent":        {"PUT", manifest, "{}", nil, 200, "", nil, document, none},
		"token":                {"POST", "/token", "password=secret", nil, 200, "secret", nil, none, none},
		"blob not verified":    {"GET", blob, "", nil, 200, content, nil, none, none},
		"missing blob":         {"GET", blob, "", nil, 404, "{}", nil, none, document},
		"blob verified":        {"GET", blob, "", verified(true), 200, content, nil, none, ofBlob},
		"blob with bad digest": {"GET", blob, "", verified(false), 200, content, nil, none, none},
		"blob of storage host": {"GET", redirect, "", verified(true), 200, content, nil, none, ofBlob},
		"range of a blob":      {"GET", redirect, "", verified(true), 206, content, nil, none, none},
		"blob not read":        {"GET", blob, "", verified(true), 200, content, readOne, none, none},
		"blob sent":            {"PUT", session, content, sendsBlob, 200, "", nil, ofBlob, none},
		"blob sent, response":  {"PUT", session, content, sendsBlob, 200, "{}", nil, ofBlob, document},
		"chunk":                {"PATCH", session, content, nil, 200, "", nil, none, none},
		"chunk, other path":    {"PATCH", "/other", content, sendsChunk, 200, "", nil, none, none},
	}
	for name, test := range tests {
		for _, withLength := range []bool{true, false} {
			var got calls
			record := &Recorder{OnCall: got.add, Base: responder(func(req *http.Request) *http.Response {
				if req.Body != nil {
					io.Copy(io.Discard, req.Body)
				}
				resp := answer(req, test.status, test.response)
				if !withLength {
					resp.ContentLength = -1
				}
				return resp
			})}
			var body io.Reader
			if test.body != "" {
				body = strings.NewReader(test.body)
			}
			req := newRequest(t, test.method, "https://registry.example"+test.path, body)
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

// A blob's call is reported once, after its verification or at Close.
func TestRecordWaitsForVerification(t *testing.T) {
	var got calls
	var report func(bool)
	var record *Recorder
	ctx := WithReceivedBlob(t.Context(), "sha256:1", func(f func(bool)) { report = f })
	for i, finish := range []func(){func() { report(true) }, func() { record.Close() }} {
		record = &Recorder{OnCall: got.add, Base: always(200, "x")}
		req := newRequest(t, "GET", "https://registry.example/v2/a/blobs/sha256:1", nil)
		resp, err := record.RoundTrip(req.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, resp)
		if len(got) != i {
			t.Errorf("%d calls reported before the verification", len(got))
		}
		finish()
		report(true)
		record.Close()
	}
	if len(got) != 2 || got[0].ReceivedDigest.Digest != "sha256:1" || got[1].ReceivedDigest.Digest != "" {
		t.Errorf("%+v", got)
	}
}

func TestRecordCloseReportsUnfinishedCalls(t *testing.T) {
	var got calls
	record := &Recorder{OnCall: got.add, Base: always(200, "content")}
	req := newRequest(t, "GET", "https://registry.example/", nil)
	resp, err := record.RoundTrip(req)
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
	if _, err := record.RoundTrip(req); err != ErrUnfinished || len(got) != 1 {
		t.Errorf("after Close: %v, %d calls", err, len(got))
	}
}

// The calls of one request name each other: attempts, redirects and tokens.
func TestRecordLinksCalls(t *testing.T) {
	failures := map[string]int{"/v2/a/blobs/sha256:1": 401, "/storage": 503}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := failures[r.URL.Path]
		delete(failures, r.URL.Path)
		switch {
		case status != 0:
			w.WriteHeader(status)
		case strings.HasPrefix(r.URL.Path, "/v2/"):
			http.Redirect(w, r, "/storage?sig=secret", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	var got calls
	record := &Recorder{OnCall: got.add}
	chain := &Retry{Base: record.Over(new(Transport)), Sleep: noSleep(nil)}
	other := record.Over(new(Transport)) // a second chain, as for another registry
	ctx := WithCallLinks(WithPurpose(WithPurpose(t.Context(), Purpose{Command: "copy", Image: "a:1"}), Purpose{Blob: "sha256:1"}))
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

	want := []Purpose{
		{Command: "copy", Image: "a:1", Blob: "sha256:1"},
		{Command: "copy", Image: "a:1", Blob: "sha256:1", TokenFor: 1},
		{Command: "copy", Image: "a:1", Blob: "sha256:1", RetryOf: 1},
		{Command: "copy", Image: "a:1", Blob: "sha256:1", RedirectOf: 3},
		{Command: "copy", Image: "a:1", Blob: "sha256:1", RedirectOf: 3, RetryOf: 4},
		{},
		{RedirectOf: 6},
	}
	var why []Purpose
	var rows []string
	for i, c := range got {
		if c.Sequence != int64(i+1) {
			t.Errorf("call %d has sequence %d", i+1, c.Sequence)
		}
		why, rows = append(why, c.Why), append(rows, c.Endpoint)
	}
	if diff := cmp.Diff(want, why); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantRows := []string{"end-2", "token", "end-2", "redirect", "redirect", "end-1", "redirect"}
	if diff := cmp.Diff(wantRows, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// A call holds no secrets, even if the server repeats them.
func TestRecordRedactsRepeatedSecrets(t *testing.T) {
	var got calls
	record := &Recorder{OnCall: got.add, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Method == "PUT" {
			return nil, fmt.Errorf("malformed answer %q", req.Header.Get("Authorization")+" p4ssw0rd tok/en= state&1")
		}
		return answer(req, 401, "", "Server", "p4ssw0rd", "Warning", "299 - \"state&1 and state%261\"",
			"Via", req.Header.Get("Authorization"),
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
		secrets := []string{"p4ssw0rd", "bWU6", "state&1", "state%261", "cookie"}
		if i%2 == 1 {
			secrets = append(secrets, "tok/en=")
		}
		for _, secret := range secrets {
			if shown := fmt.Sprintf("%+v", c); strings.Contains(shown, secret) {
				t.Errorf("%q in %s", secret, shown)
			}
		}
	}
	if len(got) != 4 {
		t.Errorf("%d calls", len(got))
	}
}
