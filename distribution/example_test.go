package distribution_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// Copy an image with all its platforms from one repository to another, on any registries.
func Example_copyImage() {
	host, stop := demoRegistry()
	defer stop()

	registries := distribution.NewTransport(distribution.OptionsFromEnv(os.Getenv))
	src, ref, err := registries.Image(host+"/hczjl/halo:1.6", auth.Pull)
	if err != nil {
		log.Fatal(err)
	}
	dst, tag, err := registries.Image(host+"/mirror/halo:1.6", auth.Pull, auth.Push)
	if err != nil {
		log.Fatal(err)
	}
	engine := &transfer.Engine{}
	image, err := engine.Copy(context.Background(), src, ref, dst, tag)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(image.Digest)
	// Output: sha256:2bea38e3f472c48c0898553eb458e4adff4841ebe4abd7a4209d3324ce978332
}

// List the tags of a repository. A long list comes page by page while the loop runs.
func Example_listTags() {
	host, stop := demoRegistry()
	defer stop()

	repo, _, err := distribution.NewTransport(distribution.Options{}).Image(host + "/hczjl/halo")
	if err != nil {
		log.Fatal(err)
	}
	for tag, err := range repo.TagNames(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(tag)
	}
	// Output: 1.6
}

// Read a manifest and the platforms that it has an image for.
func Example_readPlatforms() {
	host, stop := demoRegistry()
	defer stop()

	repo, ref, err := distribution.NewTransport(distribution.Options{}).Image(host + "/hczjl/halo:1.6")
	if err != nil {
		log.Fatal(err)
	}
	m, err := repo.Manifest(context.Background(), ref)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.MediaType, m.Digest.Short())
	index, err := m.Index()
	if err != nil {
		log.Fatal(err) // it is an image of one platform
	}
	for _, p := range index.Platforms() {
		fmt.Println(p)
	}
	// Output:
	// application/vnd.docker.distribution.manifest.list.v2+json sha256:2bea38e3f472
	// linux/amd64
	// linux/arm/v7
	// linux/arm64
}

// Cut a list down to some of its platforms, and put it under another tag. The entries that stay
// keep their bytes.
func Example_cutPlatforms() {
	host, stop := demoRegistry()
	defer stop()

	ctx := context.Background()
	repo, ref, err := distribution.NewTransport(distribution.Options{}).Image(host + "/hczjl/halo:1.6")
	if err != nil {
		log.Fatal(err)
	}
	m, err := repo.Manifest(ctx, ref)
	if err != nil {
		log.Fatal(err)
	}
	arm, err := m.Subset(manifest.Platform{OS: "linux", Architecture: "arm64"})
	if err != nil {
		log.Fatal(err)
	}
	if err := repo.PutManifest(ctx, "1.6-arm64", arm); err != nil {
		log.Fatal(err)
	}
	fmt.Println(arm.Size, "of", m.Size, "bytes")
	// Output: 433 of 1076 bytes
}

// Save an image to a bundle, which docker load and tools for OCI layouts read too.
func Example_saveBundle() {
	host, stop := demoRegistry()
	defer stop()
	dir, remove := demoDir()
	defer remove()

	ctx := context.Background()
	src, ref, err := distribution.NewTransport(distribution.Options{}).Image(host + "/hczjl/halo:1.6")
	if err != nil {
		log.Fatal(err)
	}
	engine := &transfer.Engine{}
	image, err := engine.Collect(ctx, src, ref)
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := layout.CreateBundle(filepath.Join(dir, "halo.tar"), layout.BundleContents{
		Images:    []layout.Image{{Name: "docker.io/hczjl/halo:1.6", Descriptor: image.Root.Descriptor}},
		Manifests: image.Manifests,
		Blobs:     image.Blobs,
	}, layout.BundleFiles{})
	if err != nil {
		log.Fatal(err)
	}
	if err := engine.Fill(ctx, src, bundle, image.Blobs); err != nil {
		log.Fatal(errors.Join(err, bundle.Close())) // the next Create resumes it
	}
	inventory, err := bundle.Commit(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(inventory.Volumes[0].Size, "bytes, with", len(inventory.Content), "manifests and blobs")
	// Output: 666112 bytes, with 14 manifests and blobs
}

// Open a bundle, or any other tar of images, and list it.
func Example_openBundle() {
	path, remove := demoBundle()
	defer remove()

	archive, err := layout.OpenArchive(path)
	if err != nil {
		log.Fatal(err)
	}
	defer archive.Close()
	for _, image := range archive.Images() {
		fmt.Println(image, image.MediaType, image.Digest.Short())
	}
	// Output: hczjl/halo:1.6 application/vnd.docker.distribution.manifest.list.v2+json sha256:2bea38e3f472
}

// Serve the images of a folder as a registry, and list its repositories.
func Example_serveFolder() {
	dir, err := layout.OpenReadOnly(filepath.Join("..", "testdata", "image")) // or layout.OpenDir
	if err != nil {
		log.Fatal(err)
	}
	handler := &registry.Handler{Store: registry.OnDisk(dir)}
	server := httptest.NewServer(handler) // or http.ListenAndServe("127.0.0.1:5000", handler)
	defer server.Close()

	host := server.Listener.Addr().String()
	client := distribution.NewTransport(distribution.Options{}).Client(host)
	for name, err := range client.Catalog(context.Background(), distribution.Page{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name)
	}
	// Output: image
}

// Record the calls of a run in a file that tells if it was changed.
func Example_recordCalls() {
	host, stop := demoRegistry()
	defer stop()
	dir, remove := demoDir()
	defer remove()

	file, err := audit.Create(filepath.Join(dir, "calls.jsonl"), audit.Run{Tool: "example", Start: time.Now()})
	if err != nil {
		log.Fatal(err)
	}
	record := &wire.Recorder{OnCall: func(c wire.Call) {
		fmt.Println(c.Endpoint, c.Method, c.StatusCode)
		file.Write(audit.FromCall(c)) // Close reports what went wrong
	}}
	repo, ref, err := distribution.NewTransport(distribution.Options{Record: record}).Image(host + "/hczjl/halo:1.6")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := repo.HeadManifest(context.Background(), ref); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: end-3 HEAD 200
}
