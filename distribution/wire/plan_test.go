package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const planHost = "https://registry.example.com"

// stock is a registry that answers as a test says and notes what it was asked. What is not in it is not there.
type stock struct {
	t       *testing.T
	answers map[string]func(*http.Request) *http.Response // by method and path
	asked   []string
}

func (s *stock) RoundTrip(req *http.Request) (*http.Response, error) {
	line := req.Method + " " + req.URL.RequestURI()
	s.asked = append(s.asked, line)
	if req.Method != http.MethodGet && req.Method != http.MethodHead && req.URL.Path != "/v2/token" {
		s.t.Errorf("%s went out", line)
	}
	if answer := s.answers[req.Method+" "+req.URL.Path]; answer != nil {
		return answer(req), nil
	}
	return answer(req, http.StatusNotFound, ""), nil
}

// always is an answer that does not depend on the request.
func always(status int, body string, header ...string) func(*http.Request) *http.Response {
	return func(req *http.Request) *http.Response { return answer(req, status, body, header...) }
}

// plannedStock is a registry behind a plan.
type plannedStock struct {
	*stock
	plan  *Plan
	chain http.RoundTripper
}

func newPlannedStock(t *testing.T, answers map[string]func(*http.Request) *http.Response) plannedStock {
	s := &stock{t: t, answers: answers}
	p := new(Plan)
	return plannedStock{s, p, p.Over(s)}
}

