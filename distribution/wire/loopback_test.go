package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// sentLog logs the method, scheme and path of each request that it sends, and whether it had
// credentials or a body.
type sentLog struct {
	Base  http.RoundTripper
	mu    sync.Mutex
	lines []string
}

// want compares the log with the lines wanted.
func (s *sentLog) want(t *testing.T, name string, lines ...string) {
	t.Helper()
	if diff := cmp.Diff(lines, s.lines); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func (s *sentLog) RoundTrip(req *http.Request) (*http.Response, error) {
	line := req.Method + " " + req.URL.Scheme + " " + req.URL.Path
	if req.Header.Get("Authorization") != "" {
		line += " with credentials"
	}
	if hasBody(req) {
		line += " with body"
	}
	s.mu.Lock()
	s.lines = append(s.lines, line)
	s.mu.Unlock()
	return s.Base.RoundTrip(req)
}

// listen listens on a free port of 127.0.0.1.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// closedAddress returns an address on which no server listens.
func closedAddress(t *testing.T) string {
	listener := listen(t)
	defer listener.Close()
	return listener.Addr().String()
}

// closingServer starts a server that closes every connection at once.
func closingServer(t *testing.T) string {
	listener := listen(t)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	return listener.Addr().String()
}

// tlsServer starts a server that speaks TLS. A client of plain HTTP gets what plain writes.
func tlsServer(t *testing.T, ca *authority, plain func(net.Conn)) string {
	t.Helper()
	listener := listen(t)
	pair, err := tls.X509KeyPair(ca.issue(t, "server"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler:  http.HandlerFunc(overTLS),
		ErrorLog: silentLog(),
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	go server.Serve(&sniffListener{listener, config, plain})
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

func overTLS(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "over TLS") }

// sniffListener accepts connections that begin with a TLS handshake.
type sniffListener struct {
	net.Listener
	config *tls.Config
	plain  func(net.Conn)
}

func (l *sniffListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		start := bufio.NewReader(conn)
		if first, _ := start.Peek(1); len(first) == 1 && first[0] == 0x16 {
			return tls.Server(&sniffedConn{conn, start}, l.config), nil
		}
		if l.plain != nil {
			http.ReadRequest(start)
			l.plain(conn)
		}
		conn.Close()
	}
}

type sniffedConn struct {
	net.Conn
	start *bufio.Reader
}

func (c *sniffedConn) Read(p []byte) (int, error) { return c.start.Read(p) }

// respondPlain writes text to a client of plain HTTP.
func respondPlain(text string) func(net.Conn) {
	return func(conn net.Conn) { io.WriteString(conn, text) }
}

func badRequest(body string) string {
	return fmt.Sprintf("HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}

const nginxPage = "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n" +
	"<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n" +
	"<center>The plain HTTP request was sent to HTTPS port</center>\r\n" +
	"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"

// wrongScheme is what net/http answers to plain HTTP on a TLS port, with status 400.
const wrongScheme = "Client sent an HTTP request to an HTTPS server.\n"

func TestLoopbackFindsTLS(t *testing.T) {
	ca := newAuthority(t)
	servers := map[string]string{
		"net/http": ca.serve(t, overTLS).Listener.Addr().String(),
		"nginx":    tlsServer(t, ca, respondPlain(badRequest(nginxPage))),
		"apache": tlsServer(t, ca, respondPlain(badRequest(
			"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />"))),
		"alert": tlsServer(t, ca, respondPlain("\x15\x03\x01\x00\x02\x02\x46")),
		"EOF":   tlsServer(t, ca, nil),
		"reset": tlsServer(t, ca, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }),
		"redirect to TLS": tlsServer(t, ca, func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://%s/v2/\r\nContent-Length: 0\r\n\r\n",
				c.LocalAddr())
		}),
	}
	for name, address := range servers {
		for _, method := range []string{"GET", "HEAD"} {
			sent := &sentLog{Base: &Transport{TLS: TLSOptions{Insecure: true}}}
			loopback := &Loopback{Base: sent}
			for range 2 {
				resp, err := loopback.RoundTrip(newRequest(t, method, "https://"+address+"/v2/", nil))
				if err != nil {
					t.Fatalf("%s %s: %v", name, method, err)
				}
				if readAll(t, resp); resp.StatusCode != 200 || resp.TLS == nil || resp.Request.URL.Scheme != "https" {
					t.Errorf("%s %s: status %d from %s", name, method, resp.StatusCode, resp.Request.URL)
				}
			}
			sent.want(t, name+" "+method, method+" http /v2/", method+" https /v2/", method+" https /v2/")
		}
	}
}

func TestLoopbackFindsPlainHTTP(t *testing.T) {
	// Responses of a registry of plain HTTP that resemble those of a TLS server.
	answers := map[string]http.HandlerFunc{
		"200": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "plain") },
		"401": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
		"400": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			io.WriteString(w, strings.Repeat("x", 9000))
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		},
		"redirect to https": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+"/x", http.StatusTemporaryRedirect)
		},
	}
	for name, handler := range answers {
		server := httptest.NewServer(handler)
		defer server.Close()
		for _, method := range []string{"GET", "HEAD"} {
			direct, err := new(Transport).RoundTrip(newRequest(t, method, "http://"+localhost(t, server)+"/v2/", nil))
			if err != nil {
				t.Fatal(err)
			}
			loopback := &Loopback{Base: new(Transport)}
			resp, err := loopback.RoundTrip(newRequest(t, method, "https://"+localhost(t, server)+"/v2/", nil))
			if err != nil {
				t.Fatalf("%s %s: %v", name, method, err)
			}
			if got := resp.Request.URL.String(); got != "http://"+localhost(t, server)+"/v2/" {
				t.Errorf("%s %s: the response is from %s", name, method, got)
			}
			if resp.StatusCode != direct.StatusCode || readAll(t, resp) != readAll(t, direct) {
				t.Errorf("%s %s: the response was changed", name, method)
			}
		}
	}
}

