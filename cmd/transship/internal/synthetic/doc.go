// Package synthetic makes images out of a seed, to measure with: valid in form, of any size, and different for each seed.
//
// An [Image] is a source of a copy. Its layers are generated while they are read, from any offset on, and are never held;
// making one reads each layer once, for its digest.
package synthetic