// send makes a call.
func (s plannedStock) send(method, path string, body io.Reader, header ...string) *http.Response {
	s.t.Helper()
	req := newRequest(s.t, method, planHost+path, body)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.chain.RoundTrip(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp
}

// calls are the plan's, one a line.
func (s plannedStock) calls() string {
	var b strings.Builder
	for _, c := range s.plan.Calls() {
		kind := "expected"
		if c.Made {
			kind = "made"
		}
		if c.Write {
			kind += " write"
		}
		fmt.Fprintf(&b, "%d %s %s sent %d received %d, %s\n", c.StatusCode, c.Method, strings.TrimPrefix(c.URL, planHost), c.Sent, c.Received, kind)
	}
	return b.String()
}

func (s plannedStock) check(what, want string) {
	s.t.Helper()
	if diff := cmp.Diff(strings.TrimLeft(strings.ReplaceAll(want, "\t", ""), "\n"), s.calls()); diff != "" {
		s.t.Errorf("%s: (-want +got):\n%s", what, diff)
	}
}

func (s plannedStock) blobs() string {
	var b strings.Builder
	for _, p := range s.plan.Blobs() {
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%s@%s: %s %d bytes %s", p.Repository, p.Digest, p.Action, p.Size, p.From)))
	}
	return b.String()
}

// stream is a body that can be skipped and must not be read.
type stream struct {
	t               *testing.T
	skipped, closed int
	err             error
}

func (s *stream) Read([]byte) (int, error) { s.t.Error("a body was read"); return 0, io.EOF }
func (s *stream) Close() error             { s.closed++; return nil }
func (s *stream) Skip() error              { s.skipped++; return s.err }

// stream sends a body of a known length.
func (s plannedStock) stream(method, path string, size int64) (*http.Response, *stream) {
	s.t.Helper()
	body := &stream{t: s.t}
	req := newRequest(s.t, method, planHost+path, nil)
	req.Body, req.ContentLength = body, size
	resp, err := s.chain.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if body.skipped != 1 || body.closed != 1 {
		s.t.Errorf("%s %s: the body was skipped %d times and closed %d times", method, path, body.skipped, body.closed)
	}
	return resp, body
}

func TestPlanOfUploads(t *testing.T) {
	s := newPlannedStock(t, nil)
	resp := s.send("POST", "/v2/a/b/blobs/uploads/?mount=sha256:1&from=a%2Fb", http.NoBody)
	to := resp.Header.Get("Location")
	if resp.StatusCode != 202 || !strings.HasPrefix(to, "/v2/a/b/blobs/uploads/") {
		t.Errorf("the session is at %s, status %d", to, resp.StatusCode)
	}
	for _, chunk := range []struct {
		size  int64
		spans string
	}{{4, "0-3"}, {5, "0-8"}} {
		resp, _ := s.stream("PATCH", to, chunk.size)
		if got := resp.Header.Get("Range"); resp.StatusCode != 202 || got != chunk.spans || resp.Header.Get("Location") != to {
			t.Errorf("after the chunk: status %d, range %s", resp.StatusCode, got)
		}
	}
	if resp := s.send("GET", to, nil); resp.StatusCode != 204 || resp.Header.Get("Range") != "0-8" {
		t.Errorf("the session's status is %d, range %s", resp.StatusCode, resp.Header.Get("Range"))
	}
	if resp := s.send("PUT", to+"?digest=sha256:1", http.NoBody); resp.StatusCode != 201 || resp.Header.Get("Docker-Content-Digest") != "sha256:1" {
		t.Errorf("closed with %d, %v", resp.StatusCode, resp.Header)
	}
	other := s.send("POST", "/v2/a/c/blobs/uploads/?mount=sha256:1&from=a%2Fb", http.NoBody)
	whole, _ := s.stream("POST", "/v2/a/b/blobs/uploads/?digest=sha256:2", 7)
	if other.StatusCode != 201 || whole.StatusCode != 201 {
		t.Errorf("mounting what the plan has sent: %d, a blob in one POST: %d", other.StatusCode, whole.StatusCode)
	}
	gone := s.send("POST", "/v2/a/b/blobs/uploads/", http.NoBody).Header.Get("Location")
	s.send("DELETE", gone, nil)
	s.check("calls", `
	202 POST /v2/a/b/blobs/uploads/?mount=sha256:1&from=a%2Fb sent 0 received -1, expected write
	202 PATCH /v2/a/b/blobs/uploads/{session} sent 4 received -1, expected write
	202 PATCH /v2/a/b/blobs/uploads/{session} sent 5 received -1, expected write
	204 GET /v2/a/b/blobs/uploads/{session} sent 0 received -1, expected
	201 PUT /v2/a/b/blobs/uploads/{session}?digest=sha256:1 sent 0 received -1, expected write
	201 POST /v2/a/c/blobs/uploads/?mount=sha256:1&from=a%2Fb sent 0 received -1, expected write
	201 POST /v2/a/b/blobs/uploads/?digest=sha256:2 sent 7 received -1, expected write
	202 POST /v2/a/b/blobs/uploads/ sent 0 received -1, expected write
	204 DELETE /v2/a/b/blobs/uploads/{session} sent 0 received -1, expected write
	`)
	if diff := cmp.Diff("a/b@sha256:1: upload 9 bytes\na/c@sha256:1: mount 9 bytes a/b\na/b@sha256:2: upload 7 bytes\n", s.blobs()); diff != "" {
		t.Errorf("blobs: %s", diff)
	}
	if diff := cmp.Diff([]string{"HEAD /v2/a/b/blobs/sha256:1", "HEAD /v2/a/c/blobs/sha256:1"}, s.asked); diff != "" || s.plan.Questions() != 2 {
		t.Errorf("asked %d: %s", s.plan.Questions(), diff)
	}
	if resp := s.send("HEAD", "/v2/a/b/blobs/sha256:2", nil); resp.StatusCode != 200 || resp.ContentLength != 7 {
		t.Errorf("a blob of the plan: status %d, %d bytes", resp.StatusCode, resp.ContentLength)
	}
}

// A body that cannot be skipped is read and dropped; an error of what it comes from is that of the call.
func TestPlanOfOtherBodies(t *testing.T) {
	s := newPlannedStock(t, nil)
	if resp := s.send("POST", "/v2/a/b/blobs/uploads/?digest=sha256:1", io.MultiReader(strings.NewReader("seven b"))); resp.StatusCode != 201 {
		t.Errorf("status %d", resp.StatusCode)
	}
	if got := s.blobs(); got != "a/b@sha256:1: upload 7 bytes\n" {
		t.Error(got)
	}
	body := &stream{t: t, err: io.ErrClosedPipe}
	req := newRequest(t, "POST", planHost+"/v2/a/b/blobs/uploads/?digest=sha256:2", nil)
	req.Body, req.ContentLength = body, 3
	if _, err := s.chain.RoundTrip(req); err != io.ErrClosedPipe || body.closed != 1 || len(s.blobs()) > 40 {
		t.Errorf("error %v, closed %d times", err, body.closed)
	}
}

func TestPlanOfMounts(t *testing.T) {
	const post, from, own = "/v2/new/blobs/uploads/?mount=sha256:1&from=old", "HEAD /v2/old/blobs/sha256:1", "HEAD /v2/new/blobs/sha256:1"
	has := always(200, "12345")
	for name, test := range map[string]struct {
		path    string
		answers map[string]func(*http.Request) *http.Response
		token   string
		want    string // status, blob, and calls in the plan
		asked   int
	}{
		"there":                {post, map[string]func(*http.Request) *http.Response{from: has}, "", "201 new@sha256:1: mount 5 bytes old 1", 2},
		"in both":              {post, map[string]func(*http.Request) *http.Response{from: has, own: has}, "", "201 new@sha256:1: present 5 bytes 1", 2},
		"in the new only":      {post, map[string]func(*http.Request) *http.Response{own: has}, "", "202 1", 1},
		"itself":               {"/v2/new/blobs/uploads/?mount=sha256:1&from=new", map[string]func(*http.Request) *http.Response{own: has}, "", "201 new@sha256:1: present 5 bytes 1", 1},
		"from anywhere":        {"/v2/new/blobs/uploads/?mount=sha256:1", map[string]func(*http.Request) *http.Response{own: has}, "", "201 new@sha256:1: present 5 bytes 1", 1},
		"at a storage":         {post, map[string]func(*http.Request) *http.Response{from: always(307, "", "Location", "https://cdn.example.com/x")}, "", "201 new@sha256:1: mount -1 bytes old 1", 2},
		"no HEAD":              {post, map[string]func(*http.Request) *http.Response{from: always(405, ""), "GET /v2/old/blobs/sha256:1": has}, "", "201 new@sha256:1: mount 5 bytes old 1", 3},
		"forbidden":            {post, map[string]func(*http.Request) *http.Response{from: always(403, "")}, "", "202 1", 1},
		"refused with a token": {post, map[string]func(*http.Request) *http.Response{from: always(401, "")}, "Bearer x", "202 1", 1},
		"refused without":      {post, map[string]func(*http.Request) *http.Response{from: always(401, "")}, "", "401 1", 1},
		"busy":                 {post, map[string]func(*http.Request) *http.Response{from: always(429, "")}, "", "429 0", 1},
		"busy later":           {post, map[string]func(*http.Request) *http.Response{from: has, own: always(503, "")}, "", "503 0", 2},
	} {
		s := newPlannedStock(t, test.answers)
		header := []string{"User-Agent", "me"}
		if test.token != "" {
			header = append(header, "Authorization", test.token)
		}
		resp := s.send("POST", test.path, http.NoBody, header...)
		got := fmt.Sprintf("%d %s%d", resp.StatusCode, strings.ReplaceAll(s.blobs(), "\n", " "), len(s.plan.Calls()))
		if got != test.want || len(s.asked) != test.asked {
			t.Errorf("%s: got %s, asked %v; want %s", name, got, s.asked, test.want)
		}
		if resp.Request.Method != "POST" {
			t.Errorf("%s: the answer is to a %s", name, resp.Request.Method)
		}
	}
}

// What a plan does not understand goes nowhere.
func TestPlanHoldsBackWhatItDoesNotKnow(t *testing.T) {
	s := newPlannedStock(t, nil)
	for _, line := range []string{"POST /v2/", "POST /v2/a/manifests/1", "PUT /v2/a/blobs/sha256:1", "DELETE /v2/a/blobs/sha256:1", "PATCH /v2/a/manifests/1",
		"PUT /v2/a/blobs/uploads/17?_state=secret", "GET /v2/a/blobs/uploads/17", "DELETE /v2/a/blobs/uploads/17", "POST /v2/a/blobs/uploads/17",
		"PUT /storage/x", "DELETE /", "POST /token", "CONNECT /v2/a/manifests/1"} {
		method, path, _ := strings.Cut(line, " ")
		body := &stream{t: t}
		req := newRequest(t, method, planHost+path, nil)
		req.Body, req.ContentLength = body, 1
		resp, err := s.chain.RoundTrip(req)
		var refused *PlanError
		if resp != nil || !errors.As(err, &refused) || strings.Contains(err.Error(), "secret") || body.closed != 1 {
			t.Errorf("%s: error %v, body closed %d times", line, err, body.closed)
		}
	}
	if len(s.asked)+len(s.plan.Calls()) > 0 {
		t.Errorf("asked %v", s.asked)
	}
}

func TestPlanOfTokens(t *testing.T) {
	s := newPlannedStock(t, map[string]func(*http.Request) *http.Response{"POST /v2/token": always(200, "{}")})
	resp := s.send("POST", "/v2/token", strings.NewReader("a=b"), "Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	s.check("token", "200 POST /v2/token sent 3 received 2, made\n")
}

func TestPlanOfManifests(t *testing.T) {
	there := always(200, "{}", "Docker-Content-Digest", "sha256:9")
	s := newPlannedStock(t, map[string]func(*http.Request) *http.Response{"HEAD /v2/a/manifests/old": there})
	s.send("HEAD", "/v2/a/manifests/old", nil)
	for ref, want := range map[string]bool{"old": true, "sha256:9": true, "new": false} {
		if got := s.plan.HasManifest("registry.example.com", "a", ref); got != want {
			t.Errorf("has %s: %v", ref, got)
		}
	}
	const digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	resp := s.send("PUT", "/v2/a/manifests/new", strings.NewReader("{}"), "Content-Type", "application/x")
	if got := resp.Header.Get("Docker-Content-Digest"); resp.StatusCode != 201 || got != digest {
		t.Errorf("put with %d, %s", resp.StatusCode, got)
	}
	for _, ref := range []string{"new", digest} {
		head, get := s.send("HEAD", "/v2/a/manifests/"+ref, nil), s.send("GET", "/v2/a/manifests/"+ref, nil)
		if head.ContentLength != 2 || head.Header.Get("Content-Type") != "application/x" || readAll(t, get) != "{}" || get.Header.Get("Docker-Content-Digest") != digest {
			t.Errorf("%s is %v and %v", ref, head.Header, get.Header)
		}
	}
	if resp := s.send("PUT", "/v2/a/manifests/sha512:1", strings.NewReader("{}")); resp.Header.Get("Docker-Content-Digest") != "sha512:1" {
		t.Errorf("put by a digest with %v", resp.Header)
	}
	s.send("DELETE", "/v2/a/manifests/new", nil)
	if resp := s.send("GET", "/v2/a/manifests/new", nil); resp.StatusCode != 404 {
		t.Errorf("deleted, then read with status %d", resp.StatusCode)
	}
	s.check("calls", `
	200 HEAD /v2/a/manifests/old sent 0 received 0, made
	201 PUT /v2/a/manifests/new sent 2 received -1, expected write
	200 HEAD /v2/a/manifests/new sent 0 received 0, expected
	200 GET /v2/a/manifests/new sent 0 received 2, expected
	200 HEAD /v2/a/manifests/`+digest+` sent 0 received 0, expected
	200 GET /v2/a/manifests/`+digest+` sent 0 received 2, expected
	201 PUT /v2/a/manifests/sha512:1 sent 2 received -1, expected write
	202 DELETE /v2/a/manifests/new sent 0 received -1, expected write
	404 GET /v2/a/manifests/new sent 0 received 0, expected
	`)
	if list := s.plan.Manifests(); len(list) != 2 || list[0].Reference != "new" || string(list[0].Raw) != "{}" || list[0].MediaType != "application/x" {
		t.Errorf("manifests %v", list)
	}
}

// Whether a registry keeps track of referrers is asked of it once.
func TestPlanOfReferrers(t *testing.T) {
	const question = "GET /v2/a/referrers/sha256:5"
	for name, test := range map[string]struct {
		answer func(*http.Request) *http.Response
		status int
		noted  string
	}{
		"API":          {always(200, "{}", "Content-Type", "application/vnd.oci.image.index.v1+json"), 201, "sha256:5"},
		"none":         {nil, 201, ""},
		"another page": {always(200, "<html>", "Content-Type", "text/html"), 201, ""},
		"busy":         {always(503, ""), 503, ""},
	} {
		s := newPlannedStock(t, map[string]func(*http.Request) *http.Response{question: test.answer})
		for range 2 {
			resp := s.send("PUT", "/v2/a/manifests/x", strings.NewReader(`{"subject":{"digest":"sha256:5"}}`))
			if resp.StatusCode != test.status || resp.Header.Get("OCI-Subject") != test.noted {
				t.Errorf("%s: put with %d, %v", name, resp.StatusCode, resp.Header)
			}
		}
		if n := s.plan.Questions(); n != len(s.asked) || test.status == 201 && n != 1 {
			t.Errorf("%s: asked %v", name, s.asked)
		}
	}
}

func TestPlanOfDownloads(t *testing.T) {
	const path = "/v2/a/blobs/sha256:1"
	first := func(req *http.Request) *http.Response {
		if req.Header.Get("Range") == "" {
			return answer(req, 200, "12345")
		}
		return answer(req, 206, "1", "Content-Range", "bytes 0-0/5")
	}
	for name, test := range map[string]struct {
		answers map[string]func(*http.Request) *http.Response
		status  int
		size    int64
		calls   string
		content string
	}{
		"ranges": {map[string]func(*http.Request) *http.Response{"GET " + path: first}, 200, 5,
			"200 GET " + path + " sent 0 received 5, expected\n", "12345"},
		"no ranges": {map[string]func(*http.Request) *http.Response{"GET " + path: always(200, "12345")}, 200, 5,
			"200 GET " + path + " sent 0 received 5, expected\n", "12345"},
		"an unknown size": {map[string]func(*http.Request) *http.Response{"GET " + path: always(206, "1", "Content-Range", "bytes 0-0/*")}, 200, -1,
			"200 GET " + path + " sent 0 received -1, expected\n", ""},
		"storage": {map[string]func(*http.Request) *http.Response{"GET " + path: always(307, "", "Location", "https://cdn.example.com/x?sig=secret"), "GET /x": first}, 200, 5,
			"307 GET " + path + " sent 0 received 0, made\n200 GET https://cdn.example.com/x?sig=REDACTED sent 0 received 5, expected\n", "12345"},
		"empty": {map[string]func(*http.Request) *http.Response{"GET " + path: func(req *http.Request) *http.Response {
			if req.Header.Get("Range") != "" {
				return answer(req, 416, "")
			}
			return answer(req, 200, "")
		}}, 200, 0, "200 GET " + path + " sent 0 received 0, made\n", ""},
		"not there": {nil, 404, 0, "404 GET " + path + " sent 0 received 0, made\n", ""},
		"busy":      {map[string]func(*http.Request) *http.Response{"GET " + path: always(503, "")}, 503, 0, "", ""},
	} {
		s := newPlannedStock(t, test.answers)
		resp, err := (&http.Client{Transport: s.chain}).Get(planHost + path)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != test.status || resp.ContentLength != test.size {
			t.Errorf("%s: status %d, %d bytes", name, resp.StatusCode, resp.ContentLength)
		}
		s.check(name, test.calls)
		asked := len(s.asked)
		if n, err := resp.Body.Read(nil); n != 0 || err != nil && err != io.EOF || len(s.asked) != asked {
			t.Errorf("%s: an empty read asks %v, error %v", name, s.asked, err)
		}
		if test.content != "" {
			if got := readAll(t, resp); got != test.content {
				t.Errorf("%s: reads %q", name, got)
			}
			s.check(name+", read", test.calls)
		}
	}
}

func TestPlanOfRangesAndClosedBodies(t *testing.T) {
	s := newPlannedStock(t, map[string]func(*http.Request) *http.Response{"GET /v2/a/blobs/sha256:1": func(req *http.Request) *http.Response {
		if req.Header.Get("Range") == "" {
			return answer(req, 500, "")
		}
		return answer(req, 206, "1", "Content-Range", "bytes 0-0/5")
	}})
	if resp := s.send("GET", "/v2/a/blobs/sha256:1", nil, "Range", "bytes=3-"); resp.StatusCode != 206 || s.plan.Questions() != 0 {
		t.Errorf("a range: status %d", resp.StatusCode)
	}
	resp := s.send("GET", "/v2/a/blobs/sha256:1", nil)
	if _, err := io.ReadAll(resp.Body); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("a blob that is not to be had: error %v", err)
	}
	resp = s.send("GET", "/v2/a/blobs/sha256:1", nil)
	resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("read after close")
	}
	s.stream("POST", "/v2/a/blobs/uploads/?digest=sha256:2", 7)
	resp = s.send("GET", "/v2/a/blobs/sha256:2", nil)
	if _, err := io.ReadAll(resp.Body); err == nil || resp.ContentLength != 7 {
		t.Errorf("a blob of the plan has %d bytes, error %v", resp.ContentLength, err)
	}
}

