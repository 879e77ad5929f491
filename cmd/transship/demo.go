package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/testdata/image"
)

// The names that the demo copies from and to; they are those of the walk-through that this program replaces.
const (
	demoFrom = "halohub/halo:1.6"
	demoTo   = "hczjl/halo:1.6"
)

func demoCommand() command {
	return command{
		name: "demo", min: 0, max: 0,
		short: "re-host a small image between two registries inside this program, and show every call",
		long: `Needs no network, no docker and no registry: it starts two registries on loopback, puts a small image for
three platforms into the first, and copies it to the second.`,
		example: "transship demo",
		setup: func(*flag.FlagSet, *app) action {
			return func(ctx context.Context, a *app, _ []string) error { return demo(ctx, a) }
		},
	}
}

// demo shows the whole job on two registries of its own.
func demo(ctx context.Context, a *app) error {
	source, stopSource, err := startRegistry()
	if err != nil {
		return err
	}
	defer stopSource()
	target, stopTarget, err := startRegistry()
	if err != nil {
		return err
	}
	defer stopTarget()
	from, to := source+"/"+demoFrom, target+"/"+demoTo

	var shown atomic.Bool
	a.shared.onCall = func(c wire.Call) {
		if shown.Load() {
			fmt.Fprintln(a.stdout, demoLine(c, source, target))
		}
	}
	if err := fill(ctx, a, from); err != nil {
		return fmt.Errorf("filling the first registry: %w", err)
	}
	fmt.Fprintf(a.stdout, "Two registries run on loopback. The first has a real image for three platforms, %s.\n\n", from)
	fmt.Fprintf(a.stdout, "$ transship copy %s %s\n", from, to)
	shown.Store(true)
	if err := (&copying{src: &side{label: "src"}, dst: &side{label: "dst"}, jobs: 1}).run(ctx, a, []string{from, to}); err != nil {
		return err
	}
	shown.Store(false)
	fmt.Fprintf(a.stdout, "\nThe list is there byte for byte, and so is all that it names:\n\n$ transship inspect --raw %s\n", to)
	if err := showRaw(ctx, a, to); err != nil {
		return err
	}
	fmt.Fprint(a.stdout, "\n\nNow with yours:\n"+
		"  transship copy alpine:3.20 registry.example.com/alpine:3.20\n"+
		"  transship help\n")
	return nil
}

// demoLine is a call that fits on a terminal's line, with the registries' roles for their addresses.
func demoLine(c wire.Call, source, target string) string {
	text, err := url.QueryUnescape(c.URL)
	if err != nil {
		text = c.URL
	}
	text = strings.NewReplacer("http://"+source, "source ", "http://"+target, "target ").Replace(text)
	text = regexp.MustCompile(`uploads/([0-9a-f]{8})[0-9a-f-]+`).ReplaceAllString(text, "uploads/$1...")
	return fmt.Sprintf("  %d %-4s %s", c.StatusCode, c.Method, shorten(text))
}

// startRegistry serves an empty registry in memory on a loopback port of its own.
func startRegistry() (host string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: &registry.Handler{}, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	return listener.Addr().String(), func() { server.Close() }, nil
}

// fill puts the image that this program carries under a reference.
func fill(ctx context.Context, a *app, into string) error {
	ref, err := reference.Parse(into)
	if err != nil {
		return err
	}
	root, err := embeddedRoot()
	if err != nil {
		return err
	}
	dst, err := a.repository(ctx, &side{}, ref)
	if err != nil {
		return err
	}
	_, err = new(transfer.Engine).Copy(ctx, embedded{image.Layout}, root, dst, ref.Tag)
	return err
}

// embeddedRoot returns the digest of the embedded image's list.
func embeddedRoot() (string, error) {
	raw, err := fs.ReadFile(image.Layout, "index.json")
	if err != nil {
		return "", err
	}
	var ix manifest.Index
	if err := json.Unmarshal(raw, &ix); err != nil {
		return "", err
	}
	if len(ix.Manifests) == 0 {
		return "", errors.New("the embedded layout is empty")
	}
	return string(ix.Manifests[0].Digest), nil
}

// embedded reads an OCI image layout out of the program, by digest (image-spec, image-layout.md).
type embedded struct{ files fs.FS }

// Manifest implements transfer.Source.
func (e embedded) Manifest(_ context.Context, ref string) (manifest.Manifest, error) {
	raw, err := fs.ReadFile(e.files, blobFile(blob.Digest(ref)))
	if err != nil {
		return manifest.Manifest{}, err
	}
	return manifest.Parse("", raw)
}

// Blob implements transfer.Source.
func (e embedded) Blob(_ context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	f, err := e.files.Open(blobFile(d.Digest))
	if err != nil {
		return nil, err
	}
	_, err = io.CopyN(io.Discard, f, offset)
	return f, err
}

func blobFile(d blob.Digest) string { return path.Join("blobs", string(d.Algorithm()), d.Hex()) }

func showRaw(ctx context.Context, a *app, arg string) error {
	_, m, _, err := a.fetch(ctx, &side{}, arg)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(m.Raw)
	return err
}
