package synthetic

import "encoding/binary"

const (
	wordSize  = 8   // bytes
	pageWords = 512 // the compressible part is the end of each page of 4 KiB
	golden    = 0x9e3779b97f4a7c15
	layerStep = 0xd1342543de82ef95
)

// noise is content that a seed determines. Word i is SplitMix64's i-th output (Steele, Lea, Flood: Fast Splittable
// Pseudorandom Number Generators, 2014), so that it can be had from any offset, at many times the speed of SHA-256.
type noise struct {
	seed   uint64
	random uint64 // how many words of a page are random; the others are one word, again and again
}

// newNoise is the content of a layer.
func newNoise(seed uint64, layer int, compressible float64) noise {
	return noise{mix(mix(seed+golden) + uint64(layer)*layerStep), uint64((1-compressible)*pageWords + 0.5)}
}

func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// word returns word i.
func (n noise) word(i uint64) uint64 {
	if i%pageWords >= n.random {
		return n.seed
	}
	return mix(n.seed + (i+1)*golden)
}

// fill generates the bytes from an offset on.
func (n noise) fill(p []byte, at int64) {
	i := uint64(at) / wordSize
	if within := at % wordSize; within > 0 {
		var w [wordSize]byte
		binary.LittleEndian.PutUint64(w[:], n.word(i))
		p = p[copy(p, w[within:]):]
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
