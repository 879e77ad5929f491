package distribution

import (
	"context"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
)

// aboutBlob says for a record which blob calls are for.
func aboutBlob(ctx context.Context, d blob.Digest) context.Context {
	return wire.WithPurpose(ctx, wire.Purpose{Blob: string(d)})
}

// aboutManifest says for a record which manifest calls are for, if ref is a digest.
func aboutManifest(ctx context.Context, ref string) context.Context {
	if blob.Digest(ref).Validate() != nil {
		return ctx
	}
	return wire.WithPurpose(ctx, wire.Purpose{Manifest: ref})
}

// asking says for a record that a call asks whether something is there: 404 is an answer.
func asking(ctx context.Context) context.Context {
	return wire.WithPurpose(ctx, wire.Purpose{Probe: true})
}

// receiving says for a record that the response's body is a blob, and passes on the result of its
// verification, so that the record does not hash it again.
func receiving(ctx context.Context, d blob.Digest) context.Context {
	if v := blob.VerificationFromContext(ctx); v != nil {
		return wire.WithReceivedBlob(ctx, string(d), v.OnResult)
	}
	return wire.WithReceivedBlob(ctx, string(d), nil)
}
