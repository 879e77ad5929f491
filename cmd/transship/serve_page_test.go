package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// getPage returns the page at a URL for a client with that Accept header.
func getPage(t *testing.T, url, accept string) (text string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body strings.Builder
	if err := resp.Write(&body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	_, text, _ = strings.Cut(body.String(), "\r\n\r\n")
	return text, resp.Header
}

// The page says in plain text which images are there, when they came, and how to pull them.
func TestServePageIsTextForCurl(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	m := s.pushImage("only/digest", "1", "linux/amd64", "x")
	path := p.saveBundle("x.tar", s.host+"/src/repo:1.6", s.host+"/only/digest@"+string(m.Digest))
	if err := os.Chtimes(path, time.Time{}, time.Date(2026, 2, 3, 4, 5, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	r := p.startServe(path)
	text, header := getPage(t, r.url+"/", "*/*")
	byDigest, byTag := "only/digest@"+string(m.Digest), "src/repo:1.6"
	want := byDigest + "  linux/amd64  SIZE  2026-02-03 04:05 UTC\n" + pullLines(r.host+"/"+byDigest) +
		byTag + "  linux/amd64, linux/arm/v7, linux/arm64  SIZE  2026-02-03 04:05 UTC\n" + pullLines(r.host+"/"+byTag)
	if diff := cmp.Diff(want, regexp.MustCompile(`[\d.]+ k?B  `).ReplaceAllString(text, "SIZE  ")); diff != "" {
		t.Error(diff)
	}
	if got := header.Get("Content-Type"); got != "text/plain; charset=utf-8" || header.Get("Vary") != "Accept" {
		t.Errorf("the headers are %v", header)
	}
	for _, path := range []string{"/index.html", "//", "/favicon.ico", "/v1/"} {
		if status, _ := get(t, http.DefaultClient, r.url+path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := r.send(t, http.MethodPost, "/", ""); status != http.StatusNotFound {
		t.Errorf("POST /: %d", status)
	}
}

// pullLines are the lines that pull an image from a registry in plain HTTP.
func pullLines(ref string) string {
	return "  docker pull " + ref + "\n  podman pull --tls-verify=false " + ref + "\n  ctr image pull --plain-http " + ref + "\n"
}

// Browsers get HTML in which the text of foreign files is escaped.
func TestServePageIsHTMLForBrowsers(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	m := s.pushImage("src/repo", "1", "linux/amd64", "x")
	r := p.startServe("--writable", filepath.Join(p.env["HOME"], "images"))
	p.run("copy", s.host+"/src/repo:1", r.host+"/src/repo:1").want(0)
	index := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[`+
		`{"mediaType":%q,"digest":%q,"size":%d,"platform":{"os":"linux","architecture":"<script>alert(1)</script>\u001b[1m"}}]}`,
		m.MediaType, m.Digest, m.Size)
	if status, body := r.send(t, "PUT", "/v2/src/repo/manifests/1", index); status != http.StatusCreated {
		t.Fatal(status, body)
	}
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	text, header := getPage(t, r.url+"/", browser)
	for _, want := range []string{"src/repo:1", "linux/&lt;script&gt;alert(1)&lt;/script&gt;[1m",
		"docker pull " + r.host + "/src/repo:1\n", "prefers-color-scheme: dark"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not have %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "<script") || header.Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none';") {
		t.Errorf("%v\n%s", header, text)
	}
	text, _ = getPage(t, r.url+"/?q=%22%3E%3Cscript%3E", browser)
	if strings.Contains(text, "<script") || !strings.Contains(text, "No image has that in its name.") {
		t.Errorf("a search for markup:\n%s", text)
	}
}

// However many images there are, a page has 50. The pages have each image once.
func TestServePageIsBounded(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushImage("src/repo", "1", "linux/amd64", "x")
	r := p.startServe("--writable", filepath.Join(p.env["HOME"], "images"))
	var want []string
	for _, repository := range []string{"a/b", "c"} {
		p.run("copy", s.host+"/src/repo:1", r.host+"/"+repository+":1").want(0)
		_, manifest := get(t, http.DefaultClient, r.url+"/v2/"+repository+"/manifests/1")
		digest := strings.TrimSpace(p.run("digest", r.host+"/"+repository+":1").stdout)
		path := "/v2/" + repository + "/manifests/" + digest + "?"
		for i := range 70 {
			path += fmt.Sprintf("tag=x%d&", i)
			want = append(want, fmt.Sprintf("%s:x%d", repository, i))
		}
		want = append(want, repository+":1")
		if status, body := r.send(t, "PUT", strings.TrimSuffix(path, "&"), manifest); status != http.StatusCreated {
			t.Fatal(status, body)
		}
	}
	var got []string
	for url := "/"; url != ""; {
		text, _ := getPage(t, r.url+url, "")
		names := regexp.MustCompile(`(?m)^(\S+:\w+)  linux`).FindAllStringSubmatch(text, -1)
		if len(names) > 50 {
			t.Errorf("%s has %d images", url, len(names))
		}
		for _, name := range names {
			got = append(got, name[1])
		}
		_, url, _ = strings.Cut(strings.TrimSpace(text), "\nmore: ")
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text, _ := getPage(t, r.url+"/?q=b:x69", "")
	if !strings.HasPrefix(text, "a/b:x69  ") || strings.Count(text, "docker pull") != 1 {
		t.Errorf("a search finds\n%s", text)
	}
}

// Without a password the page of a registry that has --htpasswd shows nothing.
func TestServePageIsBehindThePassword(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushImage("src/repo", "1", "linux/amd64", "x")
	users := p.writeFile("users", "user:$apr1$maVDpNv2$BDsxEZcZGL5nHS9zqmKyR/\n")
	r := p.startServe("--htpasswd", users, p.saveBundle("x.tar", s.host+"/src/repo:1"))
	if status, body := get(t, http.DefaultClient, r.url+"/"); status != http.StatusUnauthorized ||
		strings.Contains(body, "src/repo") {
		t.Errorf("%d %s", status, body)
	}
	withPassword := strings.Replace(r.url, "://", "://user:password@", 1)
	if text, _ := getPage(t, withPassword+"/", ""); !strings.Contains(text, "ctr image pull --plain-http --user USER ") {
		t.Errorf("got\n%s", text)
	}
}
