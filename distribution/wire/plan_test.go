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

// responses are those of a registry, by method and path.
type responses = map[string]responder

// fakeRegistry answers with the responses of a test, else with 404, and logs the requests. A write
// is an error of the test.
type fakeRegistry struct {
	t         *testing.T
	responses responses
	requests  []string
}

func (r *fakeRegistry) RoundTrip(req *http.Request) (*http.Response, error) {
	line := req.Method + " " + req.URL.RequestURI()
	r.requests = append(r.requests, line)
	if !isRead(req) && req.URL.Path != "/v2/token" {
		r.t.Errorf("%s was sent", line)
	}
	if respond := r.responses[req.Method+" "+req.URL.Path]; respond != nil {
		return respond(req), nil
	}
	return answer(req, http.StatusNotFound, ""), nil
}

// plannedRegistry is a registry behind a Plan.
type plannedRegistry struct {
	*fakeRegistry
	plan  *Planner
	chain http.RoundTripper
}

func newPlannedRegistry(t *testing.T, all responses) plannedRegistry {
	r := &fakeRegistry{t: t, responses: all}
	p := new(Planner)
	return plannedRegistry{r, p, p.Over(r)}
}

// send makes a call. header holds names and values in turn.
func (r plannedRegistry) send(method, path string, body io.Reader, header ...string) *http.Response {
	r.t.Helper()
	req := newRequest(r.t, method, planHost+path, body)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.chain.RoundTrip(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp
}

// post begins an upload.
func (r plannedRegistry) post(path string, header ...string) *http.Response {
	r.t.Helper()
	return r.send("POST", path, http.NoBody, header...)
}

// sendSkipped makes a call whose body can be skipped and has size bytes.
func (r plannedRegistry) sendSkipped(method, path string, size int64) *http.Response {
	r.t.Helper()
	body := &skippableBody{t: r.t}
	resp, err := r.chain.RoundTrip(body.request(method, path, size))
	if err != nil {
		r.t.Fatal(err)
	}
	if body.skipped != 1 || body.closed != 1 {
		r.t.Errorf("%s %s: the body was skipped %d times and closed %d times", method, path, body.skipped, body.closed)
	}
	return resp
}

// calls returns the plan's calls, one a line.
func (r plannedRegistry) calls() string {
	var b strings.Builder
	for _, c := range r.plan.Calls() {
		kind := "expected"
		if c.Made {
			kind = "made"
		}
		if c.Write {
			kind += " write"
		}
		url := strings.TrimPrefix(c.URL, planHost)
		fmt.Fprintf(&b, "%d %s %s sent %d received %d, %s\n", c.StatusCode, c.Method, url, c.Sent, c.Received, kind)
	}
	return b.String()
}

// wantStatus compares the status of a response.
func (r plannedRegistry) wantStatus(resp *http.Response, want int) {
	r.t.Helper()
	if resp.StatusCode != want {
		r.t.Errorf("%s %s: status %d, want %d", resp.Request.Method, resp.Request.URL, resp.StatusCode, want)
	}
}

// wantCalls compares the plan's calls with the lines of want, which may be indented.
func (r plannedRegistry) wantCalls(name, want string) {
	r.t.Helper()
	if diff := cmp.Diff(strings.TrimLeft(strings.ReplaceAll(want, "\t", ""), "\n"), r.calls()); diff != "" {
		r.t.Errorf("%s: calls (-want +got):\n%s", name, diff)
	}
}

// blobs returns the plan's blobs, one a line.
func (r plannedRegistry) blobs() string {
	var b strings.Builder
	for _, p := range r.plan.Blobs() {
		line := fmt.Sprintf("%s@%s: %s %d bytes %s", p.Repository, p.Digest, p.Action, p.Size, p.From)
		fmt.Fprintln(&b, strings.TrimSpace(line))
	}
	return b.String()
}

// skippableBody is a body that can be skipped and must not be read.
type skippableBody struct {
	t               *testing.T
	skipped, closed int
	err             error // of Skip
}

func (b *skippableBody) Read([]byte) (int, error) { b.t.Error("a body was read"); return 0, io.EOF }
func (b *skippableBody) Close() error             { b.closed++; return nil }
func (b *skippableBody) Skip() error              { b.skipped++; return b.err }

func (b *skippableBody) request(method, path string, size int64) *http.Request {
	req := newRequest(b.t, method, planHost+path, nil)
	req.Body, req.ContentLength = b, size
	return req
}

func TestPlanAcceptsUploads(t *testing.T) {
	r := newPlannedRegistry(t, nil)
	resp := r.post("/v2/a/b/blobs/uploads/?mount=sha256:1&from=a%2Fb")
	r.wantStatus(resp, 202)
	session := resp.Header.Get("Location")
	if !strings.HasPrefix(session, "/v2/a/b/blobs/uploads/") {
		t.Errorf("the session is at %s", session)
	}
	for _, chunk := range []struct {
		size  int64
		total string // range of all chunks
	}{{4, "0-3"}, {5, "0-8"}} {
		resp := r.sendSkipped("PATCH", session, chunk.size)
		r.wantStatus(resp, 202)
		if h := resp.Header; h.Get("Range") != chunk.total || h.Get("Location") != session {
			t.Errorf("after the chunk: range %s, location %s", h.Get("Range"), h.Get("Location"))
		}
	}
	resp = r.send("GET", session, nil)
	r.wantStatus(resp, 204)
	if got := resp.Header.Get("Range"); got != "0-8" {
		t.Errorf("the session has range %s", got)
	}
	resp = r.send("PUT", session+"?digest=sha256:1", http.NoBody)
	r.wantStatus(resp, 201)
	if digest := resp.Header.Get("Docker-Content-Digest"); digest != "sha256:1" {
		t.Errorf("the blob has digest %q", digest)
	}
	r.wantStatus(r.post("/v2/a/c/blobs/uploads/?mount=sha256:1&from=a%2Fb"), 201)
	r.wantStatus(r.sendSkipped("POST", "/v2/a/b/blobs/uploads/?digest=sha256:2", 7), 201)
	r.send("DELETE", r.post("/v2/a/b/blobs/uploads/").Header.Get("Location"), nil)
	r.wantCalls("uploads", `
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
	want := "a/b@sha256:1: upload 9 bytes\na/c@sha256:1: mount 9 bytes a/b\na/b@sha256:2: upload 7 bytes\n"
	if diff := cmp.Diff(want, r.blobs()); diff != "" {
		t.Errorf("blobs (-want +got):\n%s", diff)
	}
	probes := []string{"HEAD /v2/a/b/blobs/sha256:1", "HEAD /v2/a/c/blobs/sha256:1"}
	if diff := cmp.Diff(probes, r.requests); diff != "" || r.plan.ExtraCalls() != 2 {
		t.Errorf("%d questions (-want +got):\n%s", r.plan.ExtraCalls(), diff)
	}
	if resp := r.send("HEAD", "/v2/a/b/blobs/sha256:2", nil); resp.StatusCode != 200 || resp.ContentLength != 7 {
		t.Errorf("a planned blob: status %d, %d bytes", resp.StatusCode, resp.ContentLength)
	}
}

func TestPlanReadsBodyThatCannotBeSkipped(t *testing.T) {
	r := newPlannedRegistry(t, nil)
	resp := r.send("POST", "/v2/a/b/blobs/uploads/?digest=sha256:1", io.MultiReader(strings.NewReader("seven b")))
	if got := r.blobs(); resp.StatusCode != 201 || got != "a/b@sha256:1: upload 7 bytes\n" {
		t.Errorf("status %d, blobs %s", resp.StatusCode, got)
	}
}

func TestPlanReturnsErrorOfSkip(t *testing.T) {
	r := newPlannedRegistry(t, nil)
	body := &skippableBody{t: t, err: io.ErrClosedPipe}
	_, err := r.chain.RoundTrip(body.request("POST", "/v2/a/b/blobs/uploads/?digest=sha256:2", 3))
	if err != io.ErrClosedPipe || body.closed != 1 || r.blobs() != "" {
		t.Errorf("error %v, closed %d times, blobs %s", err, body.closed, r.blobs())
	}
}

func TestPlanAnswersMounts(t *testing.T) {
	const (
		post      = "/v2/new/blobs/uploads/?mount=sha256:1"
		head, get = "HEAD /v2/old/blobs/sha256:1", "GET /v2/old/blobs/sha256:1"
		headNew   = "HEAD /v2/new/blobs/sha256:1"
	)
	has, noHead := always(200, "12345"), always(405, "")
	stored := always(307, "", "Location", "https://cdn.example.com/x")
	for name, test := range map[string]struct {
		from      string
		responses responses
		token     string
		want      string // status, blob, and calls in the plan
		probes    int
	}{
		"in source":         {"old", responses{head: has}, "", "201 new@sha256:1: mount 5 bytes old 1", 2},
		"in both":           {"old", responses{head: has, headNew: has}, "", "201 new@sha256:1: present 5 bytes 1", 2},
		"in target only":    {"old", responses{headNew: has}, "", "202 1", 1},
		"from target":       {"new", responses{headNew: has}, "", "201 new@sha256:1: present 5 bytes 1", 1},
		"from any":          {"", responses{headNew: has}, "", "201 new@sha256:1: present 5 bytes 1", 1},
		"on a storage host": {"old", responses{head: stored}, "", "201 new@sha256:1: mount -1 bytes old 1", 2},
		"no HEAD":           {"old", responses{head: noHead, get: has}, "", "201 new@sha256:1: mount 5 bytes old 1", 3},
		"forbidden":         {"old", responses{head: always(403, "")}, "", "202 1", 1},
		"401 with a token":  {"old", responses{head: always(401, "")}, "Bearer x", "202 1", 1},
		"401 without":       {"old", responses{head: always(401, "")}, "", "401 1", 1},
		"429 of the source": {"old", responses{head: always(429, "")}, "", "429 0", 1},
		"503 of the target": {"old", responses{head: has, headNew: always(503, "")}, "", "503 0", 2},
	} {
		r := newPlannedRegistry(t, test.responses)
		header := []string{"User-Agent", "me"}
		if test.token != "" {
			header = append(header, "Authorization", test.token)
		}
		path := post
		if test.from != "" {
			path += "&from=" + test.from
		}
		resp := r.post(path, header...)
		got := fmt.Sprintf("%d %s%d", resp.StatusCode, strings.ReplaceAll(r.blobs(), "\n", " "), len(r.plan.Calls()))
		if got != test.want || len(r.requests) != test.probes {
			t.Errorf("%s: got %s, requests %v; want %s", name, got, r.requests, test.want)
		}
		if resp.Request.Method != "POST" {
			t.Errorf("%s: the response is to a %s", name, resp.Request.Method)
		}
	}
}

func TestPlanRefusesUnknownWrites(t *testing.T) {
	r := newPlannedRegistry(t, nil)
	for _, line := range []string{
		"POST /v2/", "POST /v2/a/manifests/1", "PATCH /v2/a/manifests/1", "CONNECT /v2/a/manifests/1",
		"PUT /v2/a/blobs/sha256:1", "DELETE /v2/a/blobs/sha256:1",
		"PUT /v2/a/blobs/uploads/17?_state=secret", "GET /v2/a/blobs/uploads/17",
		"DELETE /v2/a/blobs/uploads/17", "POST /v2/a/blobs/uploads/17",
		"PUT /storage/x", "DELETE /", "POST /token",
	} {
		method, path, _ := strings.Cut(line, " ")
		body := &skippableBody{t: t}
		resp, err := r.chain.RoundTrip(body.request(method, path, 1))
		if resp != nil || !errors.As(err, new(*PlanError)) || strings.Contains(err.Error(), "secret") || body.closed != 1 {
			t.Errorf("%s: error %v, body closed %d times", line, err, body.closed)
		}
	}
	if len(r.requests)+len(r.plan.Calls()) > 0 {
		t.Errorf("requests %v", r.requests)
	}
}

func TestPlanSendsTokenRequests(t *testing.T) {
	r := newPlannedRegistry(t, responses{"POST /v2/token": always(200, "{}")})
	r.wantStatus(r.send("POST", "/v2/token", strings.NewReader("a=b"),
		"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), 200)
	r.wantCalls("token", "200 POST /v2/token sent 3 received 2, made\n")
}

func TestPlanKeepsManifests(t *testing.T) {
	r := newPlannedRegistry(t, responses{
		"HEAD /v2/a/manifests/old": always(200, "{}", "Docker-Content-Digest", "sha256:9"),
	})
	r.send("HEAD", "/v2/a/manifests/old", nil)
	for ref, want := range map[string]bool{"old": true, "sha256:9": true, "new": false} {
		if got := r.plan.HasManifest("registry.example.com", "a", ref); got != want {
			t.Errorf("has %s: %v", ref, got)
		}
	}
	const digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	resp := r.send("PUT", "/v2/a/manifests/new", strings.NewReader("{}"), "Content-Type", "application/x")
	if got := resp.Header.Get("Docker-Content-Digest"); resp.StatusCode != 201 || got != digest {
		t.Errorf("PUT: status %d, digest %s", resp.StatusCode, got)
	}
	want := http.Header{"Content-Type": {"application/x"}, "Docker-Content-Digest": {digest}}
	for _, ref := range []string{"new", digest} {
		head, get := r.send("HEAD", "/v2/a/manifests/"+ref, nil), r.send("GET", "/v2/a/manifests/"+ref, nil)
		if diff := cmp.Diff([]http.Header{want, want}, []http.Header{head.Header, get.Header}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
		if body := readAll(t, get); body != "{}" || head.ContentLength != 2 {
			t.Errorf("%s is %q with length %d", ref, body, head.ContentLength)
		}
	}
	resp = r.send("PUT", "/v2/a/manifests/sha512:1", strings.NewReader("{}"))
	if got := resp.Header.Get("Docker-Content-Digest"); got != "sha512:1" {
		t.Errorf("PUT by digest: digest %s", got)
	}
	r.send("DELETE", "/v2/a/manifests/new", nil)
	r.wantStatus(r.send("GET", "/v2/a/manifests/new", nil), 404)
	r.wantCalls("manifests", `
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
	list := r.plan.Manifests()
	if len(list) != 2 {
		t.Fatalf("manifests %v", list)
	}
	if m := list[0]; m.Reference != "new" || string(m.Raw) != "{}" || m.MediaType != "application/x" {
		t.Errorf("manifest %v", m)
	}
}

func TestPlanAsksOnceForReferrersAPI(t *testing.T) {
	const probe = "GET /v2/a/referrers/sha256:5"
	for name, test := range map[string]struct {
		response responder
		status   int
		subject  string // in the header OCI-Subject
	}{
		"API":         {always(200, "{}", "Content-Type", "application/vnd.oci.image.index.v1+json"), 201, "sha256:5"},
		"none":        {nil, 201, ""},
		"HTML page":   {always(200, "<html>", "Content-Type", "text/html"), 201, ""},
		"unavailable": {always(503, ""), 503, ""},
	} {
		r := newPlannedRegistry(t, responses{probe: test.response})
		for range 2 {
			resp := r.send("PUT", "/v2/a/manifests/x", strings.NewReader(`{"subject":{"digest":"sha256:5"}}`))
			if resp.StatusCode != test.status || resp.Header.Get("OCI-Subject") != test.subject {
				t.Errorf("%s: status %d, %v", name, resp.StatusCode, resp.Header)
			}
		}
		if n := r.plan.ExtraCalls(); n != len(r.requests) || test.status == 201 && n != 1 {
			t.Errorf("%s: requests %v", name, r.requests)
		}
	}
}

// firstByte answers a range with its first byte, and another request with rest.
func firstByte(rest responder) responder {
	return func(req *http.Request) *http.Response {
		if req.Header.Get("Range") == "" {
			return rest(req)
		}
		return answer(req, 206, "1", "Content-Range", "bytes 0-0/5")
	}
}

func TestPlanAsksForFirstByteOfBlob(t *testing.T) {
	const path, get = "/v2/a/blobs/sha256:1", "GET /v2/a/blobs/sha256:1"
	whole := always(200, "12345")
	ranged := firstByte(whole)
	unknownSize := always(206, "1", "Content-Range", "bytes 0-0/*")
	redirect := always(307, "", "Location", "https://cdn.example.com/x?sig=secret")
	empty := func(req *http.Request) *http.Response {
		if req.Header.Get("Range") != "" {
			return answer(req, 416, "")
		}
		return answer(req, 200, "")
	}
	const expected = "200 " + get + " sent 0 received 5, expected\n"
	for name, test := range map[string]struct {
		responses responses
		status    int
		size      int64
		calls     string
		content   string
	}{
		"ranges":       {responses{get: ranged}, 200, 5, expected, "12345"},
		"no ranges":    {responses{get: whole}, 200, 5, expected, "12345"},
		"unknown size": {responses{get: unknownSize}, 200, -1, "200 " + get + " sent 0 received -1, expected\n", ""},
		"storage host": {responses{get: redirect, "GET /x": ranged}, 200, 5,
			"307 " + get + " sent 0 received 0, made\n" +
				"200 GET https://cdn.example.com/x?sig=REDACTED sent 0 received 5, expected\n", "12345"},
		"empty":       {responses{get: empty}, 200, 0, "200 " + get + " sent 0 received 0, made\n", ""},
		"missing":     {nil, 404, 0, "404 " + get + " sent 0 received 0, made\n", ""},
		"unavailable": {responses{get: always(503, "")}, 503, 0, "", ""},
	} {
		r := newPlannedRegistry(t, test.responses)
		resp, err := (&http.Client{Transport: r.chain}).Get(planHost + path)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != test.status || resp.ContentLength != test.size {
			t.Errorf("%s: status %d, %d bytes", name, resp.StatusCode, resp.ContentLength)
		}
		r.wantCalls(name, test.calls)
		sent := len(r.requests)
		if n, err := resp.Body.Read(nil); n != 0 || err != nil && err != io.EOF || len(r.requests) != sent {
			t.Errorf("%s: an empty Read sends %v, error %v", name, r.requests, err)
		}
		if test.content != "" {
			if got := readAll(t, resp); got != test.content {
				t.Errorf("%s: reads %q", name, got)
			}
			r.wantCalls(name+", read", test.calls)
		}
	}
}

func TestPlanSendsRangesOfBlobs(t *testing.T) {
	r := newPlannedRegistry(t, responses{"GET /v2/a/blobs/sha256:1": firstByte(always(500, ""))})
	resp := r.send("GET", "/v2/a/blobs/sha256:1", nil, "Range", "bytes=3-")
	if resp.StatusCode != 206 || r.plan.ExtraCalls() != 0 {
		t.Errorf("status %d after %d questions", resp.StatusCode, r.plan.ExtraCalls())
	}
}

func TestPlanBodiesReturnErrors(t *testing.T) {
	r := newPlannedRegistry(t, responses{"GET /v2/a/blobs/sha256:1": firstByte(always(500, ""))})
	resp := r.send("GET", "/v2/a/blobs/sha256:1", nil)
	if _, err := io.ReadAll(resp.Body); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("a blob with status 500: error %v", err)
	}
	resp = r.send("GET", "/v2/a/blobs/sha256:1", nil)
	resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("read after Close")
	}
	r.sendSkipped("POST", "/v2/a/blobs/uploads/?digest=sha256:2", 7)
	resp = r.send("GET", "/v2/a/blobs/sha256:2", nil)
	if _, err := io.ReadAll(resp.Body); err == nil || resp.ContentLength != 7 {
		t.Errorf("a planned blob has %d bytes, error %v", resp.ContentLength, err)
	}
}

