// Package liststore stores the local lists of "docker manifest create" on disk in the format of
// docker's CLI, so that either program can finish a list that the other has created. Start with
// [Store].
//
// A Store is the folder manifests in docker's configuration directory ($DOCKER_CONFIG, else
// ~/.docker). In it each list has a folder, and each image of the list a file. Both are named by
// the normalised reference with ":" replaced by "-" and "/" by "_":
//
//	manifests/docker.io_hczjl_halo-1.6/docker.io_hczjl_halo-1.6-arm64
//
// A file is one line of JSON, which "docker manifest inspect -v" prints indented:
//
//	{"Ref":"docker.io/hczjl/halo:1.6-arm64","Descriptor":{...},"Raw":"base64","SchemaV2Manifest":{...}}
//
// An OCI image has OCIManifest instead of SchemaV2Manifest. Versions of docker before 23 have no
// Raw. Versions before 18.06 have Ref, Digest, SchemaV2Manifest and Platform. All three forms are
// read, the first is written.
//
// Two references can have the same file name: hczjl/halo_web:1 and hczjl/halo/web:1. Two such
// images cannot be in one list: Save refuses the second, whereas docker silently uses the first for
// both. Two such lists are one list, since they are the same on disk.
//
// The package also has those parts of docker's commands that need no registry: [Build], [Index],
// [Annotate] and [DockerSupports].
//
// Sources: docker/cli, cli/manifest/store, cli/manifest/types and cli/command/manifest, as of
// docker 28.2.2.
package liststore
