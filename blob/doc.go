// Package blob reads content-addressed bytes: it verifies them against a [Digest], resumes after a
// failure, measures progress and limits the rate. Start with [NewReader], which reads a whole blob,
// or [NewStream] for a blob that is read more than once or from an offset.
//
// The package does no I/O of its own. The caller passes an [Open], one function for the first read,
// resumed reads, upload chunks and retries, so that no blob is ever held in memory.
//
// Digests follow the OCI image specification, descriptor.md, "Digests".
package blob
