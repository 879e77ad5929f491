package synthetic

import "encoding/binary"

const (
	wordSize    = 8   // bytes
	pageWords   = 512 // the compressible part is the end of each page of 4 KiB
	goldenGamma = 0x9e3779b97f4a7c15
	layerStep   = 0xd1342543de82ef95
)

// noise is pseudorandom content. Word i is the i-th output of SplitMix64 (Steele, Lea, Flood: Fast
// Splittable Pseudorandom Number Generators, 2014), so that it can be generated from any offset,
// and many times faster than SHA-256 hashes it.
type noise struct {
	seed        uint64
	randomWords uint64 // in each page; the other words of the page are all the seed
}

// newNoise returns the content of a layer.
func newNoise(seed uint64, layer int, compressible float64) noise {
	return noise{mix(mix(seed+goldenGamma) + uint64(layer)*layerStep), uint64((1-compressible)*pageWords + 0.5)}
}

func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// word returns word i.
func (n noise) word(i uint64) uint64 {
	if i%pageWords >= n.randomWords {
		return n.seed
	}
	return mix(n.seed + (i+1)*goldenGamma)
}

// fill generates the bytes from an offset.
func (n noise) fill(p []byte, offset int64) {
	i := uint64(offset) / wordSize
	if skip := offset % wordSize; skip > 0 {
		var w [wordSize]byte
		binary.LittleEndian.PutUint64(w[:], n.word(i))
		p = p[copy(p, w[skip:]):]
		i++
	}
	for ; len(p) >= wordSize; i++ {
		binary.LittleEndian.PutUint64(p, n.word(i))
		p = p[wordSize:]
	}
	if len(p) > 0 {
		var w [wordSize]byte
		binary.LittleEndian.PutUint64(w[:], n.word(i))
		copy(p, w[:])
	}
}
