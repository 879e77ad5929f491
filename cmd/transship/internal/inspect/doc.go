// Package inspect is the commands that read images and registries and change nothing: [Inspect]
// returns inspect, [Repos] returns repos, [Tags] returns tags, and [Digest] returns digest.
package inspect
