package servers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEntry(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		line string
		want entry
		ok   bool
	}{
		"no query": {
			`127.0.0.1 - - [23/Nov/2026:06:54:42 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "curl/7.88.1"`,
			entry{Call{"GET", "/v2/", "", 200}, "HTTP/1.1", "curl/7.88.1"}, true,
		},
		"user and query": {
			`127.0.0.1 - alice [23/Nov/2026:06:54:42 +0000] "POST /v2/a/b/blobs/uploads/?mount=sha256%3Aab&from=c%2Fd HTTP/2.0" 201 0 "" "x"`,
			entry{Call{"POST", "/v2/a/b/blobs/uploads/", "mount=sha256%3Aab&from=c%2Fd", 201}, "HTTP/2.0", "x"}, true,
		},
		"quotes in the user agent": {
			`::1 - - [23/Nov/2026:06:54:42 +0000] "HEAD /v2/a/manifests/1 HTTP/1.1" 404 0 "-" "say \"hi\""`,
			entry{Call{"HEAD", "/v2/a/manifests/1", "", 404}, "HTTP/1.1", `say \"hi\"`}, true,
		},
		"another line": {`level=info msg="listening on 127.0.0.1:5000"`, entry{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := parseEntry(test.line)
			if ok != test.ok {
				t.Fatalf("it is an entry: %t, want %t", ok, test.ok)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(entry{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCallsWith(t *testing.T) {
	t.Parallel()
	calls := Calls{{"GET", "/v2/a/blobs/x", "", 200}, {"PUT", "/v2/a/manifests/1", "", 201}, {"GET", "/v2/a/manifests/1", "n=2", 200}}
	if diff := cmp.Diff(calls[2:], calls.With("GET", "/manifests/")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(calls[1:], calls.With("", "/manifests/")); diff != "" {
		t.Error(diff)
	}
	want := "GET /v2/a/blobs/x 200\nPUT /v2/a/manifests/1 201\nGET /v2/a/manifests/1?n=2 200\n"
	if diff := cmp.Diff(want, calls.String()); diff != "" {
		t.Error(diff)
	}
}
