package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

func TestHostPatternMatches(t *testing.T) {
	tests := map[string]struct{ matches, others string }{
		"registry.example": {
			"http://registry.example https://registry.example:5000 https://REGISTRY.example.",
			"https://a.registry.example https://registry.example.org"},
		"Registry.Example.": {"http://registry.example", "http://other.example"},
		"registry.example:443": {
			"https://registry.example https://registry.example:443 http://registry.example:443",
			"http://registry.example https://registry.example:80"},
		"*.example": {
			"https://a.example https://b.a.example:5000",
			"https://example https://aexample https://example.org"},
		"*.example:5000": {"https://a.example:5000", "https://a.example"},
		"127.0.0.1:5000": {"http://127.0.0.1:5000", "http://127.0.0.1:5001 http://localhost:5000"},
		"::1":            {"http://[::1]:5000 http://[::1]", "http://[::2]"},
		"[::1]:5000":     {"http://[::1]:5000", "http://[::1]"},
	}
	for text, test := range tests {
		p := hostPattern(t, text)
		for list, want := range map[string]bool{test.matches: true, test.others: false} {
			for address := range strings.FieldsSeq(list) {
				u, err := url.Parse(address)
				if err != nil {
					t.Fatal(err)
				}
				if got := p.Matches(u); got != want {
					t.Errorf("%s and %s: %v", text, address, got)
				}
			}
		}
	}
}

func TestParseHostPatternRejectsOtherText(t *testing.T) {
	for _, text := range []string{
		"", "*", "*.", "a.*.example", "*a.example", "https://a.example", "a.example/b", "me@a.example",
		"a:b", "a:", ":5000", "a b",
	} {
		if p, err := ParseHostPattern(text); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
}

func hostPattern(t *testing.T, text string) HostPattern {
	t.Helper()
	p, err := ParseHostPattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sendUnder makes a call under rules. If it is allowed, it gets the response.
func sendUnder(t *testing.T, r *PolicyRules, method, address, body, response string) error {
	t.Helper()
	policy := &Policy{Rules: r, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return nil, err
			}
			req.Body.Close()
		}
		return answer(req, 200, response), nil
	})}
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	return sendThrough(policy, newRequest(t, method, address, content))
}

