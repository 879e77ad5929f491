package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
)

// Manifest, blob and tags come out as the registry has them, by any spelling of the address.
func TestCallPrintsBodies(t *testing.T) {
	s := startServer(t)
	raw := `{ "schemaVersion":2, "manifests":[] }` + "\n"
	s.pushManifest("src/repo", "1.6", []byte(raw))
	p := newProgram(t)
	for _, line := range []string{"call HOST/v2/src/repo/manifests/1.6", "call get http://HOST/v2/src/repo/manifests/1.6",
		"call GET https://HOST/v2/src/repo/manifests/" + string(blob.FromBytes([]byte(raw)))} {
		o := p.run(strings.Fields(strings.ReplaceAll(line, "HOST", s.host))...).want(0)
		if o.stdout != raw || o.stderr != "" {
			t.Errorf("%s: got %q and %q", line, o.stdout, o.stderr)
		}
	}
	if o := p.run("call", s.host+"/v2/src/repo/tags/list").want(0); !strings.Contains(o.stdout, `"1.6"`) {
		t.Errorf("got %q", o.stdout)
	}
	if o := p.run("call", s.host+"/v2/").want(0); o.stderr != "" || s.Count("^GET /v2/$") != 1 {
		t.Errorf("got %q after %v", o.stderr, s.Requests())
	}
}

func TestCallInclude(t *testing.T) {
	s := startServer(t)
	d := s.pushThreePlatforms()
	s.Set(registry.Rule{Match: "tags/list", Status: 200, Body: "{}", Header: map[string]string{
		"Set-Cookie": "session=" + secret, "Link": "</v2/src/repo/tags/list?n=1&key=" + secret + `>; rel="next"`}})
	o := newProgram(t).run("call", "--include", s.host+"/v2/src/repo/tags/list").want(0)
	head, body, _ := strings.Cut(o.stdout, "\n\n")
	if !strings.HasPrefix(head, "HTTP/1.1 200 OK\n") || !strings.Contains(head, "\nSet-Cookie: REDACTED") ||
		!strings.Contains(head, "n=1&key=REDACTED") || body != "{}" {
		t.Errorf("got %q", o.stdout)
	}
	o = newProgram(t).run("call", "HEAD", s.host+"/v2/src/repo/manifests/1.6").want(0)
	if !strings.Contains(o.stdout, "\nDocker-Content-Digest: "+string(d.Digest)+"\n") || s.Count("^HEAD") != 1 {
		t.Errorf("got %q", o.stdout)
	}
}

// What registries answer with 4xx and 5xx is the result, and the exit code that of its class.
func TestCallPrintsErrorBodies(t *testing.T) {
	s := startServer(t)
	s.pushThreePlatforms()
	for status, code := range map[int]int{400: 1, 401: 3, 403: 3, 404: 4, 405: 1, 429: 6, 500: 1, 507: 1} {
		body := fmt.Sprintf(`{"errors":[{"code":"ODD","message":"it is %d"}]}`, status)
		s.Set(registry.Rule{Match: "manifests/1.6", Status: status, Body: body})
		o := newProgram(t).run("call", s.host+"/v2/src/repo/manifests/1.6").want(code, fmt.Sprint(status))
		if o.stdout != body {
			t.Errorf("%d: got %q", status, o.stdout)
		}
	}
}

