package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/synthetic"
	"github.com/hczjl/transship/manifest"
)

// atNull is the transport of images that are made up, and of those that are read, verified and dropped.
const atNull = "null:"

// parseCopied reads a location of copy, which can also be null: as a target and null:SIZE[:SEED] as a source.
func parseCopied(arg string) (location, error) {
	rest, null := strings.CutPrefix(arg, atNull)
	if !null {
		return parseLocation(arg)
	}
	l := location{transport: atNull}
	l.path, l.image, _ = strings.Cut(rest, ":")
	return l, nil
}

// null tells whether the location is nowhere.
func (l location) null() bool { return l.transport == atNull }

// synthetic is an image of one layer of the size that the location says, of other bytes each time unless it says a seed.
func (l location) synthetic(ctx context.Context) (origin, error) {
	var size byteSize
	if err := size.Set(l.path); err != nil {
		return origin{}, &usageError{message: fmt.Sprintf("%s as a source: %v", l, err), hint: "null:64MiB is an image with one layer of that size"}
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // it never fails
	seed := binary.LittleEndian.Uint64(random[:])
	if l.image != "" {
		var err error
		if seed, err = strconv.ParseUint(l.image, 10, 64); err != nil {
			return origin{}, &usageError{message: fmt.Sprintf("%s: the seed %q is no whole number", l, l.image)}
		}
	}
	im, err := synthetic.New(ctx, synthetic.Spec{Seed: seed, Layers: []int64{int64(size)}})
	if err != nil {
		return origin{}, err
	}
	return origin{im, string(im.Root().Digest), reference.Reference{}, func() {}}, nil
}

// nowhere is a target that reads and verifies, and keeps nothing.
type nowhere struct{}

// nullDestination is where an image goes that is only read.
func (l location) nullDestination() (destination, error) {
	if l.path != "" {
		return destination{}, &usageError{message: fmt.Sprintf("%s as a target has no size", l), hint: "transship copy REF null: reads an image and verifies it"}
	}
	return destination{nowhere{}, l, "", nothing, func() {}}, nil
}

// String is how messages call it.
func (nowhere) String() string { return atNull }

// HeadManifest implements transfer.Target: nothing is there.
func (nowhere) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	return manifest.Descriptor{}, fmt.Errorf("manifest %s: %w", ref, fs.ErrNotExist)
}

// nullBuffer is how many bytes are read at a time.
const nullBuffer = 32 << 10

// PutBlob implements transfer.Target.
func (nowhere) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string) (blob.Outcome, error) {
	r := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer r.Close()
	plain := struct{ io.Writer }{io.Discard} // whose ReadFrom reads less at a time
	_, err := io.CopyBuffer(plain, r, make([]byte, min(nullBuffer, d.Size+1)))
	return blob.Uploaded, err
}

// PutManifest implements transfer.Target.
func (nowhere) PutManifest(context.Context, string, manifest.Manifest) error { return nil }
