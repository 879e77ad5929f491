package record

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// What record cannot carry is answered, recorded and said, and does not reach the registry.
func TestFrontRefuses(t *testing.T) {
	t.Parallel()
	said, recorded := 0, 0
	record := func(answers http.RoundTripper) http.RoundTripper { recorded++; return answers }
	r := &relay{run: t.Context(), fail: func(string, error) { said++ }, record: record, send: roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("a call went out")
		return nil, errors.New("a call went out")
	})}
	f := &front{upstream: &url.URL{Scheme: "http", Host: "registry.example.com"}, relay: r}
	for _, test := range []struct {
		method, target string
		header         http.Header
		status         int
	}{
		{"PRI", "*", nil, http.StatusHTTPVersionNotSupported}, // HTTP/2 without TLS
		{http.MethodGet, "/v2/", http.Header{"Upgrade": {"websocket"}}, http.StatusNotImplemented},
		{http.MethodGet, "http://x.example/", nil, http.StatusBadRequest},
		{http.MethodConnect, "x.example:443", nil, http.StatusBadRequest},
	} {
		said, recorded = 0, 0
		u, _ := url.Parse(test.target)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, &http.Request{Method: test.method, URL: u, Host: "127.0.0.1:5001", Header: test.header})
		if w.Code != test.status || said != 1 || recorded != 1 {
			t.Errorf("%s %s: %d, said %d times, recorded %d times", test.method, test.target, w.Code, said, recorded)
		}
	}
}

// URLs of answers lead back to the recording registry, and from there to where they pointed.
func TestURLsLeadBack(t *testing.T) {
	t.Parallel()
	const own = "http://127.0.0.1:5001"
	upstream, _ := url.Parse("https://registry.example.com")
	for _, test := range []struct {
		header, value, want string
		target              string // where a call to the URL in want goes; "" for no such call
	}{
		{"Location", "/v2/a/blobs/uploads/1?_state=x%3D", "/v2/a/blobs/uploads/1?_state=x%3D", ""},
		{"Location", "https://registry.example.com/v2/a/blobs/uploads/1?_state=x%3D", own + "/v2/a/blobs/uploads/1?_state=x%3D",
			"https://registry.example.com/v2/a/blobs/uploads/1?_state=x%3D"},
		{"Location", "https://cdn.example.net/b%2Fc?X-Amz-Signature=a%2Bb", own + "/-/https/cdn.example.net/b%2Fc?X-Amz-Signature=a%2Bb",
			"https://cdn.example.net/b%2Fc?X-Amz-Signature=a%2Bb"},
		{"Location", "http://10.0.0.1:9000", own + "/-/http/10.0.0.1:9000/", "http://10.0.0.1:9000/"},
		{"Location", own + "/v2/loop", own + "/v2/loop", ""},
		{"Location", "ftp://x/y", "ftp://x/y", ""},
		{"Link", `</v2/_catalog?last=a&n=1>; rel="next"`, `</v2/_catalog?last=a&n=1>; rel="next"`, ""},
		{"Link", `<https://registry.example.com/v2/_catalog?last=a>; rel="next"`, `<` + own + `/v2/_catalog?last=a>; rel="next"`, ""},
		{"Www-Authenticate", `Bearer realm="https://auth.example.com/token?x=1",service="r",scope="repository:a:pull"`,
			`Bearer realm="` + own + `/-/https/auth.example.com/token?x=1",service="r",scope="repository:a:pull"`, ""},
		{"Www-Authenticate", `Basic realm="Registry of the team"`, `Basic realm="Registry of the team"`, ""},
	} {
		f := &front{upstream: upstream}
		resp := &http.Response{
			Header:  http.Header{test.header: {test.value}},
			Request: &http.Request{URL: &url.URL{Scheme: "https", Host: "registry.example.com", Path: "/v2/a"}},
		}
		f.lead(resp, own)
		got := resp.Header.Get(test.header)
		if got != test.want {
			t.Errorf("%s: %s\nbecomes %s\nwant    %s", test.header, test.value, got, test.want)
		}
		if test.target == "" {
			continue
		}
		called, err := url.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if to := f.target(&url.URL{Path: called.Path, RawPath: called.RawPath, RawQuery: called.RawQuery}); to.String() != test.target {
			t.Errorf("a call to %s goes to %s, want %s", got, to, test.target)
		}
	}
	f := &front{upstream: upstream}
	if to := f.target(&url.URL{Path: "/-/https/evil.example/x"}); to.Host != upstream.Host {
		t.Errorf("a host that no answer has named is called: %s", to)
	}
}

// The registry's tokens do not go to a storage host, though clients send them: its URL has the host of the registry that
// they are for. The token server gets the account.
func TestTokensStayWithTheRegistry(t *testing.T) {
	t.Parallel()
	const realm, storage = "https://auth.example.com/token", "https://cdn.example.net/b"
	got := map[string]string{}
	answers := map[string]http.Header{
		"https://registry.example.com/v2/": {"Www-Authenticate": {`Bearer realm="` + realm + `",service="r"`}},
		"https://registry.example.com/b":   {"Location": {storage}},
	}
	r := &relay{run: t.Context(), send: roundTripper(func(req *http.Request) (*http.Response, error) {
		u := req.URL.String()
		got[u] = req.Header.Get("Authorization") + req.Header.Get("Cookie")
		status := http.StatusOK
		header := answers[u].Clone()
		switch {
		case header.Get("Location") != "":
			status = http.StatusTemporaryRedirect
		case header != nil:
			status = http.StatusUnauthorized
		}
		return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: req}, nil
	})}
	f := &front{upstream: &url.URL{Scheme: "https", Host: "registry.example.com"}, relay: r}
	for _, path := range []string{"/v2/", "/-/https/auth.example.com/token", "/b", "/-/https/cdn.example.net/b"} {
		req := httptest.NewRequest(http.MethodGet, path, nil)
		req.Header.Set("Authorization", "Bearer x")
		req.Header.Set("Cookie", "y=z")
		f.ServeHTTP(httptest.NewRecorder(), req)
	}
	for u, want := range map[string]string{
		"https://registry.example.com/v2/": "Bearer xy=z", realm: "Bearer xy=z", "https://registry.example.com/b": "Bearer xy=z", storage: "",
	} {
		if has, ok := got[u]; !ok || has != want {
			t.Errorf("%s got %q, %v, want %q", u, has, ok, want)
		}
	}
}

// The offer of HTTP/2 that curl --http2 and Java's client make without TLS is not taken: the call goes on as it is.
func TestOfferOfHTTP2IsNotTaken(t *testing.T) {
	t.Parallel()
	r := &relay{run: t.Context(), send: roundTripper(func(req *http.Request) (*http.Response, error) {
		if h := req.Header; h.Get("Upgrade") != "" || h.Get("Connection") != "" || h.Get("Http2-Settings") != "" {
			t.Errorf("the offer goes on: %v", h)
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	})}
	f := &front{upstream: &url.URL{Scheme: "http", Host: "registry.example.com"}, relay: r}
	req := httptest.NewRequest(http.MethodGet, "/v2/", nil)
	req.Header = http.Header{"Connection": {"Upgrade, HTTP2-Settings"}, "Upgrade": {"h2c"}, "Http2-Settings": {"AAMAAABk"}}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		t.Errorf("the answer is %d", w.Code)
	}
}
