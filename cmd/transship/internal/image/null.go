package image

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// ParseCopyLocation parses a location of the command copy: as [ParseLocation] does, or null: as a
// target and null:SIZE[:SEED] as a source.
func ParseCopyLocation(arg string) (Location, error) {
	rest, null := strings.CutPrefix(arg, transportNull)
	if !null {
		return ParseLocation(arg)
	}
	l := Location{Transport: transportNull}
	l.Path, l.image, _ = strings.Cut(rest, ":")
	return l, nil
}

// synthetic generates the image of null:SIZE[:SEED], with one layer. Without a seed its bytes
// differ each time.
func (l Location) synthetic(ctx context.Context) (Origin, error) {
	var size cli.ByteSize
	if err := size.Set(l.Path); err != nil {
		return Origin{}, &cli.UsageError{
			Message: fmt.Sprintf("%s as a source: %v", l, err),
			Advice:  "null:64MiB is an image with one layer of that size",
		}
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	seed := binary.LittleEndian.Uint64(random[:])
	if l.image != "" {
		var err error
		if seed, err = strconv.ParseUint(l.image, 10, 64); err != nil {
			message := fmt.Sprintf("%s: the seed %q is not a whole number", l, l.image)
			return Origin{}, &cli.UsageError{Message: message}
		}
	}
	im, err := synthetic.New(ctx, synthetic.Spec{Seed: seed, Layers: []int64{int64(size)}})
	if err != nil {
		return Origin{}, err
	}
	digest := im.Root().Digest
	return Origin{Source: im, Ref: string(digest), Name: reference.Reference{Digest: digest}}, nil
}

// nullDestination returns a target that reads and verifies an image and keeps nothing.
func (l Location) nullDestination() (Destination, error) {
	if l.Path != "" {
		return Destination{}, &cli.UsageError{
			Message: fmt.Sprintf("%s as a target has no size", l),
			Advice:  "transship copy REF null: reads an image and verifies it",
		}
	}
	return Destination{Target: transfer.Discard{}, Location: l}, nil
}