// sendThrough sends a request and reads the response's body to its end.
func sendThrough(rt http.RoundTripper, req *http.Request) error {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func TestRulesAllowAndRefuseCalls(t *testing.T) {
	type call struct {
		method, url, body, response string
		refusedBy                   string // the policy, empty if the call is allowed
	}
	const host, manifest = "https://registry.example", "https://registry.example/v2/a/manifests/1"
	tests := map[string]struct {
		rules *PolicyRules
		calls []call
	}{
		"nil":  {nil, []call{{"DELETE", host + "/", "", "", ""}}},
		"zero": {&PolicyRules{}, []call{{"DELETE", host + "/", "x", "x", ""}}},
		"hosts": {&PolicyRules{Hosts: []HostPattern{hostPattern(t, "registry.example"), hostPattern(t, "*.cdn.example")}}, []call{
			{"GET", host + "/v2/", "", "", ""},
			{"GET", "https://a.cdn.example/x", "", "", ""},
			{"GET", "https://cdn.example/x", "", "", "allow-host"},
		}},
		"read-only": {&PolicyRules{ReadOnly: true}, []call{
			{"GET", manifest, "", "", ""},
			{"HEAD", manifest, "", "", ""},
			{"POST", "https://a.example/token", "x", "", ""},
			{"POST", host + "/v2/a/blobs/uploads/", "", "", "read-only"},
		}},
		"read-only, DELETE": {&PolicyRules{ReadOnly: true}, []call{{"DELETE", manifest, "", "", "read-only"}}},
		"calls": {&PolicyRules{MaxCalls: 2}, []call{
			{"GET", host, "", "", ""},
			{"GET", host, "", "", ""},
			{"GET", host, "", "", "max-calls"},
		}},
		"bytes in both directions": {&PolicyRules{MaxBytes: 10}, []call{
			{"PUT", host, "12345", "1234", ""},
			{"GET", host, "", "1", ""},
			{"GET", host, "", "", ""},
			{"GET", host, "", "1", "max-bytes"},
		}},
		"bytes sent": {&PolicyRules{MaxBytes: 10}, []call{
			{"PUT", host, "1234567890", "", ""},
			{"PUT", host, "1", "", "max-bytes"},
		}},
		"after a refusal": {&PolicyRules{MaxCalls: 1, ReadOnly: true}, []call{
			{"PUT", manifest, "", "", "read-only"},
			{"GET", host, "", "", "read-only"},
		}},
	}
	for name, test := range tests {
		for i, c := range test.calls {
			err := sendUnder(t, test.rules, c.method, c.url, c.body, c.response)
			var refusal PolicyError
			if p := new(PolicyError); errors.As(err, &p) {
				refusal = *p
			}
			if (err == nil) != (c.refusedBy == "") || refusal.Policy != c.refusedBy || err != nil && refusal.Method != c.method {
				t.Errorf("%s, call %d: error %v, want a refusal by %q", name, i+1, err, c.refusedBy)
			}
			if err != nil && (IsTransient(err) || IsTransient(errors.New(err.Error()))) {
				t.Errorf("Retry would repeat %v", err)
			}
		}
	}
}

func TestMaxBytesCutsOffBodyOfUnknownLength(t *testing.T) {
	rules := &PolicyRules{MaxBytes: 10}
	sent := 0
	policy := &Policy{Rules: rules, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		content, err := io.ReadAll(req.Body)
		req.Body.Close()
		if sent = len(content); err != nil {
			return nil, err
		}
		resp := answer(req, 200, "1234567890")
		resp.ContentLength = -1
		return resp, nil
	})}
	put := func(body string) error {
		stream := io.MultiReader(strings.NewReader(body))
		return sendThrough(policy, newRequest(t, "PUT", "https://registry.example/", stream))
	}
	if err := put("123"); !errors.As(err, new(*PolicyError)) {
		t.Errorf("3 bytes sent and 10 received of 10: %v", err)
	}
	*rules = PolicyRules{MaxBytes: 10}
	if err := put("12345678901"); !errors.As(err, new(*PolicyError)) || sent != 10 {
		t.Errorf("%d bytes sent of 10: %v", sent, err)
	}
	*rules = PolicyRules{MaxBytes: 20}
	if err := put("1234567890"); err != nil || rules.bytes != 20 {
		t.Errorf("10 bytes sent and 10 received of 20: %v, %d counted", err, rules.bytes)
	}
}

func TestMaxBytesReleasesBytesNotSent(t *testing.T) {
	rules := &PolicyRules{MaxBytes: 10}
	broken := errors.New("broken")
	policy := &Policy{Rules: rules, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		req.Body.Read(make([]byte, 3))
		req.Body.Close()
		return nil, broken
	})}
	for range 2 {
		req := newRequest(t, "PUT", "https://registry.example/", strings.NewReader("1234567"))
		if err := sendThrough(policy, req); err != broken {
			t.Error(err)
		}
	}
	if rules.bytes != 6 {
		t.Errorf("%d bytes counted, 6 were sent", rules.bytes)
	}
}

func TestMaxBytesBoundsConcurrentCalls(t *testing.T) {
	reports := 0
	rules := &PolicyRules{MaxBytes: 100, OnRefusal: func(*PolicyError) { reports++ }}
	var group sync.WaitGroup
	var mu sync.Mutex
	sent := 0
	for range 50 {
		group.Go(func() {
			if err := sendUnder(t, rules, "PUT", "https://registry.example/", "1234567", ""); err == nil {
				mu.Lock()
				defer mu.Unlock()
				sent += 7
			}
		})
	}
	group.Wait()
	if sent > 100 || reports != 1 || rules.Refusal() == nil {
		t.Errorf("%d bytes sent, %d reports, refusal %v", sent, reports, rules.Refusal())
	}
}

func TestRecordReportsRefusal(t *testing.T) {
	var got calls
	record := &Recorder{OnCall: got.add, Base: &Policy{Rules: &PolicyRules{ReadOnly: true}}}
	const address = "https://registry.example/v2/a/manifests/1"
	_, err := record.RoundTrip(newRequest(t, "PUT", address+"?x=secret", strings.NewReader("x")))
	want := fmt.Sprintf("policy read-only refuses PUT %s?x=REDACTED: it may change something", address)
	if len(got) != 1 || got[0].Err != err || err.Error() != want || got[0].Sent != 0 || got[0].StatusCode != 0 {
		t.Errorf("%v, calls %+v", err, got)
	}
}
