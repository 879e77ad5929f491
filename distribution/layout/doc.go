// Package layout keeps images of many repositories in one OCI image layout on disk.
//
// # On disk
//
// The folder is an image layout as image-spec, image-layout.md describes it, which other tools read:
//
//	oci-layout, index.json, blobs/<algorithm>/<hex>
//
// index.json has one entry for each tag of each repository, and one for each manifest that has neither a tag nor an
// index above it. The entry of tag 1.6 of repository hczjl/halo is annotated
//
//	org.opencontainers.image.ref.name     1.6
//	io.containerd.image.name              docker.io/hczjl/halo:1.6
//	io.github.hczjl.transship.repository  hczjl/halo
//
// The first is what skopeo, oras and buildx look tags up by. The second is the name that docker load, podman load,
// nerdctl and ctr give the image; they want it with a domain, so it is normalised as docker does it. The third is the
// repository as it was pushed, which the second does not tell: hczjl/halo and docker.io/hczjl/halo are two
// repositories. An untagged manifest has the third alone, so that no tool gives it a name.
//
// Beside the layout stands a folder that other tools ignore:
//
//	.transship/repositories/<name>/_manifests/<algorithm>/<hex>   a manifest of the repository; holds its media type
//	.transship/repositories/<name>/_blobs/<algorithm>/<hex>       a blob of the repository; empty
//	.transship/repositories/<name>/_referrers/<algorithm>/<hex of the subject>/<algorithm>-<hex>   empty
//	.transship/tmp/                                               what is being written
//	.transship/index.lock                                         held while index.json is rewritten
//	.transship/content.lock                                       held by writers together, by a prune alone
//
// The links say which repository has what, so that one copy of a blob serves them all and none shows another's.
// Only links are consulted, and only when asked about, so that opening a folder costs one reading of index.json.
// A folder that another tool wrote, or that lost its .transship, has its links made when it is opened.
//
// # Safety
//
// Every file is written under a temporary name, synced, and renamed into place; its folder is synced too. A manifest's
// bytes come before its link, and its link before index.json, so that whatever is seen is whole, also after a crash.
// Processes may share a folder: index.json is rewritten under a file lock and read again when it has changed.
// Deleting takes content out of a repository; its bytes stay in blobs/, which other repositories may share, until
// [Dir.Prune] finds that no entry of index.json leads to them. It runs only while nobody writes; whoever puts an image in
// several steps has a [Dir.Hold] on the folder meanwhile.
package layout
