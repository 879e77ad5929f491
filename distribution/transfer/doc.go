// Package transfer copies images from a [Source] to a [Target]. Start with [Engine]: its zero value
// copies all platforms of an image with [Engine.Copy], and writes several targets in one pass with
// [Engine.CopyAll].
//
// The engine walks the graph of manifests from the root down. It puts children before parents and
// the root last, under its tag, so that a tag never points at an incomplete image.
//
// The package does not import net/http. A Source opens manifests and blobs. A Target makes sure
// that it has a blob (it has it already, mounts it, or reads it from the source) and reports which
// of these it was. Blobs stream from one to the other, several at once; none is held in memory or
// stored on the way. One Engine serves any number of copies at the same time, and moves each blob
// to a registry only once for all of them.
package transfer
