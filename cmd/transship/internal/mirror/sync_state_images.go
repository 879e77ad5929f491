package mirror

import (
	"encoding/hex"
	"iter"
	"maps"
	"slices"

	"github.com/hczjl/transship/blob"
)

// stateImages are the images of a state by target. A worker may have a hundred thousand of them, so
// they are kept in half the memory of their texts.
type stateImages struct {
	byTarget map[string]packedImage
	heads    map[string]string // those of packed images, each once
}

// packedImage is a [syncedImage] without its target.
type packedImage struct {
	// head is what precedes the end that source and target have in common: their registries and prefixes
	// differ, and repository and tag rarely do.
	head   string
	common uint16 // bytes of that end
	done   bool   // a run which did not end, and is resumed, has finished it
	digest string // its bytes; their number tells the algorithm
}

// get returns the image of a target, the zero value if there is none.
func (s *stateImages) get(target string) (im syncedImage, done bool) {
	p, ok := s.byTarget[target]
	if !ok {
		return syncedImage{}, false
	}
	algorithm := blob.SHA256
	if len(p.digest) > algorithm.New().Size() {
		algorithm = blob.SHA512
	}
	digest := blob.Digest(string(algorithm) + ":" + hex.EncodeToString([]byte(p.digest)))
	return syncedImage{target, p.head + target[len(target)-int(p.common):], digest}, p.done
}

// set records an image; one without a digest is forgotten.
func (s *stateImages) set(im syncedImage, done bool) {
	digest, err := hex.DecodeString(im.Digest.Hex())
	if err != nil || len(digest) == 0 {
		delete(s.byTarget, im.Target)
		return
	}
	if s.byTarget == nil {
		s.byTarget, s.heads = map[string]packedImage{}, map[string]string{}
	}
	common := commonEnd(im.Source, im.Target)
	head := im.Source[:len(im.Source)-common]
	if _, known := s.heads[head]; !known {
		s.heads[head] = head
	}
	s.byTarget[im.Target] = packedImage{s.heads[head], uint16(common), done, string(digest)}
}

// all returns the images, sorted by target.
func (s *stateImages) all() iter.Seq[syncedImage] {
	return func(yield func(syncedImage) bool) {
		for _, target := range slices.Sorted(maps.Keys(s.byTarget)) {
			if im, _ := s.get(target); !yield(im) {
				return
			}
		}
	}
}

// commonEnd returns how many bytes two texts have in common at their ends.
func commonEnd(a, b string) int {
	n := 0
	for n < min(len(a), len(b), 1<<16-1) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
