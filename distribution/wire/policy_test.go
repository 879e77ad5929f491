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

func TestHostPattern(t *testing.T) {
	tests := map[string]struct{ match, differ string }{
		"registry.example":     {"http://registry.example https://registry.example:5000 https://REGISTRY.example.", "https://a.registry.example https://registry.example.org"},
		"Registry.Example.":    {"http://registry.example", "http://other.example"},
		"registry.example:443": {"https://registry.example https://registry.example:443 http://registry.example:443", "http://registry.example https://registry.example:80"},
		"*.example":            {"https://a.example https://b.a.example:5000", "https://example https://aexample https://example.org"},
		"*.example:5000":       {"https://a.example:5000", "https://a.example"},
		"127.0.0.1:5000":       {"http://127.0.0.1:5000", "http://127.0.0.1:5001 http://localhost:5000"},
		"::1":                  {"http://[::1]:5000 http://[::1]", "http://[::2]"},
		"[::1]:5000":           {"http://[::1]:5000", "http://[::1]"},
	}
	for text, test := range tests {
		p, err := ParseHostPattern(text)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, list := range []string{test.match, test.differ} {
			for address := range strings.FieldsSeq(list) {
				u, err := url.Parse(address)
				if err != nil {
					t.Fatal(err)
				}
				if got := p.Matches(u); got != (i == 0) {
					t.Errorf("%s and %s: %v", text, address, got)
				}
			}
		}
	}
	for _, text := range []string{"", "*", "*.", "a.*.example", "*a.example", "https://a.example", "a.example/b", "me@a.example", "a:b", "a:", ":5000", "a b"} {
		if p, err := ParseHostPattern(text); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
}

// send makes a call under rules; what it may answers with a body of the text.
func send(t *testing.T, r *Rules, method, address, body, answered string) error {
	t.Helper()
	policy := &Policy{Rules: r, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return nil, err
			}
			req.Body.Close()
		}
		return answer(req, 200, answered), nil
	})}
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	return sendOver(t, policy, newRequest(t, method, address, content))
}

