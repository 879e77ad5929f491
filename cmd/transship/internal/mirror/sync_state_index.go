package mirror

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// stateIndex finds the images in the file of a state, or in a log, by their targets. It has where each is, which
// takes 26 bytes of memory: a worker may have a hundred thousand of them.
type stateIndex struct {
	file io.ReaderAt
	at   map[uint64]int64 // by the hash of the target; of two with one hash the later is there
}

// add adds the image that begins at an offset of the file, in place of an earlier one of the same target.
func (x *stateIndex) add(im syncedImage, at int64) error {
	if x.at == nil {
		x.at = map[uint64]int64{}
	}
	x.at[shortHash(im.Target)] = at
	return nil
}

// addNew is add for an image whose target must not have an earlier one.
func (x *stateIndex) addNew(im syncedImage, at int64) error {
	if _, twice := x.get(im.Target); twice {
		return fmt.Errorf("it has %q twice", im.Target)
	}
	return x.add(im, at)
}

// get returns the image of a target, the zero value if there is none.
func (x *stateIndex) get(target string) (im syncedImage, found bool) {
	at, found := x.at[shortHash(target)]
	if !found {
		return syncedImage{}, false
	}
	im, err := imageAt(x.file, at)
	if err != nil || im.Target != target {
		return syncedImage{}, false
	}
	return im, true
}

// forget forgets the image of a target.
func (x *stateIndex) forget(target string) { delete(x.at, shortHash(target)) }

// imageAt reads the image that begins at an offset of a state or a log.
func imageAt(file io.ReaderAt, at int64) (im syncedImage, err error) {
	err = json.NewDecoder(io.NewSectionReader(file, at, math.MaxInt64-at)).Decode(&im)
	return im, err
}

func shortHash(text string) uint64 {
	hash := hashText(text)
	return binary.BigEndian.Uint64(hash[:])
}
