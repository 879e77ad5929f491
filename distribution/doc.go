// Package distribution speaks the OCI Distribution protocol (distribution-spec v1.1) as a client, every HTTP call of it
// written by hand on net/http.
//
// [Client] has one method for each row of the specification's endpoint table, end-1 to end-14, and docker's catalog.
// [Repository] stands on those calls and is the view of one repository that a copy uses: manifests by reference,
// blobs as streams, and an upload that first tries to mount, then sends one PUT, and falls back to chunks.
//
// # Errors
//
// An answer with a status that the call did not expect is an [*Error]. errors.Is compares it with the codes of the
// specification ([BlobUnknown] and the others), with [io/fs.ErrNotExist] (404) and with [io/fs.ErrPermission] (401 and
// 403). A request that got no answer is a [*RequestError] around net/http's error, its URL redacted. Content that is
// not what was asked for is a [*blob.MismatchError] or a [*manifest.DocumentError].
package distribution
