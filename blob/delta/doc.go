// Package delta describes a blob by what it has in common with another one, exactly. [Differ] writes
// such a description, a delta; [Patch] makes the blob again from the base and the delta.
//
// A layer's digest is that of its compressed bytes, and no compressor gives the bytes of another one
// again. So nothing is compressed anew: a gzip file (RFC 1952) is split into the tokens of its DEFLATE
// blocks (RFC 1951), which are literals and pairs of length and distance, and into the bits between
// them. A delta has those bits, the heads of the blocks, and the tokens that the base lacks; all other
// tokens are copied from the base and coded with the block's own Huffman codes. That works for every
// compressor, and for files of several members. A blob that is not compressed has its bytes in the
// place of tokens. docs/formats.md describes the format.
//
// Base and target are read once each, from the first byte to the last. Copies come from a window of
// the base that moves along, so memory does not grow with the size of the blobs. The
// package checks no digests: the caller of [Patch] must, since only the digest of the output shows a
// wrong base.
package delta
