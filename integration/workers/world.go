// Package workers copies a whole registry of synthetic images with several workers, which are processes of transship, kills
// some of them and starts them again. Start from [World].
package workers

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// World is a source registry, and how it is copied. The registries are embedded ones in this process, which count the calls.
type World struct {
	Program            string // the path of transship
	Repositories, Tags int
	Shards, Kills      int
	Latency            time.Duration // of each call
	AtOnce             int           // calls that a registry answers at once, 0 for any number

	source *registry.Memory
}

// Each image has a base layer that baseOf repositories share, a layer of its repository, and a layer and a config of its own.
const (
	baseOf    = 50
	layerSize = 256 // bytes: calls are measured here, not bytes
)

// name is that of a repository: teams of ten.
func (w *World) name(i int) string { return fmt.Sprintf("team%d/app%d", i/10, i) }

// Fill makes the source.
func (w *World) Fill(ctx context.Context) error {
	w.source = new(registry.Memory)
	for i := range w.Tags {
		n := i % w.Repositories
		if err := putImage(ctx, w.source.Repository(w.name(n)), n, i); err != nil {
			return err
		}
	}
	return nil
}

// putImage puts image i into repository n.
func putImage(ctx context.Context, repo registry.Repository, n, i int) error {
	layers := []manifest.Descriptor{}
	var diffs []blob.Digest
	for _, seed := range []int{n / baseOf, 1<<32 + n, 1<<33 + i} {
		d, err := putBlob(ctx, repo, manifest.MediaTypeOCILayer, noise(seed))
		if err != nil {
			return err
		}
		layers, diffs = append(layers, d), append(diffs, d.Digest)
	}
	config, err := json.Marshal(map[string]any{"os": "linux", "architecture": "amd64",
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs}})
	if err != nil {
		return err
	}
	c, err := putBlob(ctx, repo, manifest.MediaTypeOCIConfig, config)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": manifest.MediaTypeOCIManifest, "config": c, "layers": layers})
	if err != nil {
		return err
	}
	m, err := manifest.Parse(manifest.MediaTypeOCIManifest, raw)
	if err != nil {
		return err
	}
	return repo.PutManifest(ctx, fmt.Sprint("1.", i), m)
}

func noise(seed int) []byte {
	source := rand.New(rand.NewPCG(uint64(seed), 1))
	out := make([]byte, layerSize)
	for i := range out {
		out[i] = byte(source.Uint32())
	}
	return out
}

func putBlob(ctx context.Context, repo registry.Repository, mediaType string, content []byte) (manifest.Descriptor, error) {
	d := manifest.Descriptor{MediaType: mediaType, Digest: blob.FromBytes(content), Size: int64(len(content))}
	u, err := repo.NewUpload(ctx, blob.SHA256)
	if err != nil {
		return d, err
	}
	if _, err := u.Write(content); err != nil {
		return d, err
	}
	return d, u.Commit(ctx, d.Digest)
}

// counted is a registry that counts its calls, and answers them as slowly as it is told.
type counted struct {
	*httptest.Server
	calls  atomic.Int64
	images atomic.Int64 // manifests that were put
	onPut  func(images int64)

	mu     sync.Mutex
	seen   map[string]bool // tags that were asked for
	again  atomic.Int64
	atOnce chan struct{}
}

func (w *World) serve(store registry.Store, onPut func(int64)) *counted {
	c := &counted{onPut: onPut, seen: map[string]bool{}}
	if w.AtOnce > 0 {
		c.atOnce = make(chan struct{}, w.AtOnce)
	}
	h := &registry.Handler{Store: store, PageSize: 1000, MaxUploads: 10_000, MaxUploadsPerClient: 10_000}
	c.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c.count(r)
		if c.atOnce != nil {
			c.atOnce <- struct{}{}
			defer func() { <-c.atOnce }()
		}
		time.Sleep(w.Latency)
		h.ServeHTTP(rw, r)
		if r.Method == http.MethodPut && r.URL.Query().Get("digest") == "" {
			if n := c.images.Add(1); c.onPut != nil {
				c.onPut(n)
			}
		}
	}))
	return c
}

// count counts a call, and whether it asks once more for a tag.
func (c *counted) count(r *http.Request) {
	c.calls.Add(1)
	if r.Method != http.MethodHead || !strings.Contains(r.URL.Path, "/manifests/1.") {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[r.URL.Path] {
		c.again.Add(1)
	}
	c.seen[r.URL.Path] = true
}

// host is where it listens.
func (c *counted) host() string { return c.Listener.Addr().String() }
