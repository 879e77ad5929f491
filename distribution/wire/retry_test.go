package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRetryRepeatsTransientStatuses(t *testing.T) {
	for status, want := range map[int]int{
		200: 1, 201: 1, 202: 1, 206: 1, 301: 1, 307: 1, 400: 1, 401: 1, 403: 1, 404: 1,
		405: 1, 413: 1, 416: 1, 418: 1, 501: 1, 505: 1, 507: 1,
		408: 6, 429: 6, 500: 6, 502: 6, 503: 6, 504: 6,
	} {
		sent := 0
		retry := &Retry{Sleep: noSleep(nil), Base: responder(func(req *http.Request) *http.Response {
			sent++
			return answer(req, status, fmt.Sprint("body ", sent))
		})}
		resp, err := retry.RoundTrip(newRequest(t, "GET", "https://registry.example/v2/", nil))
		if err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		if body := readAll(t, resp); sent != want || resp.StatusCode != status || body != fmt.Sprint("body ", want) {
			t.Errorf("%d: sent %d times, got %d %q; want %d times and the last response unchanged",
				status, sent, resp.StatusCode, body, want)
		}
	}
}

// opError is the error of a failed operation on a TCP connection.
func opError(op string, err error) error { return &net.OpError{Op: op, Net: "tcp", Err: err} }

// errTLSTimeout is the error of net/http for a handshake that takes too long.
type errTLSTimeout struct{}

func (errTLSTimeout) Error() string { return "net/http: TLS handshake timeout" }
func (errTLSTimeout) Timeout() bool { return true }

