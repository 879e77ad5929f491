package distribution_test

import (
	"context"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/transfer"
)

// demoTag is the tag of the image in testdata/image.
const demoTag = "2.0.12"

// demoImage opens the image that the examples use.
func demoImage() *layout.Repository {
	dir, err := layout.OpenReadOnly(filepath.Join("..", "testdata", "image"))
	if err != nil {
		log.Fatal(err)
	}
	return dir.Unnamed()
}

// demoRegistry starts a registry in memory that has the image as hczjl/halo:1.6.
func demoRegistry() (host string, stop func()) {
	server := httptest.NewServer(&registry.Handler{Store: &registry.Memory{}})
	host = server.Listener.Addr().String()
	repo, tag, err := distribution.NewTransport(distribution.Options{}).Image(host + "/hczjl/halo:1.6")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := new(transfer.Engine).Copy(context.Background(), demoImage(), demoTag, repo, tag); err != nil {
		log.Fatal(err)
	}
	return host, server.Close
}

// demoBundle writes a bundle that has the image as hczjl/halo:1.6.
func demoBundle() (path string, remove func()) {
	dir, remove := demoDir()
	path = filepath.Join(dir, "halo.tar")
	ctx, engine, src := context.Background(), &transfer.Engine{}, demoImage()
	image, err := engine.Collect(ctx, src, demoTag)
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := layout.CreateBundle(path, layout.BundleContents{
		Images:    []layout.Image{{Name: "docker.io/hczjl/halo:1.6", Descriptor: image.Root.Descriptor}},
		Manifests: image.Manifests,
		Blobs:     image.Blobs,
	}, layout.BundleFiles{})
	if err != nil {
		log.Fatal(err)
	}
	if err := engine.Fill(ctx, src, bundle, image.Blobs); err != nil {
		log.Fatal(err)
	}
	if _, err := bundle.Commit(ctx); err != nil {
		log.Fatal(err)
	}
	return path, remove
}

// demoDir makes a folder for the files of an example.
func demoDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(dir) }
}
