// Package registry is a container registry as an [http.Handler]. It implements the OCI
// distribution-spec 1.1 with all its optional parts. Start with [Handler], whose zero value keeps
// everything in memory:
//
//	http.ListenAndServe("127.0.0.1:5000", &registry.Handler{})
//
// A [Store] keeps the content elsewhere, here in an OCI image layout on disk:
//
//	dir, err := layout.OpenDir("/srv/images")
//	http.ListenAndServe("127.0.0.1:5000", &registry.Handler{Store: registry.OnDisk(dir)})
//
// The other stores are [Memory], [OnArchive], which serves a bundle without unpacking it, and
// [Union], which combines stores.
//
// Blobs are hashed while they are received, and are visible only once their digest is verified. A
// repository shows only what was pushed to it or mounted into it.
//
// Several hosts may have images under one path. [ShortNamed] says how a mirror's clients, which name
// the host in the parameter ns, find each.
//
// A blob that a manifest needs is not deleted. A manifest that an index lists is, as in CNCF
// distribution (zot refuses that): clients delete an image and its index in either order, and the
// index is sparse meanwhile.
//
// Handler does no authentication and sets no timeouts. [Basic] adds passwords and who may push,
// [BodyTimeout] a limit for bodies that rest; other timeouts are set on the [http.Server].
//
// [Faults] is for tests of clients: it injects network failures and the quirks of other registries.
package registry
