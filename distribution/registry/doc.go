// Package registry is a small registry as an [http.Handler]: the OCI distribution-spec 1.1 with all its optional parts,
// in memory or on an OCI image layout on disk.
//
//	http.ListenAndServe("127.0.0.1:5000", &registry.Handler{})
//
// keeps everything in memory;
//
//	dir, err := layout.OpenDir("/srv/images")
//	http.ListenAndServe("127.0.0.1:5000", &registry.Handler{Store: registry.OnDisk(dir)})
//
// keeps it in a folder. Blobs are hashed while they stream in and verified before anyone can see them. A repository
// shows only what was pushed to it or mounted into it.
//
// [OnArchive] shows a bundle where it lies, and [Union] several stores as one.
//
// Who may do what is the business of a handler in front of this one, such as [Basic], as are timeouts of the server.
//
// [Faults] stands between a client and a registry and makes things go wrong, so that a client's answer to a flaky
// network or a peculiar registry can be tested.
package registry
