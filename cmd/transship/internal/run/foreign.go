package run

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// foreignLayers is the value of --foreign-layers: "carry", "fetch", "skip", or "" for the default.
type foreignLayers string

// String implements flag.Value.
func (f *foreignLayers) String() string { return string(*f) }

// Set implements flag.Value.
func (f *foreignLayers) Set(s string) error {
	switch s {
	case "carry", "fetch", "skip":
		*f = foreignLayers(s)
		return nil
	}
	return fmt.Errorf("%q is not one of carry, fetch and skip", s)
}

// ForeignFlag registers --foreign-layers, for commands that copy images.
func (r *Run) ForeignFlag(fs *flag.FlagSet) {
	fs.Var(&r.foreign, "foreign-layers", "`how` to treat layers that the image has at URLs elsewhere: carry "+
		"those that the source has, fetch the others from their URLs too, or skip all (default carry)")
}

// ForeignNote returns why a foreign layer is left out, and what the user can do.
func (r *Run) ForeignNote(d manifest.Descriptor) string {
	layer := fmt.Sprintf("foreign layer %s (%s) is left out", d.Digest, cli.FormatBytes(d.Size))
	switch {
	case r.foreign == "skip":
		return layer + ", as --foreign-layers skip says"
	case len(d.URLs) == 0:
		return layer + ": the source does not have it, and the image has no URL of it"
	}
	return fmt.Sprintf("%s: the source does not have it; --foreign-layers fetch gets it from %s", layer, d.URLs[0])
}

// setForeign sets the engine's fields for --foreign-layers.
func (r *Run) setForeign(e *transfer.Engine) {
	e.SkipForeign = r.foreign == "skip"
	if r.foreign == "fetch" {
		e.OpenURL = r.openURL
	}
}

// openURL opens a blob at a URL that an image has. What was given for the run's registries, such as
// credentials and certificates, is not for the URL's host.
func (r *Run) openURL(ctx context.Context, url string, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	t, err := (&Remote{run: r}).transport(ctx)
	if err != nil {
		return nil, err
	}
	in, err := t.OpenURL(ctx, url, d.Digest, offset)
	if err != nil {
		return nil, cli.WithHint(err, "the URL is in the image; without --foreign-layers fetch the layer is left out")
	}
	return in, nil
}
