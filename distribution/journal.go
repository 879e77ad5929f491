package distribution

import "github.com/hczjl/transship/blob"

// Journal keeps the upload sessions of large blobs beyond the end of the process, so that the next
// one sends only what the registry lacks. It is what tus calls an URL store: the session's address
// is kept, and the registry is asked where the session stands. Its methods may be called
// concurrently. None returns an error: without its journal an upload goes on as ever.
type Journal interface {
	// Take locks the entry of an upload for this process and returns what is noted there, the zero
	// value if nothing is. It reports false if there is no entry to be had, since another process has
	// it or the journal cannot be written; then no other method is called for the upload.
	Take(UploadKey) (UploadNote, bool)
	// Save replaces what is noted.
	Save(UploadKey, UploadNote)
	// Release unlocks the entry. keep says whether the next process is to find it.
	Release(k UploadKey, keep bool)
}

// UploadKey says which blob goes where.
type UploadKey struct {
	Registry   string // host[:port] as in URLs
	Repository string
	Digest     blob.Digest
	Size       int64 // of the blob, in bytes
}

// UploadNote is what is known of an upload. Its Location may be a signed URL, which is a secret.
type UploadNote struct {
	Location    string // absolute; "" if nothing is known
	MinChunk    int64  // see UploadSession
	Offset      int64  // how many bytes the registry has confirmed
	Checkpoints []blob.Checkpoint
}

const (
	// journaledSize is the size in bytes from which an upload is noted. A smaller blob is sent again
	// in less time than it is worth.
	journaledSize = 32 << 20
	// notedCheckpoints is how many states of the hash are noted. The source is read ahead of what the
	// registry keeps by what buffers and the parts of object stores hold: tens of MiB.
	notedCheckpoints = 8
)
