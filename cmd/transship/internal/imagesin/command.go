// Package imagesin is the command that finds the images in documents of other programs: [ImagesIn]
// returns images-in.
package imagesin

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// ImagesIn returns the command images-in.
func ImagesIn() run.Command {
	return run.Command{
		Name: "images-in", Args: "FILE|-", Min: 1, Max: 1,
		Short: "print the image names in YAML, JSON or text, for save -f",
		Long: `Reads what helm template, kustomize build, kubectl get -o yaml|json and compose files have: the values of image:, quoted
or not, those of "image" in JSON, and image: {repository, tag, registry, digest} of helm's values, in YAML or JSON.
Prints whole names, sorted, each once: nginx is docker.io/library/nginx:latest. Values that are no reference, as
templates are, are left out with a note. It makes no call. If no image is found, the exit code is 4.`,
		Example: `helm template mychart | transship images-in - > images.txt
transship images-in compose.yaml`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			r.QuietFlag(fs)
			r.JSONFlag(fs)
			return printImages
		},
	}
}

// Document is what images-in --json prints.
type Document struct {
	cli.Outcome
	Images []Image `json:"images"`
	// Ignored is how many values no image can have, as templates, and Line that of the first.
	Ignored int `json:"ignored,omitempty"`
	Line    int `json:"line,omitempty"`
}

// Image is an image that a document names.
type Image struct {
	Reference string `json:"reference"`
}

func printImages(ctx context.Context, r *run.Run, args []string) error {
	name := args[0]
	in, err := open(ctx, r.Stdin, name)
	if err != nil {
		return err
	}
	defer in.Close()
	if name == "-" {
		name = "standard input"
	}
	f := &finder{images: map[string]bool{}}
	if err := f.read(ctx, in); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	out := &Document{Images: []Image{}, Ignored: f.refused, Line: f.refusedLine}
	r.SetDocument(out)
	if f.refused > 0 {
		r.Note("%s: left out %d value%s that no image can have, the first in line %d", name, f.refused,
			cli.Plural(f.refused), f.refusedLine)
	}
	if len(f.images) == 0 {
		return &noImageError{name}
	}
	for _, image := range slices.Sorted(maps.Keys(f.images)) {
		out.Images = append(out.Images, Image{image})
		fmt.Fprintln(r.Stdout, image)
	}
	return nil
}

// open opens a file, a pipe or standard input.
func open(ctx context.Context, stdin io.Reader, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	return cli.OpenFile(ctx, name)
}

// noImageError is the error of a document that names no image.
type noImageError struct{ name string }

// Error names the document.
func (e *noImageError) Error() string { return e.name + " names no image" }

// ExitCode implements the interface of package cli.
func (*noImageError) ExitCode() int { return cli.ExitNotFound }

// Hint says what is looked for.
func (*noImageError) Hint() string {
	return `images are the values of image: in YAML, and of "image" in JSON`
}
