package htpasswd

import (
	"encoding/binary"
	"math/big"
)

// guardBits is how many more bits of pi are computed than needed, since the last ones are not
// exact.
const guardBits = 64

// piWords returns the first n words of the fraction of pi. It uses the series of D. and G.
// Chudnovsky, of which each term gives 47 bits. With the sums of chudnovsky, pi is 426880
// sqrt(10005) q / (13591409 q + r).
func piWords(n int) []uint32 {
	shift := uint(32*n + guardBits)
	_, q, r := chudnovsky(1, int64(shift/47+2))
	root := big.NewInt(10005)
	root.Sqrt(root.Lsh(root, 2*shift))
	pi := root.Mul(root.Mul(root, big.NewInt(426880)), q)
	pi.Quo(pi, r.Add(r, q.Mul(q, big.NewInt(13591409))))
	pi.Sub(pi, new(big.Int).Lsh(big.NewInt(3), shift))
	b := pi.Rsh(pi, guardBits).FillBytes(make([]byte, 4*n))
	words := make([]uint32, n)
	for i := range words {
		words[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	return words
}

// chudnovsky returns the sums of the terms from a up to, not including, b by binary splitting,
// which multiplies numbers of similar size.
func chudnovsky(a, b int64) (p, q, r *big.Int) {
	if b-a == 1 {
		p = new(big.Int).Mul(big.NewInt((6*a-5)*(2*a-1)), big.NewInt(1-6*a))
		q = new(big.Int).Mul(big.NewInt(10939058860032000), big.NewInt(a*a*a))
		return p, q, new(big.Int).Mul(p, big.NewInt(545140134*a+13591409))
	}
	p, q, r = chudnovsky(a, (a+b)/2)
	p2, q2, r2 := chudnovsky((a+b)/2, b)
	r.Add(r.Mul(r, q2), r2.Mul(r2, p))
	return p.Mul(p, p2), q.Mul(q, q2), r
}
