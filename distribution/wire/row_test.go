package wire

import (
	"net/url"
	"testing"
)

func TestRow(t *testing.T) {
	const d = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	tests := []struct{ method, path, want string }{
		{"GET", "/v2/", "end-1"},
		{"GET", "/v2", "end-1"},
		{"GET", "/v2/a/b/blobs/" + d, "end-2"},
		{"HEAD", "/v2/a/blobs/" + d, "end-2"},
		{"GET", "/v2/a/manifests/1.6", "end-3"},
		{"HEAD", "/v2/blobs/uploads/manifests/1.6", "end-3"},
		{"POST", "/v2/a/blobs/uploads/", "end-4a"},
		{"POST", "/v2/a/blobs/uploads", "end-4a"},
		{"POST", "/v2/a/blobs/uploads/?digest=" + d, "end-4b"},
		{"POST", "/v2/a/blobs/uploads/?digest-algorithm=sha512", "end-4c"},
		{"PATCH", "/v2/a/blobs/uploads/1?_state=x", "end-5"},
		{"PUT", "/v2/a/blobs/uploads/1?_state=x&digest=" + d, "end-6"},
		{"PUT", "/v2/a/manifests/1.6", "end-7a"},
		{"PUT", "/v2/a/manifests/" + d + "?tag=1.6", "end-7b"},
		{"GET", "/v2/a/tags/list", "end-8a"},
		{"GET", "/v2/a/tags/list?n=10&last=b", "end-8b"},
		{"DELETE", "/v2/a/manifests/" + d, "end-9"},
		{"DELETE", "/v2/a/blobs/" + d, "end-10"},
		{"POST", "/v2/a/blobs/uploads/?mount=" + d + "&from=b", "end-11"},
		{"GET", "/v2/a/referrers/" + d, "end-12a"},
		{"GET", "/v2/a/referrers/" + d + "?artifactType=x", "end-12b"},
		{"GET", "/v2/a/blobs/uploads/1", "end-13"},
		{"DELETE", "/v2/a/blobs/uploads/1", "end-14"},
		{"GET", "/v2/_catalog?n=10", "catalog"},
		{"GET", "/v2/auth?scope=x", ""},
		{"GET", "/token", ""},
		{"POST", "/v2/", ""},
		{"PUT", "/v2/a/blobs/" + d, ""},
		{"POST", "/v2/a/tags/list", ""},
		{"GET", "/v2/manifests/1.6", ""},
		{"PUT", "/artifacts-uploads/x", ""},
		{"GET", "", ""},
	}
	for _, test := range tests {
		u, err := url.Parse("https://registry.example" + test.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := Row(test.method, u); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.method, test.path, got, test.want)
		}
	}
}
