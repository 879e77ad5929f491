package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// A storage address that has expired is asked for once more. If that does not help, no login does.
func TestExpiredStorageAddress(t *testing.T) {
	for expired, code := range map[int64]int{1: 0, 1000: 1} {
		c := newCopySetup(t)
		var signed atomic.Int64
		storage := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var signature int64
			fmt.Sscan(r.URL.Query().Get("signature"), &signature)
			if signature <= expired {
				http.Error(w, "<Error><Message>Request has expired</Message></Error>", http.StatusForbidden)
				return
			}
			r.URL.Path = strings.Replace(r.URL.Path, "/storage/", "/v2/src/repo/blobs/", 1)
			c.source.Handler.ServeHTTP(w, r)
		}))
		redirect := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			digest, isBlob := strings.CutPrefix(r.URL.Path, "/v2/src/repo/blobs/")
			if isBlob && r.Method == http.MethodGet {
				http.Redirect(w, r, fmt.Sprintf("http://%s/storage/%s?signature=%d", storage, digest, signed.Add(1)),
					http.StatusTemporaryRedirect)
				return
			}
			c.source.ServeHTTP(w, r)
		})
		c.src = listen(t, redirect) + "/src/repo:1.6"
		o := c.run("copy", "--jobs", "1", c.src, c.dst)
		if code == 0 {
			o.want(0)
			continue
		}
		o.wantError(wantedError{code, "403 Forbidden: Request has expired", "an address that expires: try again"})
	}
}