func TestLoopbackDecidesNothingOnEOF(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
	}))
	defer server.Close()
	server.Config.ErrorLog = silentLog()
	sent := &sentLog{Base: new(Transport)}
	loopback := &Loopback{Base: sent}
	url := strings.Replace(server.URL, "http", "https", 1) + "/v2/"
	if _, err := loopback.RoundTrip(newRequest(t, "GET", url, nil)); !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want the EOF of the request as http", err)
	}
	if _, err := loopback.RoundTrip(newRequest(t, "GET", url, nil)); err != nil {
		t.Error(err)
	}
	sent.want(t, "requests", "GET http /v2/", "GET https /v2/", "GET http /v2/")
}

func TestLoopbackVerifiesCertificates(t *testing.T) {
	ca := newAuthority(t)
	for name, address := range map[string]string{
		"server that says it wants TLS": tlsServer(t, ca, respondPlain(badRequest(nginxPage))),
		"server that hangs up":          tlsServer(t, ca, nil),
	} {
		sent := &sentLog{Base: new(Transport)}
		loopback := &Loopback{Base: sent}
		for range 2 {
			_, err := loopback.RoundTrip(newRequest(t, "GET", "https://"+address+"/v2/", nil))
			var certificate *tls.CertificateVerificationError
			if !errors.As(err, &certificate) {
				t.Errorf("%s: error %v, want a *tls.CertificateVerificationError", name, err)
			}
		}
		sent.want(t, name, "GET http /v2/", "GET https /v2/", "GET https /v2/")
	}
}

func TestLoopbackProbesBeforeBodyAndCredentials(t *testing.T) {
	ca := newAuthority(t)
	handler := func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }
	plain := httptest.NewServer(http.HandlerFunc(handler))
	defer plain.Close()
	secure := ca.serve(t, handler)
	for scheme, server := range map[string]*httptest.Server{"http": plain, "https": secure} {
		address := server.Listener.Addr().String()
		probe := []string{"GET http /v2/"}
		if scheme == "https" {
			probe = append(probe, "GET https /v2/")
		}
		for name, test := range map[string]struct {
			method, body, header string
			want                 string
		}{
			"body":          {"PUT", "content", "", "PUT " + scheme + " /x with body"},
			"body of a GET": {"GET", "content", "", "GET " + scheme + " /x with body"},
			"credentials":   {"GET", "", "Authorization", "GET " + scheme + " /x with credentials"},
			"cookie":        {"GET", "", "Cookie", "GET " + scheme + " /x"},
			"POST":          {"POST", "", "", "POST " + scheme + " /x"},
		} {
			sent := &sentLog{Base: &Transport{TLS: TLSOptions{Insecure: true}}}
			loopback := &Loopback{Base: sent}
			req := newRequest(t, test.method, "https://"+address+"/x", strings.NewReader(test.body))
			if test.header != "" {
				req.Header.Set(test.header, "secret")
			}
			if got := loopback.Scheme(req.URL); got != "http" {
				t.Errorf("%s %s: before the probe the scheme is %s", scheme, name, got)
			}
			resp, err := loopback.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := loopback.Scheme(req.URL); got != scheme {
				t.Errorf("%s %s: after the probe the scheme is %s", scheme, name, got)
			}
			if got := readAll(t, resp); got != test.body || resp.Request.URL.Scheme != scheme {
				t.Errorf("%s %s: sent %q, got %q from %s", scheme, name, test.body, got, resp.Request.URL)
			}
			sent.want(t, scheme+" "+name, append(probe, test.want)...)
		}
	}
}

