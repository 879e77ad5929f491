// Package stores runs one test suite on every kind of source and target, over real registries: it
// tests what package transfer expects of them.
package stores

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/integration/servers"
)

type store interface {
	transfer.Source
	transfer.Target
	transfer.Placer
	transfer.ReferrerLister
}

// storeSet returns stores that can mount each other's blobs: the repositories of one registry.
type storeSet func(name string) store

// storeSets are the kinds of stores that the suite runs on.
var storeSets = map[string]func(*testing.T) storeSet{
	"distribution 3": func(t *testing.T) storeSet { return repositories(servers.CNCF(t, servers.Options{}).Host, 0) },
	"distribution 3, chunks": func(t *testing.T) storeSet {
		return repositories(servers.CNCF(t, servers.Options{}).Host, 100_000)
	},
	"distribution 2.8": func(t *testing.T) storeSet {
		return repositories(servers.Debian(t, servers.Options{}).Host,
			0)
	},
	"distribution 2.8, chunks": func(t *testing.T) storeSet {
		return repositories(servers.Debian(t, servers.Options{RelativeURLs: true}).Host, 100_000)
	},
	"embedded, memory": func(t *testing.T) storeSet { return repositories(embedded(t, &registry.Handler{}), 0) },
	"embedded, folder": func(t *testing.T) storeSet {
		return repositories(embedded(t, &registry.Handler{Store: registry.OnDisk(newLayout(t))}), 100_000)
	},
	"image layout": func(t *testing.T) storeSet {
		dir := newLayout(t)
		return func(name string) store { return dir.Repository(name) }
	},
}

// repositories returns the repositories of a plain HTTP registry; chunk is the size of upload
// chunks in bytes, 0 for whole blobs.
func repositories(host string, chunk int64) storeSet {
	client := &distribution.Client{Host: host, PlainHTTP: true}
	return func(name string) store {
		return &distribution.Repository{Client: client, Name: name, ChunkSize: chunk}
	}
}

// embedded serves an embedded registry and returns its host.
func embedded(t *testing.T, handler *registry.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func newLayout(t *testing.T) *layout.Dir {
	t.Helper()
	dir, err := layout.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestStores(t *testing.T) {
	t.Parallel()
	for name, start := range storeSets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			for _, test := range []struct {
				name string
				run  func(*testing.T, storeSet)
			}{
				{"NothingThere", testEmpty},
				{"Blobs", testBlobs},
				{"BlobOfSHA512", testBlobOfSHA512},
				{"Mounts", testMounts},
				{"WrongBlobs", testWrongBlobs},
				{"BrokenSource", testBrokenSource},
				{"FailingSource", testFailingSource},
				{"Cancelled", testCancelled},
				{"Manifests", testManifests},
				{"TagMoves", testTagMoves},
				{"Referrers", testReferrers},
			} {
				t.Run(test.name, func(t *testing.T) { test.run(t, h) })
			}
		})
	}
}
