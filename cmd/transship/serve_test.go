package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// A served bundle has its images under their names and digests, and is read-only.
func TestServeBundle(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	list := s.pushThreePlatforms()
	path := p.saveBundle("first.tar", s.host+"/src/repo:1.6")
	r := p.startServe(path)
	for _, name := range []string{"/src/repo:1.6", "/src/repo@" + string(list.Digest)} {
		if o := p.run("inspect", "--raw", r.host+name).
			want(0); o.stdout != p.run("inspect", "--raw", s.host+"/src/repo:1.6").stdout {
			t.Errorf("%s: got %s", name, o.stdout)
		}
	}
	to := startServer(t)
	p.run("copy", r.host+"/src/repo:1.6", to.host+"/x:1").want(0, "3 images; blobs: 7 sent")
	p.run("copy", to.host+"/x:1", r.host+"/x:1").want(cli.ExitFailed, "405", "accepts no uploads")
	p.run("digest", r.host+"/src/repo:1.7").want(cli.ExitNotFound)

	o := r.stop().want(0)
	want := fmt.Sprintf("serving 1 repository with 1 tag at %s (read-only)\ntry: docker pull %s/src/repo:1.6\n",
		r.url, r.host)
	if !strings.HasPrefix(o.stderr, want) || !strings.HasPrefix(r.url, "http://127.0.0.1:") {
		t.Errorf("it says\n%s\nwant\n%s", o.stderr, want)
	}
	for _, volume := range []string{"split.tar", "split.tar.001"} {
		p.saveBundle("split.tar", "--split", "64KiB", s.host+"/src/repo:1.6")
		p.run("digest", p.startServe(filepath.Join(p.env["HOME"], volume)).host+"/src/repo:1.6").want(0)
	}
}

// saveTwoBundles saves app:1 into one bundle, and app:2 into a second one based on it.
func (p *program) saveTwoBundles(s *server) (first, second string) {
	s.pushImage("app", "1", "linux/amd64", "shared", "one")
	s.pushImage("app", "2", "linux/amd64", "shared", "two")
	first = p.saveBundle("first.tar", s.host+"/app:1")
	return first, p.saveBundle("second.tar", "--since", first+".json", s.host+"/app:2")
}

// A bundle with a base is served together with the base, and refused without it.
func TestServeDifferential(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	first, second := p.saveTwoBundles(s)
	third := p.saveBundle("third.tar", "--since", second, s.host+"/app:2")
	p.run("serve", second).want(cli.ExitNotFound,
		second+" builds on first.tar: 2 of the 2 blobs that it leaves there are missing",
		"hint: also name first.tar: ")
	p.run("serve", third, second).want(cli.ExitNotFound, second+" builds on first.tar: ")
	other := newProgram(t).saveBundle("first.tar", s.host+"/app:2", "--since", first)
	p.run("serve", second, other).want(cli.ExitNotFound, "; "+other+" is another bundle")

	for _, args := range [][]string{{second, first}, {first, second, third}} {
		r, to := p.startServe(args...), startServer(t)
		p.run("copy", r.host+"/app:1", to.host+"/app:1").want(0)
		p.run("copy", r.host+"/app:2", to.host+"/app:2").want(0)
		r.stop().want(0, "1 repository with 2 tags")
	}
	folder := filepath.Join(p.env["HOME"], "folder") + "/"
	p.run("save", "-q", "-o", folder, s.host+"/app:1").want(0)
	r := p.startServe(second, folder)
	p.run("copy", r.host+"/app:2", startServer(t).host+"/app:2").want(0)
}

