// Package distribution is a client of container registries: it speaks the OCI Distribution protocol
// (distribution-spec v1.1), every HTTP call of it written by hand on net/http.
//
// Start from [NewTransport], which puts together authentication, retries, limits, TLS and redirect
// rules, and from [Transport.Image], which gives the [Repository] of an image. A Repository is the
// source or the target of a copy by package transfer: it has manifests by reference, blobs as
// streams, and an upload that first tries to mount, then sends one PUT, and falls back to chunks.
// Below it, [Client] has one method for each row of the specification's table of endpoints, end-1
// to end-14, and for docker's catalog.
//
// # Errors
//
// A response with a status that the call did not expect is an [*Error]. errors.Is compares it with
// the codes of the specification ([BlobUnknown] and the others), with [io/fs.ErrNotExist] (404) and
// with [io/fs.ErrPermission] (401 and 403). A request without a response is a [*RequestError], with
// the error of net/http and a redacted URL. Content that is not what was asked for is a
// [*blob.MismatchError] or a [*manifest.DocumentError].
package distribution
