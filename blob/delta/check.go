package delta

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Check checks a delta without its base: its form, what it costs, that its copies are of the window and of a
// base of baseSize bytes, and that it may make size bytes. Only applying it shows the rest: whether the
// tokens of the base have codes where they are copied to, and whether the bytes are those of the blob.
//
// Errors are [ErrDamaged] and [ErrVersion], and those of the reader.
func Check(delta io.Reader, baseSize, size int64) error {
	r, h, err := newOperations(bufio.NewReader(delta))
	if err == nil && r.size != size {
		err = formatError(fmt.Sprintf("it makes %d bytes, not %d", r.size, size))
	}
	if err != nil {
		return damaged(err)
	}
	elements := min(baseSize, maxSize)
	if h.elements == elementsTokens {
		elements *= 8 // each takes a bit or more
	}
	r.base = &unread{span{back: 1 << h.windowBits}, r, h.elements == elementsTokens, elements}
	for err == nil {
		err = r.step()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return damaged(err)
}

// unread stands for a base that is not read.
type unread struct {
	span
	made     *Reader
	tokens   bool
	elements int64 // that the base may have
}

// copy implements copier. It counts the bits that the elements may take.
func (u *unread) copy(n int64) (int64, error) {
	if n > u.elements-u.at {
		return 0, errBehindBase
	}
	least, most := int64(8), int64(8)
	if u.tokens {
		least, most = u.made.out.code.bounds()
	}
	u.made.least += n * least
	u.made.most += n * most
	if u.made.least > 8*u.made.left {
		return 0, errMore
	}
	u.copied(n)
	return n, nil
}

// bounds returns how many bits a token takes, at least and at most.
func (c *code) bounds() (least, most int64) {
	if !c.huffman {
		return 8, 8
	}
	least, most = c.lit.bounds()
	_, distance := c.dist.bounds()
	return least, most + distance + maxTokenBits - 2*maxCodeBits
}

// bounds returns the lengths of the shortest and the longest code, 0 if there is none.
func (p *prefixCode) bounds() (shortest, longest int64) {
	for n, count := range p.count {
		if count == 0 {
			continue
		}
		if shortest == 0 {
			shortest = int64(n)
		}
		longest = int64(n)
	}
	return shortest, longest
}
