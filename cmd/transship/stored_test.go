package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// A login page that answers for the target is no success: no digest and no reference is printed.
func TestLoginPageIsNoSuccess(t *testing.T) {
	t.Parallel()
	const page = "<html><head><title>Sign in</title></head></html>"
	for name, test := range map[string]struct{ match, message string }{
		"blobs":         {"^PUT .*/blobs/", ": 200 OK with text/html, but the registry does not have it"},
		"all manifests": {"^PUT .*/manifests/", ": 200 OK with text/html, but the registry does not have it"},
		"the tag":       {"^PUT .*/manifests/1.6", "/manifests/1.6: 200 OK with text/html, but the registry does not have it"},
		"every call":    {"^(GET|HEAD|PUT) ", ": 200 OK with text/html, but the registry does not have it"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.target.Set(registry.Rule{Match: test.match, Status: 200, Body: page})
			o := c.run("copy", c.src, c.dst)
			o.wantError(wantedError{7, test.message, "no proxy or login page answers for it"})
			if o.stdout != "" || c.target.has("dst/repo", "1.6") {
				t.Errorf("prints %q", o.stdout)
			}
		})
	}
}

// A target that changes what it is sent is to blame, not the image.
func TestTargetThatStoresOtherBytes(t *testing.T) {
	c := newCopySetup(t)
	c.target.Set(registry.Rule{Match: "^PUT .*/manifests/1.6", Status: 201,
		Header: map[string]string{"Docker-Content-Digest": "sha256:" + strings.Repeat("0", 64)}})
	c.runFails("copy SRC DST", wantedError{7, "the registry has sha256:000000000000 there, not sha256:",
		"the image is not damaged at its source: " + c.target.host})
}

// A registry that says that it has mounted a blob, and then does not find it, gets the blob: a copy
// to one target and to several ends well, and every blob is there.
func TestMountsThatLie(t *testing.T) {
	for _, second := range []string{"", "dst/other:1.6"} {
		c := newCopySetup(t)
		next := &registry.Handler{RefuseSparse: true}
		c.target.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if d := r.URL.Query().Get("mount"); d != "" {
				w.Header().Set("Docker-Content-Digest", d)
				w.WriteHeader(http.StatusCreated)
				return
			}
			next.ServeHTTP(w, r)
		})
		args := []string{"copy", c.src, c.dst}
		if second != "" {
			args = append(args, c.target.host+"/"+second)
		}
		c.run(args...).want(0)
		for _, dst := range args[2:] {
			c.run("verify", "--deep", dst).want(0)
		}
	}
}
