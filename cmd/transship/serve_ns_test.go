package main

import (
	"net/http"
	"path/filepath"
	"testing"
)

// A mirror's client that names the host of an image gets that host's image, out of a bundle and of a
// folder.
func TestServeTellsHostsApart(t *testing.T) {
	t.Parallel()
	one, two, p := startServer(t), startServer(t), newProgram(t)
	one.pushImage("a/b", "1", "linux/amd64", "one")
	two.pushImage("a/b", "1", "linux/amd64", "two")
	folder := filepath.Join(p.env["HOME"], "images") + "/"
	p.run("save", "-q", "-o", folder, one.host+"/a/b:1", two.host+"/a/b:1").want(0)
	for _, path := range []string{p.saveBundle("both.tar", one.host+"/a/b:1", two.host+"/a/b:1"), folder} {
		r := p.startServe(path)
		tag := r.url + "/v2/a/b/manifests/1"
		if status, _ := get(t, http.DefaultClient, tag); status != http.StatusNotFound {
			t.Errorf("without a host: %d", status)
		}
		for _, s := range []*server{one, two} {
			_, want := get(t, http.DefaultClient, "http://"+s.host+"/v2/a/b/manifests/1")
			if _, got := get(t, http.DefaultClient, tag+"?ns="+s.host); got != want {
				t.Errorf("%s: got %s, want %s", s.host, got, want)
			}
		}
		if status, _ := get(t, http.DefaultClient, tag+"?ns=quay.io"); status != http.StatusNotFound {
			t.Errorf("another host: %d", status)
		}
		r.stop().want(0)
	}
}
