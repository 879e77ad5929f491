package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution/transfer"
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
		return origin{}, &usageError{message: fmt.Sprintf("%s as a source: %v", l, err), advice: "null:64MiB is an image with one layer of that size"}
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
	digest := im.Root().Digest
	return origin{im, string(digest), reference.Reference{Digest: digest}, func() {}}, nil
}

// nullDestination is where an image goes that is only read.
func (l location) nullDestination() (destination, error) {
	if l.path != "" {
		return destination{}, &usageError{message: fmt.Sprintf("%s as a target has no size", l), advice: "transship copy REF null: reads an image and verifies it"}
	}
	return destination{transfer.Discard{}, l, "", nothing, func() {}}, nil
}
