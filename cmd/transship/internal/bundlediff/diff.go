package bundlediff

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// Diff returns the command bundle diff.
func Diff() run.Command {
	return run.Command{
		Name: "bundle diff", Args: "A B", Min: 2, Max: 2,
		Short: "show what changed from one bundle to another",
		Long: `A and B are bundles of save (of several volumes their common name), other image tars, OCI image layouts in
folders, or the inventories FILE.json of bundles. Lines begin with - for what only A has, with + for what only B has,
and with ~ for a name that is another image in B. The last column has the blobs of an image or platform that the other
bundle lacks. A table follows that says how each bundle has its blobs: whole, as deltas (save --delta), or left to the
bundle that it builds on (save --since), which need not be there. Inventories have no platforms.

The exit code is 0 if both have the same images and blobs, however they have them, and 1 if they differ, like that of
diff(1). If a file cannot be read, nothing is printed on standard output, and the exit code says why.`,
		Example: `transship bundle diff monday.tar tuesday.tar
transship bundle diff monday.tar.json tuesday.tar.json`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			r.JSONFlag(fs)
			return func(ctx context.Context, r *run.Run, args []string) error {
				return diffBundles(ctx, r, args[0], args[1])
			}
		},
	}
}

// Difference is what bundle diff --json prints.
type Difference struct {
	cli.Outcome
	A Side `json:"a"`
	B Side `json:"b"`
	// Images are those that changed, by name.
	Images []ImageChange `json:"images"`
	// Blobs are those that one of the bundles does not have, by digest.
	Blobs []BlobChange `json:"blobs"`
}

// Side is one of the bundles.
type Side struct {
	File     string `json:"file"`
	BuildsOn string `json:"buildsOn,omitempty"`
	Images   int    `json:"images"`
	Blobs    Sum    `json:"blobs"` // of which the images consist
	Only     Sum    `json:"only"`  // of these, what the other side does not have
	Whole    Sum    `json:"whole"` // of these, what is in the file
	InBase   Sum    `json:"inBase"`
	// Deltas counts the blobs that are deltas in the file, with the bytes of the deltas.
	Deltas    Sum   `json:"deltas"`
	InPlaceOf int64 `json:"inPlaceOf"` // bytes of the blobs that are deltas
}

// Sum is a number of blobs and their bytes.
type Sum struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
}

func (s *Sum) add(bytes int64) {
	s.Count++
	s.Bytes += bytes
}

// Kind is how something differs.
type Kind string

// The kinds of changes.
const (
	Gone  Kind = "gone"  // only in A
	Added Kind = "added" // only in B
	Moved Kind = "moved" // another digest in B
)

// ImageChange is an image that changed.
type ImageChange struct {
	Name string      `json:"name"` // the full name; of an image without one its tag or digest
	Kind Kind        `json:"kind"`
	A    blob.Digest `json:"a,omitempty"`
	B    blob.Digest `json:"b,omitempty"`
	// Only are blobs of the image that the other bundle does not have: A, or B if the image is gone. It
	// is nil if the manifests are not there to tell.
	Only      *Sum             `json:"only,omitempty"`
	Platforms []PlatformChange `json:"platforms,omitempty"`
}

// PlatformChange is a platform of an image that changed.
type PlatformChange struct {
	Platform string      `json:"platform"`
	Kind     Kind        `json:"kind"`
	A        blob.Digest `json:"a,omitempty"`
	B        blob.Digest `json:"b,omitempty"`
	Only     Sum         `json:"only"` // as of an image
}

// BlobChange is a blob that one of the bundles does not have.
type BlobChange struct {
	Digest blob.Digest `json:"digest"`
	Size   int64       `json:"size"`
	Kind   Kind        `json:"kind"`
}

// equal reports whether both bundles have the same images and blobs.
func (d *Difference) equal() bool { return len(d.Images)+len(d.Blobs) == 0 }

// count returns how many images have changed in a way.
func (d *Difference) count(kind Kind) (n int) {
	for _, im := range d.Images {
		if im.Kind == kind {
			n++
		}
	}
	return n
}

// diffBundles prints how two bundles differ. That they do is an error.
func diffBundles(ctx context.Context, r *run.Run, a, b string) error {
	d := &Difference{Images: []ImageChange{}, Blobs: []BlobChange{}}
	before, err := openSide(ctx, r, a)
	if err != nil {
		return err
	}
	defer before.close()
	after, err := openSide(ctx, r, b)
	if err != nil {
		return err
	}
	defer after.close()
	if err := d.compare(ctx, before, after); err != nil {
		return err
	}
	r.SetDocument(d)
	if d.equal() {
		r.Note("no difference: both have %d image%s", d.A.Images, cli.Plural(d.A.Images))
		return nil
	}
	if _, err := io.WriteString(r.Stdout, d.text()); err != nil {
		return err
	}
	return fmt.Errorf("the bundles differ: %d image%s gone, %d added, %d moved",
		d.count(Gone), cli.Plural(d.count(Gone)), d.count(Added), d.count(Moved))
}