func sendOver(t *testing.T, rt http.RoundTripper, req *http.Request) error {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func pattern(t *testing.T, text string) HostPattern {
	t.Helper()
	p, err := ParseHostPattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each rule lets its calls pass and refuses the others, which are not sent.
func TestRules(t *testing.T) {
	type call struct {
		method, url, body, answer string
		refused                   string // the policy
	}
	const host = "https://registry.example"
	tests := map[string]struct {
		rules *Rules
		calls []call
	}{
		"none":            {nil, []call{{"DELETE", host + "/", "", "", ""}}},
		"nothing bound":   {&Rules{}, []call{{"DELETE", host + "/", "x", "x", ""}}},
		"hosts":           {&Rules{Hosts: []HostPattern{pattern(t, "registry.example"), pattern(t, "*.cdn.example")}}, []call{{"GET", host + "/v2/", "", "", ""}, {"GET", "https://a.cdn.example/x", "", "", ""}, {"GET", "https://cdn.example/x", "", "", "allow-host"}}},
		"reads":           {&Rules{ReadOnly: true}, []call{{"GET", host + "/v2/a/manifests/1", "", "", ""}, {"HEAD", host + "/v2/a/manifests/1", "", "", ""}, {"POST", "https://a.example/token", "x", "", ""}, {"POST", host + "/v2/a/blobs/uploads/", "", "", "read-only"}}},
		"no deletes":      {&Rules{ReadOnly: true}, []call{{"DELETE", host + "/v2/a/manifests/1", "", "", "read-only"}}},
		"calls":           {&Rules{MaxCalls: 2}, []call{{"GET", host, "", "", ""}, {"GET", host, "", "", ""}, {"GET", host, "", "", "max-calls"}}},
		"bytes both ways": {&Rules{MaxBytes: 10}, []call{{"PUT", host, "12345", "1234", ""}, {"GET", host, "", "1", ""}, {"GET", host, "", "", ""}, {"GET", host, "", "1", "max-bytes"}}},
		"bytes sent":      {&Rules{MaxBytes: 10}, []call{{"PUT", host, "1234567890", "", ""}, {"PUT", host, "1", "", "max-bytes"}}},
		"over":            {&Rules{MaxCalls: 1, ReadOnly: true}, []call{{"PUT", host + "/v2/a/manifests/1", "", "", "read-only"}, {"GET", host, "", "", "read-only"}}},
	}
	for name, test := range tests {
		for i, c := range test.calls {
			err := send(t, test.rules, c.method, c.url, c.body, c.answer)
			var refusal *PolicyError
			if errors.As(err, &refusal); c.refused == "" && err != nil || c.refused != "" && (refusal == nil || refusal.Policy != c.refused || refusal.Method != c.method) {
				t.Errorf("%s, call %d: %v, want %q", name, i+1, err, c.refused)
			}
			if transientError(errors.New(fmt.Sprint(err))) || err != nil && transientError(err) {
				t.Errorf("%v would be repeated", err)
			}
		}
	}
}

// A body that is not announced is cut off.
func TestBytesOfUnknownLength(t *testing.T) {
	rules := &Rules{MaxBytes: 10}
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
	stream := func(text string) *http.Request {
		return newRequest(t, "PUT", "https://registry.example/", io.MultiReader(strings.NewReader(text)))
	}
	if err := sendOver(t, policy, stream("123")); !errors.As(err, new(*PolicyError)) {
		t.Errorf("3 of 10 bytes sent, 10 come: %v", err)
	}
	*rules = Rules{MaxBytes: 10}
	if err := sendOver(t, policy, stream("12345678901")); !errors.As(err, new(*PolicyError)) || sent != 10 {
		t.Errorf("%d bytes sent: %v", sent, err)
	}
	*rules = Rules{MaxBytes: 20}
	if err := sendOver(t, policy, stream("1234567890")); err != nil || rules.bytes != 20 {
		t.Errorf("20 of 20 bytes: %v, %d counted", err, rules.bytes)
	}
}

// What is announced and does not pass is not counted in the end.
func TestBytesGivenBack(t *testing.T) {
	rules := &Rules{MaxBytes: 10}
	broken := errors.New("broken")
	policy := &Policy{Rules: rules, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		req.Body.Read(make([]byte, 3))
		req.Body.Close()
		return nil, broken
	})}
	for range 2 {
		if err := sendOver(t, policy, newRequest(t, "PUT", "https://registry.example/", strings.NewReader("1234567"))); err != broken {
			t.Error(err)
		}
	}
	if rules.bytes != 6 {
		t.Errorf("%d bytes counted, 6 were sent", rules.bytes)
	}
}

// Side by side no more passes than may.
func TestRulesConcurrently(t *testing.T) {
	told := 0
	rules := &Rules{MaxBytes: 100, OnRefusal: func(*PolicyError) { told++ }}
	var group sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for range 50 {
		group.Go(func() {
			if err := send(t, rules, "PUT", "https://registry.example/", "1234567", ""); err == nil {
				mu.Lock()
				defer mu.Unlock()
				passed += 7
			}
		})
	}
	group.Wait()
	if passed > 100 || told != 1 || rules.Refusal() == nil {
		t.Errorf("%d bytes passed, told %d times, %v", passed, told, rules.Refusal())
	}
}

// A refusal is recorded, and says that nothing was sent.
func TestRefusalIsRecorded(t *testing.T) {
	var got calls
	record := &Record{OnCall: got.add, Base: &Policy{Rules: &Rules{ReadOnly: true}}}
	_, err := record.RoundTrip(newRequest(t, "PUT", "https://registry.example/v2/a/manifests/1?x=secret", strings.NewReader("x")))
	want := "policy read-only refuses PUT https://registry.example/v2/a/manifests/1?x=REDACTED: it may change something"
	if len(got) != 1 || got[0].Err != err || err.Error() != want || got[0].Sent != 0 || got[0].StatusCode != 0 {
		t.Errorf("%v, calls %+v", err, got)
	}
}
