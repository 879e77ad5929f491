package mirror

import (
	"cmp"
	"io"
	"iter"
	"slices"
	"strings"
)

// sortedAtOnce is how many targets are in memory to be sorted.
const sortedAtOnce = 2048

// imageSorter sorts the images of files by target. Of one target the image that was added last counts. It has
// 8 bytes in memory for each image: where it is in its file.
type imageSorter struct {
	parts []iter.Seq[syncedImage] // sorted, the older first
	err   error                   // of reading an image
}

// placedImage is where the image of a target is in a file.
type placedImage struct {
	target string
	at     int64
}

// addFile adds the images that scan finds in a file.
func (s *imageSorter) addFile(file io.ReaderAt, scan func(addImage) error) error {
	var part []placedImage
	err := scan(func(im syncedImage, at int64) error {
		if len(part) == sortedAtOnce {
			s.addPart(file, part)
			part = part[:0]
		}
		part = append(part, placedImage{im.Target, at})
		return nil
	})
	s.addPart(file, part)
	return err
}

// addPart adds images of a file.
func (s *imageSorter) addPart(file io.ReaderAt, part []placedImage) {
	slices.SortFunc(part, func(a, b placedImage) int {
		return cmp.Or(strings.Compare(a.target, b.target), cmp.Compare(b.at, a.at))
	})
	part = slices.CompactFunc(part, func(a, b placedImage) bool { return a.target == b.target })
	places := make([]int64, len(part))
	for i, p := range part {
		places[i] = p.at
	}
	s.parts = append(s.parts, func(yield func(syncedImage) bool) {
		for _, at := range places {
			im, err := imageAt(file, at)
			if err != nil {
				s.err = err
				return
			}
			if !yield(im) {
				return
			}
		}
	})
}

// all returns the images that were not forgotten, sorted by target.
func (s *imageSorter) all() iter.Seq[syncedImage] {
	return func(yield func(syncedImage) bool) {
		for im := range merged(s.parts) {
			if im.Digest != "" && !yield(im) {
				return
			}
		}
	}
}

// merged merges sorted sequences, of which a later one has the newer images.
func merged(parts []iter.Seq[syncedImage]) iter.Seq[syncedImage] {
	switch half := len(parts) / 2; len(parts) {
	case 0:
		return func(func(syncedImage) bool) {}
	case 1:
		return parts[0]
	default:
		return mergedPair(merged(parts[:half]), merged(parts[half:]))
	}
}

// mergedPair merges two sequences that have each target once.
func mergedPair(older, newer iter.Seq[syncedImage]) iter.Seq[syncedImage] {
	return func(yield func(syncedImage) bool) {
		next, stop := iter.Pull(newer)
		defer stop()
		im, more := next()
		for old := range older {
			for ; more && im.Target < old.Target; im, more = next() {
				if !yield(im) {
					return
				}
			}
			if (!more || im.Target != old.Target) && !yield(old) {
				return
			}
		}
		for ; more; im, more = next() {
			if !yield(im) {
				return
			}
		}
	}
}
