// Package transfer copies images: it walks the graph from a root manifest, sends children before parents, and puts the
// root last under its tag, so that a tag never names something that is not whole.
//
// [Engine] knows nothing of HTTP. It reads from a [Source] and writes to a [Target]; how a target comes to have a blob
// (it is there, it is mounted, it is sent) is the target's own business, and the engine learns only the outcome. Blobs
// stream from one to the other, side by side; none is held or stored on the way. One Engine serves any number of
// copies at once, and moves each blob to a registry only once for all of them.
package transfer