// The tags of a repository that does not exist yet are those of the plan.
func TestPlanListsPlannedTags(t *testing.T) {
	r := newPlannedRegistry(t, responses{"GET /v2/old/tags/list": always(200, `{"tags":["x"]}`)})
	for _, repo := range []string{"new", "old"} {
		for _, ref := range []string{"sha256:1", "1", "2"} {
			r.send("PUT", "/v2/"+repo+"/manifests/"+ref, strings.NewReader("{}"))
		}
	}
	for repo, want := range map[string]string{
		"new": `{"name":"new","tags":["1","2"]}`, "old": `{"tags":["x"]}`, "none": "",
	} {
		if got := readAll(t, r.send("GET", "/v2/"+repo+"/tags/list", nil)); got != want {
			t.Errorf("%s has %s, want %s", repo, got, want)
		}
	}
}

func TestPlanNotesBlobsThatReadsFind(t *testing.T) {
	r := newPlannedRegistry(t, responses{"HEAD /v2/a/blobs/sha512:1": always(200, "12345")})
	r.send("HEAD", "/v2/a/blobs/sha512:1", nil)
	r.send("HEAD", "/v2/a/blobs/sha512:2", nil)
	r.sendSkipped("POST", "/v2/a/blobs/uploads/?digest=sha512:1", 7) // it is present already
	if got := r.blobs(); got != "a@sha512:1: present 5 bytes\n" || r.plan.ExtraCalls() != 0 {
		t.Errorf("blobs: %s", got)
	}
}

// A registry that refuses a read without credentials gets no write without them. The plan answers
// with its challenge.
func TestPlanRefusesWritesWithoutCredentials(t *testing.T) {
	const challenge = "Basic realm=x"
	r := newPlannedRegistry(t, responses{"HEAD /v2/a/manifests/1": always(401, "", "Www-Authenticate", challenge)})
	r.send("HEAD", "/v2/a/manifests/1", nil)
	for range 2 {
		resp := r.post("/v2/a/blobs/uploads/")
		r.wantStatus(resp, 401)
		if got := resp.Header.Get("Www-Authenticate"); got != challenge {
			t.Errorf("challenge %q", got)
		}
	}
	r.wantStatus(r.post("/v2/a/blobs/uploads/", "Authorization", "Basic x"), 202)
	r.wantCalls("calls", `
	401 HEAD /v2/a/manifests/1 sent 0 received 0, made
	401 POST /v2/a/blobs/uploads/ sent 0 received -1, expected write
	401 POST /v2/a/blobs/uploads/ sent 0 received -1, expected write
	202 POST /v2/a/blobs/uploads/ sent 0 received -1, expected write
	`)
}
