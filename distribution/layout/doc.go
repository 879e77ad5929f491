// Package layout keeps images of many repositories in one OCI image layout: in a folder ([Dir]), or in one tar, the
// bundle ([Create], [Stream]), which it reads where it lies ([OpenArchive]), as it does the tars of other tools.
//
// # The folder
//
// It is an image layout as image-spec, image-layout.md describes it, which other tools read:
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
//	.transship/content.lock                                       held by writers and readers together, by a prune alone
//
// The links say which repository has what, so that one copy of a blob serves them all and none shows another's.
// Only links are consulted, and only when asked about, so that opening a folder costs one reading of index.json.
// A folder that another tool wrote, or that lost its .transship, has its links made when it is opened; [OpenReadOnly]
// keeps them in memory, since the folder may lie on a medium that cannot be written.
//
// Every file is written under a temporary name, synced, and renamed into place; its folder is synced too. A manifest's
// bytes come before its link, and its link before index.json, so that whatever is seen is whole, also after a crash.
// Processes may share a folder: index.json is rewritten under a file lock and read again when it has changed.
// Deleting takes content out of a repository; its bytes stay in blobs/, which other repositories may share, until
// [Dir.Prune] finds that no entry of index.json leads to them. It runs only while nobody writes; whoever puts an image in
// several steps has a [Dir.Hold] on the folder meanwhile, and whoever reads one a [Dir.HoldReading].
//
// # The bundle
//
// A bundle is a tar with these members, in this order:
//
//	oci-layout, index.json              an image layout
//	manifest.json, repositories         what `docker save` writes, pointing into the same blobs
//	transship.json                      the inventory
//	blobs/<algorithm>/<hex>             the manifests, sorted by digest
//	blobs/<algorithm>/<hex>             everything else, sorted by digest
//
// so that nothing is stored twice. All times are the epoch, all modes 0644, all owners 0, and there are no other members,
// so that equal contents make equal bytes. The documents come first: a reader knows all there is after a few kilobytes.
// A split bundle is the same tar cut into FILE.001, FILE.002 and so on, all but the last of the same size; joined with
// cat they are the bundle again.
//
// transship.json says what is in the bundle, and a differential one what it leaves to an earlier bundle, its base:
//
//	{"version":1,
//	"images":[
//	{"name":"docker.io/hczjl/halo:1.6","mediaType":"...","digest":"sha256:...","size":1076}
//	],
//	"base":{"id":"sha256:...","file":"monday.tar"},
//	"content":[
//	{"digest":"sha256:...","size":528,"mediaType":"...","repositories":["docker.io/hczjl/halo"]},
//	{"digest":"sha256:...","size":3208942,"inBase":true,"repositories":["docker.io/hczjl/halo"]}
//	]}
//
// content is every manifest and blob of the images, by digest; only manifests have a mediaType there. What is inBase is
// left out of the bundle, and its repositories are those where the base has it. Manifests are never left out: whoever
// reads a bundle can tell what it takes. Beside the bundle lies FILE.json, the same document with two more members: the
// id, which is the digest of transship.json, and the volumes, each with its size and its SHA-256; the one file of a bundle
// that is not split has the latter where [Files] asks for it, since it means to hash every byte twice. A later bundle can
// build on FILE.json alone. The version counts up when a reader could not do without knowing of a change.
//
// # What other tools make of a bundle
//
// An entry of index.json is named by two annotations: io.containerd.image.name is the whole name, and
// org.opencontainers.image.ref.name the tag, or the whole name too where two images have the tag. What was seen, with the
// versions it was seen with:
//
//   - docker load, 20.10 and 29 with the classic store, reads manifest.json and knows no platforms. With an entry for
//     each platform under the same tag it loads them all and leaves the tag on the last. So each image has one entry, for
//     [Contents.Platform], or for the first platform it has. Tags are written with their domain, which docker accepts and
//     podman needs: there hczjl/halo would become localhost/hczjl/halo.
//   - docker load, 29 with the containerd store, and ctr image import, 1.6 and 2.2, read index.json and keep digests and
//     all platforms. They name images by io.containerd.image.name, also those that were saved by digest. An entry with
//     neither annotation gets no name from them, and ctr does not unpack it. Artifacts beside container images, such as
//     charts and signatures, are such entries, since ctr 1.6 fails when it unpacks one; they are named by
//     io.github.hczjl.transship.reference. In a bundle of nothing but artifacts they have ref.name too.
//   - podman load, 4.3, takes the image of its platform by index.json where that has one entry, and keeps its digest.
//     From other bundles it takes the entries of manifest.json, whose manifests it makes anew with other digests.
//   - skopeo copy, 1.9, takes oci-archive:FILE:REF, with REF the ref.name, or no REF where there is one entry, and keeps
//     digests. Entries with docker's media types it does not find by REF; later versions do. As docker-archive:FILE:NAME
//     it takes the entries of manifest.json.
//   - oras cp --from-oci-layout, 1.3, takes FILE:REF with REF the ref.name, if that is a tag, or FILE@DIGEST.
//   - crane push, 0.22, takes the entry of manifest.json where there is just one, with however many tags.
//
// Of a differential bundle manifest.json has only those images whose config is in it; docker loads them where it has
// the other layers from the base.
package layout
