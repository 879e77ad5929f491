package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// The hint follows what the server says, and not only the class of the error.
func TestHintsFollowTheAnswer(t *testing.T) {
	t.Parallel()
	answer := func(match string, status int, code, message string) registry.Rule {
		return registry.Rule{Match: match, Status: status,
			Body: fmt.Sprintf(`{"errors":[{"code":%q,"message":%q}]}`, code, message)}
	}
	const tag, blobs, starts = "^PUT .*/manifests/1.6", "^PUT .*/blobs/", "^POST .*/uploads/"
	for name, test := range map[string]struct {
		target registry.Rule
		code   int
		hint   string
	}{
		"quota of a project": {answer(tag, 403, "DENIED", "adding 2 MiB of storage resource, which when updated to "+
			"current usage will exceed the configured upper limit of 10 MiB"), 3, "raise its quota"},
		"quota of uploads":        {answer(starts, 403, "DENIED", "storage quota exceeded"), 3, "raise its quota"},
		"quota without the API":   {registry.Rule{Match: blobs, Status: 413, Body: "Quota exceeded"}, 1, "raise its quota"},
		"immutable, Harbor":       {answer(tag, 412, "PRECONDITION", "configured as immutable"), 1, "cannot be overwritten"},
		"immutable, ECR":          {answer(tag, 400, "TAG_INVALID", "the tag is immutable"), 1, "cannot be overwritten"},
		"immutable, in words":     {answer(tag, 409, "CONFLICT", "Cannot overwrite the tag"), 1, "delete 1.6 there first"},
		"no lists":                {answer(tag, 415, "UNSUPPORTED", "media type"), 1, "copy --flatten --platform"},
		"no lists, without words": {registry.Rule{Match: tag, Status: 415}, 1, "copy --flatten --platform"},
		"no OCI types":            {answer(tag, 400, "MANIFEST_INVALID", "unknown mediaType"), 1, "OCI's types"},
		"500":                     {registry.Rule{Match: tag, Status: 500}, 1, " failed, not the image or the account"},
		"502":                     {registry.Rule{Match: tag, Status: 502}, 1, "is not available: try again later"},
		"firewall":                {registry.Rule{Match: starts, Status: 403, Body: "<html>Blocked</html>"}, 3, "of a proxy or firewall"},
		"lost content":            {answer(tag, 404, "MANIFEST_BLOB_UNKNOWN", "blob unknown"), 4, "does not find content"},
		"denied":                  {answer(starts, 403, "DENIED", "requested access to the resource is denied"), 3, "transship login"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.target.Set(test.target)
			c.runFails("copy SRC DST", wantedError{test.code, "", test.hint})
		})
	}
}

// A registry that takes no sha512 digests does not make an image a damaged one.
func TestHintForSHA512(t *testing.T) {
	c := newCopySetup(t)
	digest := blob.SHA512.Digest([]byte(c.do("inspect --raw SRC").want(0).stdout))
	for _, match := range []string{"sha512", "^PUT .*sha512"} {
		c.target.Set(registry.Rule{Match: match, Status: 400, Body: `{"errors":[{"code":"DIGEST_INVALID"}]}`})
		c.do("copy SRC TO/dst/repo@" + string(digest)).
			wantError(wantedError{7, "DIGEST_INVALID", "takes no sha512 digests, the image is not damaged"})
	}
}

// A wrong Content-Type is the server's fault and not the image's.
func TestWrongContentTypeHint(t *testing.T) {
	for _, mediaType := range []string{manifest.MediaTypeOCIManifest, "application/vnd.docker.distribution.manifest.v1+prettyjws"} {
		c := newCopySetup(t)
		c.source.Set(registry.Rule{Match: "^GET .*/manifests/1.6", Header: map[string]string{"Content-Type": mediaType}})
		for _, line := range []string{"copy SRC DST", "verify SRC", "inspect SRC"} {
			c.do(line).wantError(wantedError{7, "wrong Content-Type: it is sent or listed as " + mediaType,
				"the image itself is not to blame: " + c.source.host + " sends a wrong Content-Type"})
		}
	}
}

// The hint of a missing tag has the command that lists the tags, and the tag that was meant.
func TestMissingTagHint(t *testing.T) {
	c := newCopySetup(t)
	host := c.source.host
	for line, hint := range map[string]string{
		"copy FROM/src/repo:1.66 DST":                            "the nearest tag there is 1.6; transship tags " + host + "/src/repo lists all",
		"digest FROM/src/repo:1.7":                               "the nearest tag there is 1.6;",
		"verify FROM/src/repo:v1.6":                              "the nearest tag there is 1.6;",
		"inspect FROM/src/repo:stable":                           "check the name and the tag: transship tags " + host + "/src/repo lists what is there",
		"inspect FROM/src/none:1.6":                              "transship tags " + host + "/src/none lists what is there",
		"digest --max-calls 9 FROM/src/repo:1.7":                 "check the name and the tag",
		"digest FROM/src/repo@sha256:" + strings.Repeat("0", 64): "check the name and the tag",
	} {
		c.do(line).wantError(wantedError{4, "404 Not Found", hint})
	}
	c.source.ResetRequests()
	c.source.Set(registry.Rule{Match: "tags/list", Status: 403})
	c.do("digest FROM/src/repo:1.7").wantError(wantedError{4, "404 Not Found", "check the name and the tag"})
	if n := c.source.Count("tags/list"); n != 1 {
		t.Errorf("%d calls for tags, want one", n)
	}
}

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
