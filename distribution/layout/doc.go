// Package layout stores container images of many repositories in one OCI image layout, in a folder
// or in a tar, and reads them back. Start from one of these types:
//
//   - [Dir] is an image layout in a folder, to read and to write. [OpenDir] and [OpenReadOnly] open
//     it; [Dir.Repository] gives the tags, manifests and blobs of one [Repository].
//   - [Bundle] is a tar that is being written. [CreateBundle] begins one from its [BundleContents]; [StreamBundle]
//     writes the same bytes to a pipe. Equal contents give equal bytes.
//   - [Archive] is a tar that is read without unpacking it: a bundle, an image layout of another
//     tool, or the output of `docker save`. [OpenArchive] opens it; [OpenCompressed] and [ReadArchive]
//     unpack one first.
//
// The files of this package are named after these types:
//
//	dir_*                 the folder: repositories, links, locks, pruning
//	bundle_*              a bundle's contents, its layout as a tar, and how it is written
//	archive_*             a tar's members, the images in it, and its verification
//	inventory_*           transship.json, which describes a bundle
//	volumes_*             one tar in one file or in several
//	imagelayout, index    oci-layout, blobs/ and index.json, in a folder and in a tar
//	image, names          the entries of index.json and their names
//	index_image           index.json itself as one image
//	walk, verify          what a manifest refers to, and whether it is there
//	folder                files of a folder that may be foreign: no links, no devices, nothing outside
//	lock_*, osfile        file locks and file system calls
//
// # The folder
//
// The folder is an image layout as image-spec, image-layout.md describes it. Other tools read it:
//
//	oci-layout, index.json, blobs/<algorithm>/<hex>
//
// index.json has one entry for each tag of each repository, and one for each manifest that has
// neither a tag nor an index above it. The entry of tag 1.6 of repository hczjl/halo is annotated
//
//	org.opencontainers.image.ref.name     1.6
//	io.containerd.image.name              docker.io/hczjl/halo:1.6
//	io.github.hczjl.transship.repository  hczjl/halo
//
// skopeo, oras and buildx look tags up by the first. docker load, podman load, nerdctl and ctr name
// the image by the second; they need a domain in it, so it is normalized as docker does it. The
// third is the repository as it was pushed. The second does not tell it: hczjl/halo and
// docker.io/hczjl/halo are two repositories. An untagged manifest has only the third, so that no
// tool names it.
//
// Beside the layout stands a folder that other tools ignore:
//
//	.transship/repositories/<name>/_manifests/<algorithm>/<hex>   a manifest of the repository; holds its media type
//	.transship/repositories/<name>/_blobs/<algorithm>/<hex>       a blob of the repository; empty
//	.transship/repositories/<name>/_referrers/<algorithm>/<hex of the subject>/<algorithm>-<hex>   empty
//	.transship/tmp/                                               temporary files
//	.transship/index.lock                                         held while index.json is rewritten
//	.transship/content.lock                                       shared by writers and readers, exclusive in a prune
//
// The files below repositories/ are called links. They record which repository has what: one copy
// of a blob serves all repositories, and none shows what only another has. A link is read when its
// manifest or blob is asked for, so opening a folder costs one read of index.json. If another tool
// wrote the folder, or .transship is missing, the links are built when the folder is opened.
// [OpenReadOnly] keeps them in memory, since the medium may not be writable.
//
// Every file is written under a temporary name, synced, and renamed; then its folder is synced. An
// empty link needs no other name: it is created, and its folder is synced. A manifest's bytes are
// written before its link, and its link before index.json. So everything that can be seen is
// complete, also after a crash. Processes may share a folder: index.json is
// rewritten under a file lock and read again when it has changed. Deleting content removes it from
// a repository only. Its bytes stay in blobs/, which other repositories may share, until
// [Dir.Prune] finds that no entry of index.json leads to them. A prune runs only while no process
// writes. Code that writes an image in several steps takes a [Dir.Hold] for all of them; code that
// reads one takes a [Dir.HoldForReading].
//
// A folder may come from elsewhere. So nothing in it may be a symbolic link, a pipe or a device, and
// only files are removed that have the names above: digests, and those of our temporary files.
//
// # The bundle
//
// A bundle is a tar with these members, in this order:
//
//	oci-layout, index.json              an image layout
//	manifest.json, repositories         what `docker save` writes, with paths of the same blobs
//	transship.json                      the inventory
//	blobs/<algorithm>/<hex>             the manifests, sorted by digest
//	blobs/<algorithm>/<hex>             everything else, sorted by digest
//
// Nothing is stored twice. All times are the epoch, all modes 0644, all owners 0, and there are no
// other members, so equal contents give equal bytes. The documents come first: a reader knows
// everything after a few kilobytes. A split bundle is the same tar cut into the volumes FILE.001,
// FILE.002 and so on, all but the last of the same size. `cat` joins them to the bundle again.
//
// transship.json lists what is in the bundle. That of a differential bundle also lists what it
// leaves to an earlier bundle, its base:
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
// content is every manifest and blob of the images, sorted by digest; only manifests have a
// mediaType. What is inBase is left out of the bundle, and its repositories are those where the
// base has it. Manifests are never left out, so a reader of the bundle always knows which blobs the
// images need. Beside the bundle lies FILE.json, the same document with two more members: id, which
// is the digest of transship.json, and volumes, with the size and SHA-256 of each file. If the
// bundle is not split, its one file has a SHA-256 only where [BundleFiles] asks for it, since that
// hashes every byte twice. A later bundle can build on FILE.json alone. A new version means that a
// reader has to know of the change.
//
// # What other tools make of a bundle
//
// Two annotations name an entry of index.json: io.containerd.image.name is the full name, and
// org.opencontainers.image.ref.name is the tag, or the full name where two images have the tag.
// These are observations, with the versions that were tried:
//
//   - docker load, 20.10 and 29 with the classic store, reads manifest.json and knows no platforms.
//     If a tag has an entry for each platform, docker loads them all and the tag ends up on the
//     last. So each image has one entry, for [BundleContents.Platform], or else for its first platform.
//     Tags are written with their domain. docker accepts that and podman needs it: without,
//     hczjl/halo becomes localhost/hczjl/halo.
//   - docker load, 29 with the containerd store, and ctr image import, 1.6 and 2.2, read index.json
//     and keep digests and all platforms. They name images by io.containerd.image.name, also those
//     saved by digest. They give an entry with neither annotation no name, and ctr does not unpack
//     it. Artifacts beside container images, such as charts and signatures, are such entries,
//     because ctr 1.6 fails when it unpacks one; io.github.hczjl.transship.reference names them. In
//     a bundle of artifacts only they have ref.name too.
//   - podman load, 4.3, takes the image of its platform from index.json if that has one entry, and
//     keeps its digest. From other bundles it takes the entries of manifest.json and makes new
//     manifests with other digests.
//   - skopeo copy, 1.9, takes oci-archive:FILE:REF, with REF the ref.name, or without REF if there
//     is one entry, and keeps digests. It does not find entries with docker's media types by REF;
//     later versions do. As docker-archive:FILE:NAME it takes the entries of manifest.json.
//   - oras cp --from-oci-layout, 1.3, takes FILE:REF with REF the ref.name if that is a tag, or
//     FILE@DIGEST.
//   - crane push, 0.22, takes the entry of manifest.json if there is exactly one, with any number
//     of tags.
//
// In a differential bundle manifest.json has only the images whose config is in the bundle; docker
// loads them if it has the other layers from the base.
package layout
