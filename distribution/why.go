package distribution

import (
	"context"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
)

// aboutBlob says, for an audit, which blob calls are for.
func aboutBlob(ctx context.Context, d blob.Digest) context.Context {
	return wire.With(ctx, wire.Why{Blob: string(d)})
}

// aboutManifest says which manifest calls are for, where it is known: by tag it is not.
func aboutManifest(ctx context.Context, ref string) context.Context {
	if blob.Digest(ref).Validate() != nil {
		return ctx
	}
	return wire.With(ctx, wire.Why{Manifest: ref})
}

// receiving says that the body asked for is a blob, and where the word on its verification comes from.
func receiving(ctx context.Context, d blob.Digest) context.Context {
	if v := blob.VerificationOf(ctx); v != nil {
		return wire.WithReceivedBlob(ctx, string(d), v.Then)
	}
	return wire.WithReceivedBlob(ctx, string(d), nil)
}