// A repository that only the plan has has its tags.
func TestPlanOfTags(t *testing.T) {
	s := newPlannedStock(t, map[string]func(*http.Request) *http.Response{"GET /v2/old/tags/list": always(200, `{"tags":["x"]}`)})
	for _, repository := range []string{"new", "old"} {
		for _, ref := range []string{"sha256:1", "1", "2"} {
			s.send("PUT", "/v2/"+repository+"/manifests/"+ref, strings.NewReader("{}"))
		}
	}
	for repository, want := range map[string]string{"new": `{"name":"new","tags":["1","2"]}`, "old": `{"tags":["x"]}`, "none": ""} {
		if got := readAll(t, s.send("GET", "/v2/"+repository+"/tags/list", nil)); got != want {
			t.Errorf("%s has %s", repository, got)
		}
	}
}

// A HEAD of the run's own says what a repository has.
func TestPlanLearnsFromReads(t *testing.T) {
	s := newPlannedStock(t, map[string]func(*http.Request) *http.Response{"HEAD /v2/a/blobs/sha512:1": always(200, "12345")})
	s.send("HEAD", "/v2/a/blobs/sha512:1", nil)
	s.send("HEAD", "/v2/a/blobs/sha512:2", nil)
	s.stream("POST", "/v2/a/blobs/uploads/?digest=sha512:1", 7) // it was there before
	if got := s.blobs(); got != "a@sha512:1: present 5 bytes\n" || s.plan.Questions() != 0 {
		t.Errorf("blobs: %s", got)
	}
}

