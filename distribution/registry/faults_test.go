package registry_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/distribution/registry"
)

// serveFaults serves a registry in memory behind rules.
func serveFaults(t testing.TB, rules ...registry.Rule) (client, *registry.Faults) {
	f := &registry.Faults{Handler: &registry.Handler{}}
	f.Set(rules...)
	return serve(t, f), f
}

func TestFaultStatus(t *testing.T) {
	c, _ := serveFaults(t,
		registry.Rule{Match: "^GET /v2/$", Skip: 1, Times: 2, Status: 429, Body: "slow down",
			Header: map[string]string{"Retry-After": "7"}},
		registry.Rule{Match: "^HEAD ", Status: 405},
	)
	for i, want := range []int{200, 429, 429, 200} {
		resp := c.do("GET", "/v2/", "")
		if resp.StatusCode != want || want == 429 && (resp.body != "slow down" || resp.Header.Get("Retry-After") != "7") {
			t.Errorf("request %d: got %s %q %v", i, resp.Status, resp.body, resp.Header)
		}
	}
	c.do("HEAD", "/v2/", "").want(t, 405, "")
}

func TestFaultsAreCounted(t *testing.T) {
	c, f := serveFaults(t)
	c.pushBlob("a", "x")
	c.do("GET", "/v2/a/blobs/"+digest("x"), "", "Range: bytes=0-0")
	if f.Count("^POST .*digest=") != 1 || f.Count("^GET ") != 1 || f.Count("") != 2 {
		t.Errorf("got %v", f.Requests())
	}
	if r := f.Requests()[0]; r.Length != 1 || r.URL != "/v2/a/blobs/uploads/?digest="+digest("x") {
		t.Errorf("got %+v", r)
	}
	if r := f.Requests()[1]; r.Header.Get("Range") != "bytes=0-0" {
		t.Errorf("got %+v", r)
	}
	f.ResetRequests()
	if f.Count("") != 0 {
		t.Errorf("got %v", f.Requests())
	}
}

func TestFaultRulesCombine(t *testing.T) {
	c, _ := serveFaults(t,
		registry.Rule{Edit: func(h http.Header) { h.Del("Docker-Distribution-API-Version") }},
		registry.Rule{Header: map[string]string{"X": "y"}},
	)
	c.do("GET", "/v2/", "").want(t, 200, "").wantHeader(t, "Docker-Distribution-API-Version:", "X: y")
}

func TestFaultMountIgnored(t *testing.T) {
	c, _ := serveFaults(t, registry.Rule{Match: "mount=", DropQuery: []string{"mount", "from"}})
	d := c.pushBlob("a", "x")
	c.do("POST", "/v2/b/blobs/uploads/?mount="+d+"&from=a", "").want(t, 202, "")
	c.do("HEAD", "/v2/b/blobs/"+d, "").want(t, 404, "")
}

// TestFaultLocation sets a Location with a host and a query that the PUT must keep.
func TestFaultLocation(t *testing.T) {
	c, f := serveFaults(t)
	f.Set(
		registry.Rule{Match: "^POST", Edit: func(h http.Header) { h.Set("Location", c.url+h.Get("Location")+"?_state=x%2Fy") }},
		registry.Rule{Match: "^PUT [^?]*(\\?digest=[^&]*)?$", Status: 400},
	)
	resp := c.do("POST", "/v2/a/blobs/uploads/", "").want(t, 202, "")
	if !strings.HasPrefix(resp.Header.Get("Location"), "http://127.0.0.1:") {
		t.Errorf("got Location %s", resp.Header.Get("Location"))
	}
	without, _, _ := strings.Cut(resp.path(), "?")
	if got := c.do("PUT", without+"?digest="+digest("x"), "x"); got.StatusCode != 400 {
		t.Errorf("without the query: %s", got.Status)
	}
	c.do("PUT", resp.path()+"&digest="+digest("x"), "x").want(t, 201, "")
}