// refused is the error of a connection that a host refuses.
func refused() error { return opError("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)) }

func TestRetryRepeatsTransientErrors(t *testing.T) {
	badCertificate := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	alert := errors.New(`malformed HTTP response "\x15\x03\x01\x00\x02\x02F"`)
	timeout := &timeoutError{text: "too slow"}
	noHost := &net.DNSError{Err: "no such host", IsNotFound: true, IsTemporary: true}
	tests := map[string]struct {
		err  error
		want int
	}{
		"reset":                  {opError("read", os.NewSyscallError("read", syscall.ECONNRESET)), 6},
		"bare reset":             {syscall.ECONNRESET, 6},
		"broken pipe":            {opError("write", os.NewSyscallError("write", syscall.EPIPE)), 6},
		"EOF before response":    {io.EOF, 6},
		"EOF within header":      {fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", io.ErrUnexpectedEOF), 6},
		"idle connection closed": {errors.New("http: server closed idle connection"), 6},
		"timeout":                {timeout, 6},
		"goaway":                 {errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=1"), 6},
		"closed before use":      {errors.New("http2: client conn could not be established"), 6},
		"no answer":              {&timeoutError{text: "no answer", unanswered: true}, 3},
		"TLS timeout":            {errTLSTimeout{}, 3},
		"refused":                {refused(), 3},
		"proxy refused":          {opError("proxyconnect", refused()), 3},
		"proxy timeout":          {opError("proxyconnect", timeout), 3},
		"dial timeout":           {opError("dial", timeout), 3},
		"temporary DNS":          {opError("dial", &net.DNSError{Err: "server misbehaving", IsTemporary: true}), 3},
		"unknown host":           {opError("dial", noHost), 1},
		"canceled":               {fmt.Errorf("wrapped: %w", context.Canceled), 1},
		"certificate":            {badCertificate, 1},
		"certificate and an EOF": {fmt.Errorf("%w: %w", badCertificate, io.EOF), 1},
		"plain http":             {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, 1},
		"scheme mismatch":        {http.ErrSchemeMismatch, 1},
		"alert received":         {opError("remote error", errors.New("tls: bad certificate")), 1},
		"alert sent":             {opError("local error", errors.New("tls: protocol version not supported")), 1},
		"alert as http":          {fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", alert), 1},
		"bad certificate file":   {&CertificateError{"registry.example", "ca.crt", os.ErrNotExist}, 1},
		"unknown":                {errors.New("something else"), 1},
	}
	for name, test := range tests {
		sent := 0
		retry := &Retry{Sleep: noSleep(nil), Base: roundTripper(func(*http.Request) (*http.Response, error) {
			sent++
			return nil, test.err
		})}
		_, err := retry.RoundTrip(newRequest(t, "GET", "https://registry.example/v2/", nil))
		if sent != test.want || err != test.err {
			t.Errorf("%s: sent %d times with error %v, want %d times and the error unchanged", name, sent, err, test.want)
		}
	}
}

func TestRetryRepeatsOnlyRepeatableBodies(t *testing.T) {
	noGetBody := func(req *http.Request) { req.GetBody = nil }
	tests := map[string]struct {
		method string
		body   io.Reader
		change func(*http.Request)
		want   int
	}{
		"no body":                {"PUT", nil, nil, 3},
		"http.NoBody":            {"POST", http.NoBody, nil, 3},
		"GetBody":                {"PUT", strings.NewReader("content"), nil, 3},
		"no GetBody":             {"PUT", strings.NewReader("content"), noGetBody, 1},
		"PATCH with GetBody":     {"PATCH", strings.NewReader("content"), nil, 1},
		"PATCH without a body":   {"PATCH", nil, nil, 1},
		"DELETE without a body":  {"DELETE", nil, nil, 3},
		"POST with form content": {"POST", bytes.NewReader([]byte("content")), nil, 3},
	}
	for name, test := range tests {
		var got []string
		retry := &Retry{Attempts: 3, Sleep: noSleep(nil), Base: roundTripper(func(req *http.Request) (*http.Response, error) {
			content := ""
			if req.Body != nil {
				b, err := io.ReadAll(req.Body)
				if err != nil {
					t.Error(err)
				}
				content = string(b)
				req.Body.Close()
			}
			got = append(got, content)
			return answer(req, 503, ""), nil
		})}
		req := newRequest(t, test.method, "https://registry.example/v2/", test.body)
		if test.change != nil {
			test.change(req)
		}
		if _, err := retry.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		want := make([]string, test.want)
		if hasBody(req) {
			for i := range want {
				want[i] = "content"
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: bodies sent (-want +got):\n%s", name, diff)
		}
	}
}

func TestRetryReturnsErrorOfGetBody(t *testing.T) {
	broken := errors.New("broken")
	retry := &Retry{Sleep: noSleep(nil), Base: always(500, "")}
	req := newRequest(t, "PUT", "https://registry.example/v2/", strings.NewReader("content"))
	req.GetBody = func() (io.ReadCloser, error) { return nil, broken }
	if _, err := retry.RoundTrip(req); !errors.Is(err, broken) {
		t.Errorf("error %v, want the one of GetBody", err)
	}
}

func TestRetryBacksOff(t *testing.T) {
	var waits []time.Duration
	retry := &Retry{
		Attempts: 12, Sleep: noSleep(&waits), MaxWait: time.Millisecond,
		Base: always(502, "", "Retry-After", "3600"),
	}
	if _, err := retry.RoundTrip(newRequest(t, "GET", "https://registry.example/v2/", nil)); err != nil {
		t.Fatal(err)
	}
	if len(waits) != 11 {
		t.Fatalf("%d waits, want 11", len(waits))
	}
	seen := make(map[time.Duration]bool)
	for i, wait := range waits {
		seen[wait] = true
		if ceiling := min(500*time.Millisecond<<i, 30*time.Second); wait < 0 || wait >= ceiling {
			t.Errorf("wait %d is %s, want less than %s", i+1, wait, ceiling)
		}
	}
	if len(seen) < 2 {
		t.Errorf("waits %v have no jitter", waits)
	}
}

func TestRetryObeysRetryAfter(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	tests := map[string]struct {
		status     int
		retryAfter string
		date       string // for the header of that name
		min, max   time.Duration
	}{
		"seconds":          {429, "90", "", 90 * time.Second, 90 * time.Second},
		"seconds of a 503": {503, "90", "", 90 * time.Second, 90 * time.Second},
		"a day":            {429, "86400", "", 24 * time.Hour, 24 * time.Hour},
		"date":             {429, now.Add(time.Hour).Format(http.TimeFormat), "", 59 * time.Minute, time.Hour},
		"date by server's clock": {429, "Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:58:59 GMT",
			time.Minute, time.Minute},
		"date in the past":        {429, "Fri, 31 Dec 1999 23:59:59 GMT", "", 0, 500 * time.Millisecond},
		"Unix time of Docker Hub": {429, "1746136938", "Thu, 01 May 2025 22:01:18 GMT", time.Minute, time.Minute},
		"zero":                    {429, "0", "", 0, 500 * time.Millisecond},
		"nonsense":                {429, "soon", "", 0, 500 * time.Millisecond},
		"not on a 500":            {500, "90", "", 0, 500 * time.Millisecond},
		"not on a 408":            {408, "90", "", 0, 500 * time.Millisecond},
	}
	for name, test := range tests {
		var waits []time.Duration
		var reported []RetryWait
		retry := &Retry{
			Attempts: 2, MaxWait: 24 * time.Hour, Sleep: noSleep(&waits),
			OnWait: func(w RetryWait) { reported = append(reported, w) },
			Base:   always(test.status, "", "Retry-After", test.retryAfter, "Date", test.date),
		}
		if _, err := retry.RoundTrip(newRequest(t, "GET", "https://registry.example:5000/v2/", nil)); err != nil {
			t.Fatal(err)
		}
		if len(waits) != 1 || waits[0] < test.min || waits[0] > test.max {
			t.Errorf("%s: waits %v, want one from %s to %s", name, waits, test.min, test.max)
		}
		want := []RetryWait{{Host: "registry.example:5000", Attempt: 1, StatusCode: test.status, Duration: waits[0]}}
		if diff := cmp.Diff(want, reported); diff != "" {
			t.Errorf("%s: OnWait (-want +got):\n%s", name, diff)
		}
	}
}

func TestRetryFailsAtOnceWhenRetryAfterIsTooLong(t *testing.T) {
	const ever = "9223372036" // the longest time.Duration, in seconds
	tests := map[string]struct {
		deadline   time.Duration
		maxWait    time.Duration
		retryAfter string
		limit      time.Duration
		text       string
	}{
		"deadline":           {10 * time.Second, 0, "30", 10 * time.Second, "30s, until 2000-01-01 00:00:30 UTC"},
		"MaxWait":            {0, 20 * time.Second, "30", 20 * time.Second, "30s, until 2000-01-01 00:00:30 UTC"},
		"deadline before it": {10 * time.Second, 20 * time.Second, "30", 10 * time.Second, "30s, until 2000-01-01 00:00:30 UTC"},
		"default":            {0, 0, "601", 10 * time.Minute, "10m1s, until 2000-01-01 00:10:01 UTC"},
		"for ever":           {0, 0, ever, 10 * time.Minute, "2562047h47m16s, until 2292-04-10 23:47:16 UTC"},
	}
	for name, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			retry := &Retry{
				MaxWait: test.maxWait,
				Sleep:   func(context.Context, time.Duration) error { t.Error("Sleep was called"); return nil },
				Base:    always(429, "", "Retry-After", test.retryAfter),
			}
			req := newRequest(t, "GET", "https://registry.example/v2/", nil)
			if test.deadline > 0 {
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				req = req.WithContext(ctx)
			}
			_, err := retry.RoundTrip(req)
			var got *RetryAfterError
			if !errors.As(err, &got) {
				t.Fatalf("%s: error %v, want a *RetryAfterError", name, err)
			}
			if got.MaxWait != test.limit || !got.Until.Equal(time.Now().Add(got.Wait)) {
				t.Errorf("%s: at most %s, until %s; want %s and the end of the wait", name, got.MaxWait, got.Until, test.limit)
			}
			got.Until = got.Until.UTC()
			text := fmt.Sprintf("GET registry.example: 429 Too Many Requests: the registry asks to wait %s, "+
				"which is more than the %s allowed", test.text, test.limit)
			if err.Error() != text {
				t.Errorf("%s: %q, want %q", name, err, text)
			}
		})
	}
}

// The waits that a registry asks of one request count together.
func TestRetryBoundsAllWaitsOfARequest(t *testing.T) {
	var waits []time.Duration
	retry := &Retry{Sleep: noSleep(&waits), Base: always(503, "", "Retry-After", "240")}
	_, err := retry.RoundTrip(newRequest(t, "GET", "https://registry.example/v2/", nil))
	var late *RetryAfterError
	if !errors.As(err, &late) || late.MaxWait != 2*time.Minute || len(waits) != 2 {
		t.Errorf("error %v after waits %v; want two waits, and 2 minutes left for the third", err, waits)
	}
}

func TestRetryReturnsResponseWhenDeadlineIsNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		retry := &Retry{Attempts: 1000, Base: always(500, "the reason")}
		resp, err := retry.RoundTrip(newRequest(t, "GET", "https://registry.example/v2/", nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, resp); body != "the reason" || ctx.Err() != nil {
			t.Errorf("got %q, context %v; want the last response before the deadline", body, ctx.Err())
		}
	})
}

func TestRetryWaitEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	retry := &Retry{OnWait: func(RetryWait) { cancel() }, Base: responder(func(req *http.Request) *http.Response {
		sent++
		return answer(req, 429, "", "Retry-After", "600")
	})}
	_, err := retry.RoundTrip(newRequest(t, "GET", "https://registry.example/v2/", nil).WithContext(ctx))
	if !errors.Is(err, context.Canceled) || sent != 1 {
		t.Errorf("sent %d times, error %v; want 1 and context.Canceled", sent, err)
	}
}

func TestRetryStopsWhenContextIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	retry := &Retry{Sleep: noSleep(nil), Base: roundTripper(func(*http.Request) (*http.Response, error) {
		sent++
		cancel()
		return nil, io.EOF
	})}
	_, err := retry.RoundTrip(newRequest(t, "GET", "https://registry.example/v2/", nil).WithContext(ctx))
	if err != io.EOF || sent != 1 {
		t.Errorf("sent %d times, error %v; want 1 and EOF", sent, err)
	}
}

func TestRetryNumbersAttempts(t *testing.T) {
	var attempts []int
	retry := &Retry{Attempts: 3, Sleep: noSleep(nil), Base: responder(func(req *http.Request) *http.Response {
		attempts = append(attempts, Attempt(req.Context()))
		return answer(req, 500, "")
	})}
	req := newRequest(t, "GET", "https://registry.example/v2/", nil)
	resp, err := retry.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, attempts); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	if got := Attempt(resp.Request.Context()); got != 3 {
		t.Errorf("the response is of attempt %d, want 3", got)
	}
	if got := Attempt(req.Context()); got != 1 {
		t.Errorf("the caller's request is of attempt %d, want 1", got)
	}
	attempts = nil
	if _, err := retry.RoundTrip(resp.Request); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, attempts); diff != "" {
		t.Errorf("attempts of a request with another's context (-want +got):\n%s", diff)
	}
}