// A served folder has its images under the names of a bundle, and is not written to. A path that
// does not exist is refused and not created.
func TestServeFolder(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	folder := filepath.Join(p.env["HOME"], "images")
	p.run("save", "-q", "-o", folder+"/", s.host+"/src/repo:1.6").want(0)
	if err := os.RemoveAll(filepath.Join(folder, ".transship")); err != nil { // as in a layout of other tools
		t.Fatal(err)
	}
	r := p.startServe(folder)
	to := startServer(t)
	p.run("copy", r.host+"/src/repo:1.6", to.host+"/x:1").want(0, "3 images; blobs: 7 sent")
	p.run("copy", to.host+"/x:1", r.host+"/x:1").want(cli.ExitFailed, "405")
	if fileExists(filepath.Join(folder, ".transship")) {
		t.Error("something was written")
	}
	s.pushImage("new", "1", "linux/amd64", "new")
	p.run("save", "-q", "-o", folder+"/", s.host+"/new:1").want(0)
	p.run("digest", r.host+"/new:1").want(0) // added while the folder is served

	for _, typo := range []string{folder + "x", folder + "x/"} {
		p.run("serve", typo).want(cli.ExitNotFound, typo)
		if fileExists(typo) {
			t.Error("a typo made a folder")
		}
	}
	p.run("serve", filepath.Join(folder, "blobs")).
		want(cli.ExitIntegrity, "the folder is no image layout: there is no oci-layout in it")
	p.writeFile("broken/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
	p.writeFile("broken/index.json", `{`)
	p.run("serve", filepath.Join(p.env["HOME"], "broken")).
		want(cli.ExitIntegrity, "broken/index.json: ", "unexpected end of JSON")
}

func TestServeFileErrors(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	path := p.saveBundle("first.tar", s.host+"/src/repo:1.6")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	half := string(content[:len(content)/2])
	newer := strings.Replace(string(content), `{"version":1,`, `{"version":9,`, 1)
	for name, c := range map[string]struct {
		content string
		code    int
		message string
	}{
		"text.tar":    {"hello", cli.ExitIntegrity, "it is no tar"},
		"gzip.tar":    {"\x1f\x8b\x08rest", cli.ExitFailed, "unpack it first, with gunzip"},
		"half.tar":    {half, cli.ExitIntegrity, "cut short"},
		"newer.tar":   {newer, cli.ExitFailed, "take a newer transship"},
		"half.x.001":  {half, cli.ExitIntegrity, "half.x.002: this volume is missing"},
		"later.x.002": {half, cli.ExitIntegrity, "later.x.001: this volume is missing"},
	} {
		p.run("serve", strings.TrimSuffix(p.writeFile(name, c.content), ".002")).want(c.code, c.message)
	}
	p.run("serve", path, path+".typo").want(cli.ExitNotFound, path+".typo: file does not exist")
	p.run("serve", "").want(cli.ExitNotFound)
	p.run("serve", "--writable", "").want(cli.ExitNotFound)
	p.run("serve").want(cli.ExitUsage, "want FILE|DIR [FILE|DIR...], got 0 arguments")
}

// With --writable serve creates the folder, and refuses incomplete images.
func TestServeWritable(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	folder := filepath.Join(p.env["HOME"], "new", "folder")
	r := p.startServe("--writable", folder)
	p.run("copy", s.host+"/src/repo:1.6", r.host+"/dst/repo:1.6").want(0)
	p.run("copy", r.host+"/dst/repo:1.6", r.host+"/dst/copy:1").want(0, "7 mounted")
	p.run("copy", r.host+"/dst/copy:1", startServer(t).host+"/x:1").want(0)
	sparse, _ := http.NewRequest(http.MethodPut, r.url+"/v2/dst/repo/manifests/2",
		strings.NewReader(`{"schemaVersion":2,`+
			`"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":"sha256:`+
			strings.Repeat("0", 64)+`","size":1},"layers":[]}`))
	if resp, err := http.DefaultClient.Do(sparse); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("an image that is not whole: %v, %v", resp, err)
	}
	p.run("verify", folder).want(0)
	o := r.stop().want(0, "serving 0 repositories with 0 tags", "(writable)", "try: transship copy alpine:3.20 "+r.host+
		"/alpine:3.20")
	if strings.Contains(o.stderr, "failed") {
		t.Error(o.stderr)
	}
	p.startServe(folder).stop().want(0, "serving 2 repositories with 2 tags")
}