func TestFaultChunkTooLarge(t *testing.T) {
	c, _ := serveFaults(t, registry.Rule{Match: "^PATCH", LongerThan: 4, Status: 413})
	s := c.startUpload("a")
	if resp := c.do("PATCH", s, "12345"); resp.StatusCode != 413 {
		t.Errorf("got %s", resp.Status)
	}
	c.do("PATCH", s, "1234").want(t, 202, "")
	for body, status := range map[string]int{"56789": 413, "5678": 202} {
		unsized := struct{ *strings.Reader }{strings.NewReader(body)}
		req, err := http.NewRequestWithContext(t.Context(), "PATCH", c.url+s, unsized)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: got %s, want %d", body, resp.Status, status)
		}
	}
	c.do("PUT", s+"?digest="+digest("12345678"), "").want(t, 201, "")
}

func TestFaultCutRequest(t *testing.T) {
	c, _ := serveFaults(t, registry.Rule{Match: "^PATCH", Times: 1, Cut: registry.CutRequest, After: 3})
	s := c.startUpload("a")
	if resp, err := c.try("PATCH", s, "0123456789"); err == nil {
		t.Errorf("got %s", resp.Status)
	}
	c.do("GET", s, "").want(t, 204, "").wantHeader(t, "Range: 0-2")
	c.do("PATCH", s, "3456789").want(t, 202, "")
	c.do("PUT", s+"?digest="+digest("0123456789"), "").want(t, 201, "")
}

func TestFaultCutAnswer(t *testing.T) {
	c, f := serveFaults(t)
	d := c.pushBlob("a", "0123456789")
	f.Set(registry.Rule{Match: "^GET", Cut: registry.CutResponse, After: 3})
	resp, err := c.try("GET", "/v2/a/blobs/"+d, "")
	if err == nil || resp.body != "012" || resp.ContentLength != 10 {
		t.Errorf("got %q of %d bytes, error %v", resp.body, resp.ContentLength, err)
	}
	f.Set(registry.Rule{Match: "^PUT", Cut: registry.CutResponse})
	if resp, err := c.try("PUT", "/v2/a/manifests/1", imageOf("x")); err == nil {
		t.Errorf("got %s", resp.Status)
	}
	c.do("GET", "/v2/a/manifests/1", "").want(t, 200, "")
	f.Set(registry.Rule{Match: "^GET", Cut: registry.CutResponse, After: 1000})
	if resp := c.do("GET", "/v2/a/blobs/"+d, ""); resp.body != "0123456789" {
		t.Errorf("got %q", resp.body)
	}
}

func TestFaultCutLength(t *testing.T) {
	c, f := serveFaults(t)
	d := c.pushBlob("a", "0123456789")
	f.Set(registry.Rule{Match: "^GET", Cut: registry.CutSilently, After: 3})
	if resp := c.do("GET", "/v2/a/blobs/"+d, "").want(t, 200, ""); resp.body != "012" {
		t.Errorf("got %q", resp.body)
	}
}

func TestFaultCorrupt(t *testing.T) {
	c, f := serveFaults(t)
	d := c.pushBlob("a", strings.Repeat("x", 100_000))
	f.Set(registry.Rule{Match: "^GET", Corrupt: true})
	resp := c.do("GET", "/v2/a/blobs/"+d, "").want(t, 200, "")
	if want := string([]byte{^byte('x')}) + strings.Repeat("x", 99_999); resp.body != want {
		t.Errorf("got %d bytes, the first %q", len(resp.body), resp.body[:1])
	}
}

func TestFaultDelay(t *testing.T) {
	c, _ := serveFaults(t, registry.Rule{Delay: 20 * time.Millisecond})
	start := time.Now()
	c.do("GET", "/v2/", "").want(t, 200, "")
	if took := time.Since(start); took < 20*time.Millisecond {
		t.Errorf("took %v", took)
	}
}
