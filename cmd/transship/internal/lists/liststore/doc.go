// Package liststore keeps the local lists of "docker manifest create" on disk exactly as docker's CLI does, so that a
// list begun with docker can be finished here and the other way round.
//
// A [Store] is the folder manifests in docker's configuration directory ($DOCKER_CONFIG, else ~/.docker). In it each
// list has a folder and each image in the list a file, both named by the normalised reference with ":" written as "-"
// and "/" as "_":
//
//	manifests/docker.io_hczjl_halo-1.6/docker.io_hczjl_halo-1.6-arm64
//
// A file is one line of JSON, the same that "docker manifest inspect -v" prints indented:
//
//	{"Ref":"docker.io/hczjl/halo:1.6-arm64","Descriptor":{...},"Raw":"base64","SchemaV2Manifest":{...}}
//
// An OCI image has OCIManifest in place of SchemaV2Manifest. Raw came with docker 23; before that there were Ref,
// Descriptor and SchemaV2Manifest, and before 18.06 Ref, Digest, SchemaV2Manifest and Platform. All three are
// read, the first is written.
//
// Two references can have the same file name: hczjl/halo_web:1 and hczjl/halo/web:1. Two such images cannot be in one
// list: Save refuses the second, which docker silently takes for the first. Two such lists are one list, since nothing
// on disk tells them apart.
//
// The package also has the parts of docker's commands that need no registry: [Build], [Index], [Annotate] and
// [DockerSupports].
//
// Sources: docker/cli, cli/manifest/store, cli/manifest/types and cli/command/manifest, as of docker 28.2.2.
package liststore
