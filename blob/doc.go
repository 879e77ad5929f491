// Package blob names, verifies, resumes and counts content-addressed bytes. It does no I/O of its own: callers hand it
// an [Open], and one such closure serves first reads, resumed reads, chunked uploads and repeated attempts alike, so
// that no blob is ever held in memory.
//
// Digests follow the OCI image specification, "Digests" in descriptor.md.
package blob