// A registry that does not let itself be read without credentials is not written to without them, and says so as it did.
func TestPlanWithoutCredentials(t *testing.T) {
	no := always(401, "", "Www-Authenticate", "Basic realm=x")
	s := newPlannedStock(t, map[string]func(*http.Request) *http.Response{"HEAD /v2/a/manifests/1": no})
	s.send("HEAD", "/v2/a/manifests/1", nil)
	for range 2 {
		if resp := s.send("POST", "/v2/a/blobs/uploads/", http.NoBody); resp.StatusCode != 401 || resp.Header.Get("Www-Authenticate") != "Basic realm=x" {
			t.Errorf("status %d, %v", resp.StatusCode, resp.Header)
		}
	}
	if resp := s.send("POST", "/v2/a/blobs/uploads/", http.NoBody, "Authorization", "Basic x"); resp.StatusCode != 202 {
		t.Errorf("with credentials: status %d", resp.StatusCode)
	}
	s.check("calls", `
	401 HEAD /v2/a/manifests/1 sent 0 received 0, made
	401 POST /v2/a/blobs/uploads/ sent 0 received -1, expected write
	401 POST /v2/a/blobs/uploads/ sent 0 received -1, expected write
	202 POST /v2/a/blobs/uploads/ sent 0 received -1, expected write
	`)
}