func TestLoopbackSendsNothingAfterFailedProbe(t *testing.T) {
	for name, address := range map[string]string{
		"no server":        closedAddress(t),
		"neither protocol": closingServer(t),
	} {
		sent := &sentLog{Base: new(Transport)}
		loopback := &Loopback{Base: sent}
		body := &closeRecorder{Reader: strings.NewReader("content")}
		resp, err := loopback.RoundTrip(newRequest(t, "PUT", "https://"+address+"/x", body))
		if err == nil {
			t.Errorf("%s: status %d, want an error", name, resp.StatusCode)
		}
		for _, line := range sent.lines {
			if strings.Contains(line, "PUT") {
				t.Errorf("%s: sent %s", name, line)
			}
		}
		if !body.closed {
			t.Errorf("%s: the body was not closed", name)
		}
		if len(loopback.hosts) != 0 {
			t.Errorf("%s: a probe without an outcome is kept", name)
		}
	}
}

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error { c.closed = true; return nil }

// A refused connection is inconclusive only on http's default port: https has another.
func TestLoopbackTriesHTTPSAfterRefusedDefaultPort(t *testing.T) {
	refused := refused()
	sent := &sentLog{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Scheme == "http" {
			return nil, refused
		}
		return answer(req, 200, ""), nil
	})}
	loopback := &Loopback{Base: sent}
	if _, err := loopback.RoundTrip(newRequest(t, "GET", "https://localhost/v2/", nil)); err != nil {
		t.Error(err)
	}
	if _, err := loopback.RoundTrip(newRequest(t, "GET", "https://localhost:5000/v2/", nil)); !errors.Is(err, refused) {
		t.Errorf("error %v, want the refused connection", err)
	}
	sent.want(t, "requests", "GET http /v2/", "GET https /v2/", "GET http /v2/")
}

func TestLoopbackPassesOtherHosts(t *testing.T) {
	for _, url := range []string{
		"https://registry.example/v2/", "https://10.0.0.1/v2/", "https://192.168.1.1:5000/v2/", "https://0.0.0.0:5000/v2/",
		"https://localhost.example/v2/", "https://127.0.0.1.example/v2/", "https://[fe80::1]/v2/",
		"http://localhost:5000/v2/", "http://127.0.0.1/v2/",
	} {
		req := newRequest(t, "GET", url, nil)
		sent := 0
		loopback := &Loopback{Base: responder(func(r *http.Request) *http.Response {
			if sent++; r != req || sent > 1 {
				t.Errorf("%s: the request was copied or sent twice", url)
			}
			return answer(r, 400, wrongScheme)
		})}
		resp, err := loopback.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 400 || resp.Request.URL.String() != url || loopback.Scheme(req.URL) != req.URL.Scheme {
			t.Errorf("%s: status %d from %s", url, resp.StatusCode, resp.Request.URL)
		}
	}
}

func TestLoopbackAppliesToOneInsecureHost(t *testing.T) {
	sent := &sentLog{Base: always(200, "")}
	loopback := &Loopback{Base: sent, Insecure: "Registry.example:5000"}
	for _, url := range []string{
		"https://registry.example:5000/insecure", "https://registry.example/other-port", "https://auth.example:5000/token",
	} {
		if _, err := loopback.RoundTrip(newRequest(t, "GET", url, nil)); err != nil {
			t.Error(err)
		}
	}
	sent.want(t, "requests", "GET http /insecure", "GET https /other-port", "GET https /token")
}

