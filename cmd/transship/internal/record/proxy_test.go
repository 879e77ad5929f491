package record

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/hczjl/transship/distribution/wire"
)

// roundTripper answers calls without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// startProxy starts a proxy that sends calls by send, and returns what it says of failures.
func startProxy(t *testing.T, send roundTripper) (p *proxy, failures func() string) {
	t.Helper()
	var mu sync.Mutex
	var said strings.Builder
	record := func(answers http.RoundTripper) http.RoundTripper { return answers }
	allows := func(u *url.URL) bool { return u.Host != "evil.example" }
	fail := func(call string, err error) {
		mu.Lock()
		defer mu.Unlock()
		said.WriteString(call + ": " + err.Error() + "\n")
	}
	p, err := newProxy(&relay{run: t.Context(), command: "record", send: send, record: record, allows: allows, fail: fail})
	if err != nil {
		t.Fatal(err)
	}
	p.start()
	t.Cleanup(p.close)
	return p, func() string {
		mu.Lock()
		defer mu.Unlock()
		return said.String()
	}
}

// clientOf returns a client that uses the proxy and trusts its certificates.
func clientOf(p *proxy) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.authority.pem())
	return &http.Client{Transport: &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) {
			return &url.URL{Scheme: "http", Host: p.listener.Addr().String()}, nil
		},
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
	}}
}

// A program's calls over TLS, by HTTP/2 and by name or address, go out as it made them.
func TestProxyPassesCallsOn(t *testing.T) {
	t.Parallel()
	p, failures := startProxy(t, func(req *http.Request) (*http.Response, error) {
		body := req.Method + " " + req.URL.String() + " " + req.Host + " " + req.Header.Get("User-Agent")
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}, Request: req}, nil
	})
	client := clientOf(p)
	for address, want := range map[string]string{
		"https://registry.example.com/v2/?x=%2f": "GET https://registry.example.com/v2/?x=%2f registry.example.com me/1",
		"https://192.0.2.9:5000/v2/a%2Fb":        "GET https://192.0.2.9:5000/v2/a%2Fb 192.0.2.9:5000 me/1",
		"http://registry.example.com/v2/":        "GET http://registry.example.com/v2/ registry.example.com me/1",
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		req.Header.Set("User-Agent", "me/1")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != want {
			t.Errorf("%s: got %q, %v, want %q", address, body, err, want)
		}
		if secure := strings.HasPrefix(address, "https:"); secure != (resp.ProtoMajor == 2) {
			t.Errorf("%s: the answer came by %s", address, resp.Proto)
		}
	}
	if said := failures(); said != "" {
		t.Error(said)
	}
}

// What cannot be recorded is refused, and said in one line.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	p, failures := startProxy(t, func(req *http.Request) (*http.Response, error) {
		if req.URL.Host == "evil.example" {
			return nil, &wire.PolicyError{Policy: "allow-host", Method: req.Method, URL: req.URL.String(), Reason: "not allowed"}
		}
		return nil, errors.New("no route to host")
	})
	for request, want := range map[string]string{
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                                       "505",
		"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n":                                                   "400",
		"CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n":                                                  "400",
		"GET http://x/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n": "501",
		"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n":                        "403",
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n":                    "403",
		"GET http://far.example/v2/?token=secret HTTP/1.1\r\nHost: far.example\r\n\r\n":          "502",
	} {
		if got := statusOf(t, p, request); got != want {
			t.Errorf("%q is answered with %s, want %s", request, got, want)
		}
	}
	said := failures()
	for _, want := range []string{
		"HTTP/2 without TLS", "another protocol than HTTP", "GET http://x/v2/: this is a proxy", "CONNECT http://x: CONNECT needs HOST:PORT",
		"GET http://far.example/v2/?token=REDACTED: no route to host",
	} {
		if strings.Count(said, want) != 1 {
			t.Errorf("%q is not said once:\n%s", want, said)
		}
	}
}

// A program that does not trust the run's certificates makes no call in its tunnel: the host is said all the same.
func TestTunnelWithoutACall(t *testing.T) {
	t.Parallel()
	p, failures := startProxy(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("a call went out") })
	client := clientOf(p)
	client.Transport.(*http.Transport).TLSClientConfig.RootCAs = x509.NewCertPool()
	if _, err := client.Get("https://registry.example.com/v2/"); err == nil {
		t.Error("the certificate is trusted")
	}
	p.close()
	if said := failures(); !strings.HasPrefix(said, "CONNECT registry.example.com:443: the command ended the connection before a call") ||
		strings.Count(said, "\n") != 1 {
		t.Errorf("it says %q", said)
	}
}

// Once the run has ended, because a call was refused or could not be recorded, no call goes out.
func TestEndedRunMakesNoCalls(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	p, _ := startProxy(t, func(*http.Request) (*http.Response, error) {
		t.Error("a call went out")
		return nil, errors.New("a call went out")
	})
	p.relay.run = ctx
	end()
	if got := statusOf(t, p, "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"); got != "403" {
		t.Errorf("the answer is %s", got)
	}
}

// statusOf sends a request as it is, and returns the status of the answer.
func statusOf(t *testing.T, p *proxy, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", p.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return strings.Fields(line)[1]
}
