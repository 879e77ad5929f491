// Package synthetic generates valid images of any size from a seed, for benchmarks. Start with
// [New].
//
// An [Image] is a source of a copy. Its layers are generated while they are read, from any offset,
// and are never held in memory. New reads each layer once to get its digest.
package synthetic