func TestLoopbackAppliesToLoopbackHosts(t *testing.T) {
	for _, host := range []string{
		"localhost", "LOCALHOST:5000", "localhost.:5000",
		"127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "[::ffff:127.0.0.1]:5000",
	} {
		loopback := &Loopback{Base: responder(func(r *http.Request) *http.Response {
			if r.URL.Scheme != "http" || r.URL.Host != host {
				t.Errorf("%s: sent to %s", host, r.URL)
			}
			return answer(r, 200, "")
		})}
		if _, err := loopback.RoundTrip(newRequest(t, "GET", "https://"+host+"/v2/", nil)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoopbackProbesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		sent := &sentLog{Base: responder(func(req *http.Request) *http.Response {
			if req.URL.Scheme == "http" {
				<-open
				return answer(req, 400, wrongScheme)
			}
			return answer(req, 200, "")
		})}
		loopback := &Loopback{Base: sent}
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				resp, err := loopback.RoundTrip(newRequest(t, "GET", "https://localhost:5000/v2/", nil))
				if err != nil || resp.StatusCode != 200 {
					t.Errorf("%v, error %v", resp, err)
				}
			})
		}
		group.Go(func() {
			put := newRequest(t, "PUT", "https://localhost:5000/x", strings.NewReader("content"))
			if _, err := loopback.RoundTrip(put); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if len(sent.lines) != 1 {
			t.Errorf("%d requests before the probe's end, want 1", len(sent.lines))
		}
		close(open)
		group.Wait()
		plain := 0
		for _, line := range sent.lines {
			if strings.Contains(line, " http ") {
				plain++
			}
		}
		if plain != 1 {
			t.Errorf("%d requests were sent as http, want 1", plain)
		}
	})
}

func TestLoopbackReturnsCancellationOfProbe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	loopback := &Loopback{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Scheme == "http" {
			return nil, io.EOF
		}
		cancel()
		return nil, req.Context().Err()
	})}
	_, err := loopback.RoundTrip(newRequest(t, "GET", "https://localhost:5000/v2/", nil).WithContext(ctx))
	if !errors.Is(err, context.Canceled) || len(loopback.hosts) != 0 {
		t.Errorf("error %v with %d hosts probed, want context.Canceled and none", err, len(loopback.hosts))
	}
}

func TestLoopbackKeepsErrorOfBody(t *testing.T) {
	broken := errors.New("broken")
	loopback := &Loopback{Base: responder(func(req *http.Request) *http.Response {
		body := io.NopCloser(io.MultiReader(strings.NewReader("start"), iotest.ErrReader(broken)))
		return newResponse(req, 400, -1, body)
	})}
	resp, err := loopback.RoundTrip(newRequest(t, "GET", "https://localhost:5000/v2/", nil))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(resp.Body); string(got) != "start" || err != broken {
		t.Errorf("%q, error %v; want the start and the body's error", got, err)
	}
}

func TestLoopbackProbesAgainAfterCancelledProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		loopback := &Loopback{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
			if first {
				first = false
				return hang(req)
			}
			return answer(req, 200, ""), nil
		})}
		get := func(ctx context.Context) error {
			_, err := loopback.RoundTrip(newRequest(t, "GET", "https://localhost:5000/v2/", nil).WithContext(ctx))
			return err
		}
		probing, cancelProbing := context.WithCancel(t.Context())
		waiting, cancelWaiting := context.WithCancel(t.Context())
		var group sync.WaitGroup
		expect := func(ctx context.Context, want error) {
			group.Go(func() {
				if err := get(ctx); !errors.Is(err, want) {
					t.Errorf("error %v, want %v", err, want)
				}
			})
			synctest.Wait()
		}
		expect(probing, context.Canceled)
		expect(waiting, context.Canceled)
		expect(t.Context(), nil)
		expect(t.Context(), nil)
		cancelWaiting() // ends only its own request
		synctest.Wait()
		cancelProbing() // the next request probes
		group.Wait()
		if got := loopback.hosts["localhost:5000"].scheme; got != "http" {
			t.Errorf("scheme %q, want http", got)
		}
	})
}