// An upload by hand: the session's Location leads on, whatever the registry has in it.
func TestCallUploads(t *testing.T) {
	s := startServer(t)
	p := newProgram(t)
	o := p.run("call", "-i", "POST", s.host+"/v2/dst/repo/blobs/uploads/").want(0)
	_, rest, _ := strings.Cut(o.stdout, "\nLocation: ")
	location, _, _ := strings.Cut(rest, "\n")
	location = strings.TrimPrefix(location, "http://"+s.host)
	file := p.writeFile("blob", "of a blob")
	p.stdin = "content "
	p.run("call", "PATCH", s.host+location, "--data", "-").want(0)
	o = p.run("call", "-i", s.host+location).want(0)
	if !strings.Contains(o.stdout, "\nRange: 0-7\n") {
		t.Errorf("status: %q", o.stdout)
	}
	d := blob.FromBytes([]byte("content of a blob"))
	p.run("call", "PUT", s.host+location+"?digest="+string(d), "--data", file, "-H", "Content-Range: 8-16").want(0)
	if o := p.run("call", s.host+"/v2/dst/repo/blobs/"+string(d)).want(0); o.stdout != "content of a blob" {
		t.Errorf("got %q", o.stdout)
	}
	raw := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`
	index := p.writeFile("index.json", raw)
	p.run("call", "PUT", s.host+"/v2/dst/repo/manifests/1", "-H", "content-type:application/vnd.oci.image.index.v1+json",
		"--data="+index).want(0)
	if !s.has("dst/repo", "1") {
		t.Error("the manifest is not there")
	}
	p.run("call", "DELETE", s.host+"/v2/dst/repo/manifests/1").want(0)
	if s.has("dst/repo", "1") {
		t.Error("the tag is there still")
	}
}

// The state in the query of a session's Location is what the next call needs; other signatures stay
// redacted, and no audit has either.
func TestCallShowsTheStateOfItsUploadOnly(t *testing.T) {
	s := startServer(t)
	p := newProgram(t)
	s.Set(registry.Rule{Match: "^POST", Status: 202, Header: map[string]string{"Location": "/v2/r/blobs/uploads/1?_state=abc"}})
	o := p.run("call", "-i", "POST", s.host+"/v2/r/blobs/uploads/").want(0)
	if !strings.Contains(o.stdout, "\nLocation: /v2/r/blobs/uploads/1?_state=abc\n") {
		t.Errorf("got %q", o.stdout)
	}
	s.Set(registry.Rule{Match: "^POST", Status: 202, Header: map[string]string{"Location": "https://storage.example/x?sig=abc"}})
	if o := p.run("call", "-i", "POST", s.host+"/v2/r/blobs/uploads/").want(0); strings.Contains(o.stdout, "abc") {
		t.Errorf("got %q", o.stdout)
	}
	s.Set(registry.Rule{Match: "uploads/1", Status: 204})
	record := p.writeFile("calls.jsonl", "")
	p.run("call", "--audit", record, "-H", "X-Key: "+secret, s.host+"/v2/r/blobs/uploads/1?_state="+secret).want(0)
	if text, err := os.ReadFile(record); err != nil || bytes.Contains(text, []byte(secret)) ||
		!bytes.Contains(text, []byte("uploads/1?_state=REDACTED")) {
		t.Errorf("the audit has %s, %v", text, err)
	}
	p.run("audit", "verify", record).want(0)
}

// The token's scope follows from the path, and a stream that cannot be sent twice is sent once.
func TestCallGetsItsToken(t *testing.T) {
	s := startServer(t)
	s.pushThreePlatforms()
	host := listen(t, &tokenRegistry{next: s})
	p := newProgram(t)
	account := user + ":" + password
	p.run("call", host+"/v2/src/repo/manifests/1.6").want(3)
	p.run("call", "--creds", account, host+"/v2/src/repo/manifests/1.6").want(0)
	p.stdin = strings.Repeat("0123456789abcdef", 5<<20/16)
	d := blob.FromBytes([]byte(p.stdin))
	p.run("call", "--creds", account, "POST", host+"/v2/src/repo/blobs/uploads/?digest="+string(d), "--data", "-").want(0)
	o := p.run("call", "--creds", account, host+"/v2/src/repo/blobs/"+string(d)).want(0)
	if o.stdout != p.stdin || s.Count("^POST") != 1 {
		t.Errorf("%d bytes, %d uploads", len(o.stdout), s.Count("^POST"))
	}
}

// A body that is not what its digest names is printed, and the run fails.
func TestCallVerifiesDigests(t *testing.T) {
	s := startServer(t)
	s.Set(registry.Rule{Match: "^GET .*/(blobs|manifests)/", Status: 200, Body: "other"})
	for _, kind := range []string{"blobs", "manifests"} {
		o := newProgram(t).run("call", s.host+"/v2/r/"+kind+"/"+emptySHA256)
		o.wantError(wantedError{7, "the body is not what the digest names", "damaged"})
		if o.stdout != "other" {
			t.Errorf("got %q", o.stdout)
		}
	}
	newProgram(t).run("call", s.host+"/v2/r/manifests/1").want(0)
}

// A key for the registry does not go to the storage that it redirects to.
func TestCallKeepsHeadersFromOtherHosts(t *testing.T) {
	var got http.Header
	storage := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		io.WriteString(w, "part")
	}))
	s := startServer(t)
	s.Set(registry.Rule{Match: "blobs", Status: 307, Header: map[string]string{"Location": "http://" + storage + "/x"}})
	newProgram(t).run("call", s.host+"/v2/r/blobs/"+emptySHA256, "-H", "X-Key: k", "-H", "Range: bytes=0-3").want(7)
	if got.Get("X-Key") != "" || got.Get("Range") != "bytes=0-3" {
		t.Errorf("the storage got %v", got)
	}
}

func TestCallPolicies(t *testing.T) {
	s := startServer(t)
	p := newProgram(t)
	for _, line := range []string{"--read-only POST HOST/v2/r/blobs/uploads/", "--read-only POST HOST/v2/_ext/x",
		"--read-only POST HOST/v2/r/manifests/1", "--max-calls 1 --allow-host other.example HOST/v2/"} {
		p.run(strings.Fields("call " + strings.ReplaceAll(line, "HOST", s.host))...).want(9)
	}
	if s.Count("^POST") != 0 { // GET /v2/ finds out whether a loopback host speaks TLS
		t.Errorf("called %v", s.Requests())
	}
}

func TestCallBadInput(t *testing.T) {
	s := startServer(t)
	p := newProgram(t)
	for line, want := range map[string]wantedError{
		"HOST":                          {2, "a path below /v2/ must follow", "HOST/v2/..."},
		"HOST/v1/x":                     {2, "a path below /v2/ must follow", "HOST/v2/..."},
		"halo/v2/":                      {2, `"halo" is not the host of a registry`, "HOST/v2/..."},
		"/v2/":                          {2, `"" is not the host of a registry`, "HOST/v2/..."},
		"user:" + secret + "@HOST/v2/":  {2, "an account before the host", "HOST/v2/..."},
		"HOST/v2/%zz":                   {2, "the address is not a URL", "HOST/v2/..."},
		"HOST/v2/../x":                  {2, "has . or ..", "HOST/v2/..."},
		"HOST/v2/%2e%2e/x":              {2, "has . or ..", "HOST/v2/..."},
		"HOST/v2/#x":                    {2, "write %23", "HOST/v2/..."},
		"FETCH HOST/v2/":                {2, `"FETCH" is not a method`, "GET, HEAD, POST"},
		"HOST/v2/ POST":                 {2, "is not a method", "GET, HEAD, POST"},
		"--data - HOST/v2/":             {2, "GET sends no body", "POST, PUT or PATCH"},
		"--data= PUT HOST/v2/":          {2, "--data: the value is empty", ""},
		"--data nofile PUT HOST/v2/":    {4, "--data: stat nofile", ""},
		"--data . PUT HOST/v2/":         {2, ". is neither a file nor a pipe", ""},
		"--data /dev/zero PUT HOST/v2/": {2, "is neither a file nor a pipe", ""},
		"-H Accept HOST/v2/":            {2, "want 'Name: value'", ""},
		"-H :x HOST/v2/":                {2, "want 'Name: value'", ""},
		"-H A\x01:x HOST/v2/":           {2, "want 'Name: value'", ""},
		"-H X:\x01 HOST/v2/":            {2, "the value of X has a control character", ""},
		"-H authorization:" + secret + " HOST/v2/": {2, "Authorization is sent for the account", ""},
		"-H Host:other HOST/v2/":                   {2, "Host is set by the program", ""},
	} {
		p.run(strings.Fields("call " + strings.ReplaceAll(line, "HOST", s.host))...).wantError(want)
	}
	if s.Count("") != 0 {
		t.Errorf("called %v", s.Requests())
	}
}
