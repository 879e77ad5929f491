package servers

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hczjl/transship/integration/fixture"
)

func TestNginx(t *testing.T) {
	t.Parallel()
	certificates := NewCertificates(t)
	tests := map[string]ProxyOptions{
		"plain":               {},
		"TLS":                 {TLS: certificates},
		"HTTP/2":              {TLS: certificates, HTTP2: true},
		"client certificates": {TLS: certificates, ClientCertificates: true},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users := Options{Users: map[string]string{"alice": "secret"}}
			p := Nginx(t, Debian(t, users), o)
			im := fixture.Real()
			if err := p.Repository("dst/klibc").Push(t.Context(), im, "1"); err != nil {
				t.Fatal(err)
			}
			if err := p.Repository("dst/klibc").Verify(t.Context(), im, "1"); err != nil {
				t.Error(err)
			}
			if calls := p.Calls(t); len(calls) != 0 {
				t.Errorf("calls of the harness:\n%s", calls)
			}
		})
	}
}

// get sends a request to p with one client certificate, or with none.
func get(t *testing.T, p *Proxy, c *Certificates, certificates ...tls.Certificate) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: c.Pool, Certificates: certificates},
		ForceAttemptHTTP2: true,
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(p.URL + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestNginxWantsClientCertificate(t *testing.T) {
	t.Parallel()
	c := NewCertificates(t)
	p := Nginx(t, Debian(t, Options{}), ProxyOptions{TLS: c, ClientCertificates: true})
	want := []int{http.StatusBadRequest, http.StatusBadRequest, http.StatusOK}
	got := []int{
		get(t, p, c),
		get(t, p, c, NewCertificates(t).Client),
		get(t, p, c, c.Client),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("none, of another CA, right one: %s", diff)
	}
}

func TestNginxLogsProtocol(t *testing.T) {
	t.Parallel()
	c := NewCertificates(t)
	for _, http2 := range []bool{false, true} {
		p := Nginx(t, Debian(t, Options{}), ProxyOptions{TLS: c, HTTP2: http2})
		get(t, p, c)
		want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[http2]
		if got := p.Protocols(t); !slices.Equal(got, []string{want}) {
			t.Errorf("HTTP2 %t: %q", http2, got)
		}
	}
}

func TestNginxLimitsBodies(t *testing.T) {
	t.Parallel()
	r := Debian(t, Options{})
	p := Nginx(t, r, ProxyOptions{MaxBody: "1k"})
	for size, want := range map[int]int{1024: http.StatusNotFound, 1025: http.StatusRequestEntityTooLarge} {
		p.ForgetCalls(t)
		r.ForgetCalls(t)
		path := "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000"
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, p.URL+path, bytes.NewReader(make([]byte, size)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		Eventually(t, func() error {
			if len(p.Calls(t)) == 0 {
				return errors.New("nginx has not logged the call")
			}
			return nil
		})
		if diff := cmp.Diff(Calls{{"PATCH", path, "", want}}, p.Calls(t)); diff != "" {
			t.Errorf("%d bytes: %s", size, diff)
		}
		if got := len(r.Calls(t)); got != map[bool]int{true: 1, false: 0}[size <= 1024] {
			t.Errorf("%d bytes: %d calls reached the registry", size, got)
		}
	}
}