// A writable folder that has names of other registries lists the repositories that clients pushed
// to. Their short names work too.
func TestServeWritableNames(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	folder := filepath.Join(p.env["HOME"], "images")
	p.run("save", "-q", "-o", folder+"/", s.host+"/x:1").want(0) // named 127.0.0.1:PORT/x, which no client can request
	r := p.startServe("--writable", folder)
	p.run("copy", r.host+"/x:1", r.host+"/quay.io/org/x:1").want(0)
	p.run("digest", r.host+"/org/x:1").want(0)
	if _, body := get(t, http.DefaultClient, r.url+"/v2/_catalog"); body != `{"repositories":["quay.io/org/x"]}`+"\n" {
		t.Errorf("got %s", body)
	}
	p.run("verify", folder).want(0)
}

// Pushes are stored in the folder completely, also where an archive has the same image.
func TestServeWritableBesideArchive(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	first, second := p.saveTwoBundles(s)
	folder := filepath.Join(p.env["HOME"], "folder")
	r := p.startServe(first, folder, second, "--writable")
	s.pushImage("app", "1", "linux/amd64", "shared", "one", "three")
	p.run("copy", s.host+"/app:1", r.host+"/app:1").want(0)
	if got, want := p.run("digest", r.host+"/app:1").stdout, p.run("digest", s.host+"/app:1").stdout; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.run("verify", folder).want(0)
	r.stop().want(0)
	p.run("copy", p.startServe(folder).host+"/app:1", startServer(t).host+"/x:1").want(0)
}

func TestServeWritableErrors(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	file, home := p.saveBundle("x.tar", s.host+"/x:1"), p.env["HOME"]
	p.saveBundle("split", "--split", "4KiB", s.host+"/x:1")
	a, b := filepath.Join(home, "a"), filepath.Join(home, "b")
	p.run("serve", "--writable", a, file, b).
		want(cli.ExitUsage, "--writable is for one folder, and there are 2: "+a+", "+b)
	p.run("serve", "--writable", file, filepath.Join(home, "split")).
		want(cli.ExitUsage, "--writable needs a folder to write to", "it is created if it is missing")
	p.run("serve", "--writable", "--listen", "0.0.0.0:0", a).want(cli.ExitUsage)
	p.run("serve", "--writable", a, p.writeFile("text.tar", "hello")).want(cli.ExitIntegrity, "it is no tar")
	if fileExists(a) || fileExists(b) {
		t.Error("a command that was refused has made a folder")
	}
	p.writeFile("notes/notes.txt", "x")
	p.run("serve", "--writable", filepath.Join(home, "notes")).
		want(cli.ExitFailed, "is not empty: notes.txt", "hint: --writable needs an OCI image layout")
	p.writeFile("sealed/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
	p.writeFile("sealed/index.json", `{"manifests":[]}`)
	sealed := filepath.Join(home, "sealed")
	if err := os.Chmod(sealed, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(sealed, 0o700)
	if os.Geteuid() != 0 { // root may write anyway
		p.run("serve", "--writable", sealed).
			want(cli.ExitFailed, "permission denied", "hint: without --writable the folder is only read")
	}
	p.startServe(sealed).stop().want(0)
}

// -v logs each request; --quiet prints only the URL.
func TestServeLogsRequests(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "layer")
	path := p.saveBundle("x.tar", s.host+"/x:1")
	r := p.startServe("-v", path)
	get(t, http.DefaultClient, r.url+"/v2/x/manifests/1")
	req, _ := http.NewRequest(http.MethodPost, r.url+"/v2/x/blobs/uploads/?digest=%1b", strings.NewReader("four"))
	req.SetBasicAuth("me", password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.Head(r.url + "/v2/")
	text := regexp.MustCompile(` +[\d.]+ms`).ReplaceAllString(r.stop().want(0).stderr, " TIME")
	text = regexp.MustCompile(`127.0.0.1:\d+( user|\n)`).ReplaceAllString(text, "CLIENT$1")
	for _, line := range []string{
		"200 GET TIME /v2/x/manifests/1 sent 520 B CLIENT\n", `400 POST TIME /v2/x/blobs/uploads/?digest=%1b sent `,
		`CLIENT user "me"` + "\n", "200 HEAD TIME /v2/ CLIENT\n",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("it does not say %q:\n%s", line, text)
		}
	}
	r = p.startServe("--quiet", path)
	get(t, http.DefaultClient, r.url+"/v2/x/manifests/1")
	if o := r.stop().want(0); o.stderr != "" {
		t.Errorf("quiet: %s", o.stderr)
	}
}
