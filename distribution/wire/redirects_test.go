package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// addresses is a Resolver with the addresses of some names.
type addresses map[string][]string

func (a addresses) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	if network != "ip" {
		return nil, fmt.Errorf("network %q", network)
	}
	texts, ok := a[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var found []netip.Addr
	for _, text := range texts {
		found = append(found, netip.MustParseAddr(text))
	}
	return found, nil
}

var resolver = addresses{
	"public.example":  {"93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"},
	"private.example": {"10.1.2.3"},
	"mapped.example":  {"::ffff:100.64.2.3"},
	"split.example":   {"93.184.216.34", "192.168.1.1"},
	"empty.example":   {},
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestRedirectsCheckRefusesUnsafeTargets(t *testing.T) {
	type redirect struct{ from, to, refused string } // refused is in the error, empty if it is allowed
	tests := []redirect{
		{"https://public.example/", "https://cdn.example/x?sig=secret", ""},
		{"https://public.example/", "https://93.184.216.34/", ""},
		{"https://public.example/", "https://private.example/", ""}, // a name is not looked up
		{"http://public.example/", "https://cdn.example/", ""},
		{"http://public.example/", "http://cdn.example/", ""},

		{"https://public.example/", "ftp://cdn.example/", "only http and https"},
		{"https://public.example/", "/relative", "only http and https"},
		{"https://public.example/", "http://public.example/", "from https to plain http"},
		{"https://localhost:5000/", "http://public.example/", "from https to plain http"},
		{"https://private.example/", "http://localhost/", "from https to plain http"},
		{"https://localhost:5000/", "http://localhost:5000/", ""},
		{"https://127.0.0.1:5000/", "http://[::1]:5000/", ""},
		{"https://localhost:5000/", "http://10.0.0.1/", "from https to plain http"},

		{"https://private.example/", "https://10.0.0.1/", ""},
		{"https://mapped.example/", "https://10.0.0.1/", ""},
		{"https://split.example/", "https://10.0.0.1/", ""},
		{"https://10.0.0.2:5000/", "https://192.168.0.1/", ""},
		{"https://localhost/", "https://127.0.0.1/", ""},
		{"https://100.64.0.1/", "https://100.64.0.2/", ""},

		{"https://93.184.216.34/", "https://10.0.0.1/", "public host"},
		{"https://[2606:2800:220:1::1]/", "https://[fd00::1]/", "public host"},
		{"https://missing.example/", "https://10.0.0.1/", "no such host"},
		{"https://empty.example/", "https://10.0.0.1/", "no address"},
	}
	for _, host := range []string{
		"localhost", "LOCALHOST:5000", "localhost.", "a.localhost",
		"127.0.0.1", "127.9.9.9:5000", "[::1]", "[::ffff:127.0.0.1]",
		"10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "[fe80::1%25eth0]", "[fd00::1]",
		"0.0.0.0", "0.1.2.3", "[::]", "100.100.100.200", "[::ffff:100.100.100.200]", "224.0.0.1",
		"2130706433", "0x7f000001", "127.1", "0x7f.1", "127.0.0.1.", "0177.0.0.1",
	} {
		tests = append(tests, redirect{"https://public.example/", "https://" + host + "/x", "public host"})
	}
	for _, test := range tests {
		from, to := parse(t, test.from), parse(t, test.to)
		err := RedirectRules{Resolver: resolver}.Check(t.Context(), from, to)
		if test.refused == "" {
			if err != nil {
				t.Errorf("%s to %s: %v", test.from, test.to, err)
			}
			continue
		}
		var got *RedirectError
		if !errors.As(err, &got) || !strings.Contains(err.Error(), test.refused) || got.From != from.Host {
			t.Errorf("%s to %s: error %v, want a *RedirectError with %q", test.from, test.to, err, test.refused)
		}
	}
}

func TestRedirectErrorIsRedacted(t *testing.T) {
	check := func(from, to string) error {
		return RedirectRules{Resolver: resolver}.Check(t.Context(), parse(t, from), parse(t, to))
	}
	err := check("https://public.example:5000/v2/", "https://u:secret@10.0.0.1/x?sig=secret")
	want := "public.example:5000 redirects to https://REDACTED@10.0.0.1/x?sig=REDACTED: " +
		"refused, a public host must not lead to an internal address"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	err = check("https://missing.example/", "https://10.0.0.1/")
	var dns *net.DNSError
	if !errors.As(err, &dns) {
		t.Errorf("%v does not wrap the failed lookup", err)
	}
}

func TestRedirectsLooksUpHostsOfInternalTargetsOnly(t *testing.T) {
	for _, to := range []string{"https://cdn.example/", "https://93.184.216.34/", "http://10.0.0.1/"} {
		redirects := RedirectRules{Resolver: unusedResolver{t}}
		redirects.Check(t.Context(), parse(t, "https://public.example/"), parse(t, to))
	}
}

// unusedResolver must not be used.
type unusedResolver struct{ t *testing.T }

func (r unusedResolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	r.t.Errorf("%s was looked up", host)
	return nil, nil
}

// A public host must not lead into a private network through a host of that network.
func TestCheckRedirectChecksEveryHop(t *testing.T) {
	target := newRequest(t, "GET", "https://10.0.0.1/", nil)
	for via, refused := range map[string]bool{
		"https://public.example https://private.example": true,
		"https://private.example https://public.example": true,
		"https://private.example https://10.0.0.9":       false,
	} {
		var hops []*http.Request
		for _, u := range strings.Fields(via) {
			hops = append(hops, newRequest(t, "GET", u, nil))
		}
		if err := (RedirectRules{Resolver: resolver}).CheckRedirect(target, hops); (err != nil) != refused {
			t.Errorf("through %s: error %v", via, err)
		}
	}
}

// net/http turns a PUT that is answered with 301 into a GET, whose 200 would say nothing of the PUT.
func TestCheckRedirectRefusesAnotherMethod(t *testing.T) {
	for status, refused := range map[int]bool{301: true, 302: true, 303: true, 307: false, 308: false} {
		mux := http.NewServeMux()
		mux.HandleFunc("PUT /a", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/b", status) })
		mux.HandleFunc("/b", func(http.ResponseWriter, *http.Request) {})
		server := httptest.NewServer(mux)
		client := &http.Client{CheckRedirect: RedirectRules{}.CheckRedirect}
		resp, err := client.Do(newRequest(t, "PUT", server.URL+"/a", strings.NewReader("x")))
		if err == nil {
			resp.Body.Close()
		}
		if wrong := new(RedirectError); errors.As(err, &wrong) != refused {
			t.Errorf("%d: error %v", status, err)
		}
		server.Close()
	}
}

func TestCheckRedirectAllowsTenWithoutReferer(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path+r.Header.Get("Referer"))
		http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	client := &http.Client{CheckRedirect: RedirectRules{}.CheckRedirect}
	resp, err := client.Get(server.URL + "/")
	var refused *RedirectError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "it would be redirect 11 of one request") {
		t.Errorf("%v, error %v", resp, err)
	}
	var want []string
	for i := range 11 {
		want = append(want, "/"+strings.Repeat("x", i))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths and referers (-want +got):\n%s", diff)
	}
}
