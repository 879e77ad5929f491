package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
)

// send sends a request to a running serve and returns its status and body.
func (s *runningServe) send(t testing.TB, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// --audit records the requests that serve answers as a client's --audit records its calls.
func TestServeAudit(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	users := p.writeFile("users", "user:$apr1$maVDpNv2$BDsxEZcZGL5nHS9zqmKyR/\n")
	for _, format := range []string{"jsonl", "har"} {
		ours, theirs := filepath.Join(p.env["HOME"], "serve."+format), filepath.Join(p.env["HOME"], "copy."+format)
		r := p.startServe("--writable", "--htpasswd", users, "--audit", ours, filepath.Join(p.env["HOME"], format))
		p.run("copy", "--dst-creds", "user:password", "--audit", theirs, s.host+"/src/repo:1.6", r.host+"/dst/repo:1.6").want(0)
		p.run("digest", "--creds", "user:"+secret, r.host+"/dst/repo:1.6").want(cli.ExitAuth)
		r.stop().want(0)

		_, recorded := readAudit(t, ours)
		_, called := readAudit(t, theirs)
		called = slices.DeleteFunc(called, func(e audit.Entry) bool { return !strings.HasPrefix(e.URL, r.url) })
		last := recorded[len(recorded)-1]
		if last.Status != http.StatusUnauthorized || last.Request.Headers.Get("Authorization") != "Basic REDACTED" {
			t.Errorf("the record ends with %+v", last)
		}
		if diff := cmp.Diff(wireFacts(called), wireFacts(recorded[:len(called)])); diff != "" {
			t.Errorf("%s: the client's record (-) and the server's (+) differ:\n%s", format, diff)
		}
		text, err := os.ReadFile(ours)
		if err != nil || bytes.Contains(text, []byte("password")) || bytes.Contains(text, []byte(secret)) {
			t.Errorf("the record has a password: %v", err)
		}
		p.run("audit", "verify", ours).want(0)
		p.run("audit", "show", ours).want(0)
		p.run("audit", "waterfall", ours, "-o", ours+".svg").want(0)
	}
	p.run("serve", "--audit", "x.txt", "y").want(cli.ExitUsage, ".har or .jsonl")
}

// wireFacts returns what a client and a server must agree on, sorted: methods, paths, status, sizes
// and the digests of documents.
func wireFacts(entries []audit.Entry) []string {
	var out []string
	for _, e := range entries {
		line := fmt.Sprint(e.Row, " ", e.Method, " ", requestURI(e), " ", e.Status, " ", e.Request.Bytes, " ", e.Response.Bytes,
			" ", e.Response.Digest, " ", e.Error)
		if !strings.Contains(e.URL, "/blobs/") {
			line += " " + e.Request.Digest
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// An index whose images are missing is refused, and accepted with --sparse.
func TestServeSparse(t *testing.T) {
	p := newProgram(t)
	index := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` +
		`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("0", 64) +
		`","size":500}]}`
	folder := filepath.Join(p.env["HOME"], "images")
	r := p.startServe("--writable", folder)
	if status, body := r.send(t, "PUT", "/v2/repo/manifests/1", index); status != http.StatusNotFound ||
		!strings.Contains(body, "MANIFEST_BLOB_UNKNOWN") {
		t.Errorf("got %d %s", status, body)
	}
	r.stop().want(0)
	r = p.startServe("--writable", "--sparse", folder)
	if status, body := r.send(t, "PUT", "/v2/repo/manifests/1", index); status != http.StatusCreated {
		t.Errorf("got %d %s", status, body)
	}
	if _, body := get(t, http.DefaultClient, r.url+"/v2/repo/manifests/1"); body != index {
		t.Errorf("got %s", body)
	}
	p.run("serve", "--sparse", folder).want(cli.ExitUsage, "without --writable clients cannot push", "add --writable, or leave out --sparse")
}

// --max-blob bounds a blob, and --quota the folder, of which a prune frees space.
func TestServeLimitsPushes(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushImage("large", "1", "linux/amd64", strings.Repeat("x", 100_000))
	s.pushImage("one", "1", "linux/amd64", strings.Repeat("1", 20_000))
	s.pushImage("two", "1", "linux/amd64", strings.Repeat("2", 20_000))
	folder := filepath.Join(p.env["HOME"], "images")
	r := p.startServe("--writable", "--max-blob", "50KB", "--quota", "30KB", folder)
	if o := p.run("copy", s.host+"/large:1", r.host+"/large:1"); o.code == 0 ||
		!strings.Contains(o.stderr, "larger than the 50000 bytes") {
		t.Errorf("%d: %s", o.code, o.stderr)
	}
	p.run("copy", s.host+"/one:1", r.host+"/one:1").want(0)
	if o := p.run("copy", s.host+"/two:1", r.host+"/two:1"); o.code == 0 ||
		!strings.Contains(o.stderr, "quota is used up") {
		t.Errorf("%d: %s", o.code, o.stderr)
	}
	r.stop().want(0, "the registry's quota is used up: it is 30000 bytes\n")
	p.run("verify", folder).want(0)
	r = p.startServe("--writable", "--quota", "60KB", folder)
	p.run("copy", s.host+"/two:1", r.host+"/two:1").want(0)
	p.run("serve", "--max-blob", "1GiB", "--quota", "1GiB", folder).
		want(cli.ExitUsage, "leave out --max-blob, --quota")
}

// A writable folder can be pruned while it is served. An image that is being pushed is not harmed.
func TestServedFolderIsPruned(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	kept := s.pushImage("kept", "1", "linux/amd64", "shared", "kept")
	gone := s.pushImage("gone", "1", "linux/amd64", "shared", strings.Repeat("gone", 1000))
	folder := filepath.Join(p.env["HOME"], "images")
	r := p.startServe("--writable", folder)
	p.run("copy", s.host+"/kept:1", r.host+"/kept:1").want(0)
	p.run("copy", s.host+"/gone:1", r.host+"/gone:1").want(0)
	pending := string(blob.FromBytes([]byte("pending")))
	if status, body := r.send(t, "POST", "/v2/new/blobs/uploads/?digest="+pending, "pending"); status != http.StatusCreated {
		t.Fatal(status, body)
	}
	if status, body := r.send(t, "DELETE", "/v2/gone/manifests/"+string(gone.Digest), ""); status != http.StatusAccepted {
		t.Fatal(status, body)
	}
	p.env["TRANSSHIP_STORE"] = folder
	o := p.run("prune").want(0)
	if !strings.Contains(o.stdout, "Deleted: "+string(gone.Digest)+"\n") || strings.Contains(o.stdout, pending) ||
		strings.Contains(o.stdout, string(kept.Digest)) {
		t.Errorf("it prints\n%s", o.stdout)
	}
	p.run("verify", folder).want(0)
	config := `{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` + pending + `","size":7}`
	if status, body := r.send(t, "PUT", "/v2/new/manifests/1", `{"schemaVersion":2,`+
		`"mediaType":"application/vnd.oci.image.manifest.v1+json","config":`+config+`,"layers":[]}`); status != http.StatusCreated {
		t.Error(status, body)
	}
	p.run("copy", r.host+"/kept:1", startServer(t).host+"/kept:1").want(0)
}