func TestRetryReusesConnections(t *testing.T) {
	var calls, connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, strings.Repeat("an error page, ", 2000))
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	retry := &Retry{Base: new(Transport), Sleep: noSleep(nil)}
	resp, err := retry.RoundTrip(newRequest(t, "GET", server.URL, nil))
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, resp)
	if resp.StatusCode != 200 || calls.Load() != 4 || connections.Load() != 1 {
		t.Errorf("status %d after %d calls on %d connections, want 200 after 4 on 1",
			resp.StatusCode, calls.Load(), connections.Load())
	}
}

// Servers break the connection in the ways whose errors Retry has to recognise.
func TestRetryRepeatsAfterBrokenConnections(t *testing.T) {
	abort := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	closeAfter := func(end func(net.Conn)) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			end(conn)
			conn.Close()
			panic(http.ErrAbortHandler)
		}
	}
	cutHeader := closeAfter(func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 200 OK\r\n") })
	reset := closeAfter(func(conn net.Conn) { conn.(*net.TCPConn).SetLinger(0) })
	ca := newAuthority(t)
	plain := func(t *testing.T, h http.HandlerFunc) *httptest.Server {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server
	}
	for name, test := range map[string]struct {
		serve func(*testing.T, http.HandlerFunc) *httptest.Server
		fail  func(http.ResponseWriter)
		proto string
	}{
		"EOF":          {plain, abort, "HTTP/1.1"},
		"cut header":   {plain, cutHeader, "HTTP/1.1"},
		"reset":        {plain, reset, "HTTP/1.1"},
		"reset stream": {ca.serve, abort, "HTTP/2.0"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			server := test.serve(t, func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) < 3 {
					test.fail(w)
				}
				io.WriteString(w, r.Proto)
			})
			retry := &Retry{Base: &Transport{TLS: TLSOptions{Insecure: true}}, Sleep: noSleep(nil)}
			resp, err := retry.RoundTrip(newRequest(t, "POST", server.URL, nil))
			if err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, resp); got != test.proto || calls.Load() != 3 {
				t.Errorf("%q after %d calls, want %q after 3", got, calls.Load(), test.proto)
			}
		})
	}
}

func TestRetryDoesNotRepeatTLSFailures(t *testing.T) {
	secure := newAuthority(t).serve(t, func(http.ResponseWriter, *http.Request) {})
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, url := range map[string]string{
		"unknown authority": secure.URL,
		"plain http":        strings.Replace(plain.URL, "http", "https", 1),
	} {
		sent := 0
		hosts := new(Transport)
		retry := &Retry{Sleep: noSleep(nil), Base: roundTripper(func(req *http.Request) (*http.Response, error) {
			sent++
			return hosts.RoundTrip(req)
		})}
		// http.Client recognises some errors by their type.
		_, err := (&http.Client{Transport: retry}).Get(url)
		if err == nil || sent != 1 {
			t.Errorf("%s: sent %d times, error %v; want 1 and an error", name, sent, err)
		}
		if name == "plain http" && !errors.Is(err, http.ErrSchemeMismatch) {
			t.Errorf("%s: error %v, want http.ErrSchemeMismatch", name, err)
		}
	}
}

// A host that has answered gets all attempts when it refuses connections, since it may be
// restarting. After a request that failed in this way it gets 3 attempts until it answers again.
func TestRetryTriesKnownHostLonger(t *testing.T) {
	down, sent := false, 0
	retry := &Retry{Sleep: noSleep(nil), Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		sent++
		if down || req.URL.Host == "other.example" {
			return nil, refused()
		}
		return answer(req, 200, ""), nil
	})}
	for i, step := range []struct {
		method, host string
		down         bool
		want         int
	}{
		{"GET", "registry.example", true, 3},
		{"GET", "registry.example", false, 1},
		{"GET", "other.example", false, 3},
		{"PATCH", "registry.example", true, 1},
		{"GET", "registry.example", true, 6},
		{"GET", "registry.example", true, 3},
		{"GET", "registry.example", false, 1},
		{"GET", "registry.example", true, 6},
	} {
		sent, down = 0, step.down
		resp, err := retry.RoundTrip(newRequest(t, step.method, "https://"+step.host+"/v2/", nil))
		if err == nil {
			readAll(t, resp)
		}
		if sent != step.want {
			t.Errorf("step %d: sent %d times, want %d", i+1, sent, step.want)
		}
	}
}
