package main

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// otherCommand is what commands of other tools are here.
type otherCommand struct {
	names string // of theirs, separated by commas
	use   string // what to use instead
}

// otherCommands returns the commands of crane, skopeo, regctl, oras, docker and hauler that have
// another name here.
func otherCommands() []otherCommand {
	const changesNothing = "transship copies images and changes none"
	return []otherCommand{
		{"cp, image copy, image cp", "use copy"},
		{"mirror, repo copy, repository copy", "use sync, which copies the images of a list"},
		{"list-tags, repo tags, repository tags", "use tags REPOSITORY"},
		{"catalog, repo ls, repository ls", "use repos HOST"},
		{"ls, list", "use tags REPOSITORY, repos HOST, or images for the local store"},
		{"repo, repository", "use repos HOST, or tags REPOSITORY"},
		{"search", "use repos HOST/PREFIX"},
		{"validate", "use verify REF, FILE or DIR"},
		{"rm, remove, del", "use delete on a registry, rmi in the local store, manifest rm for a local list"},
		{"image delete, image del, image remove, untag", "use delete"},
		{"manifest delete", "use delete --manifest"},
		{"resolve, manifest-digest, manifest head, manifest digest, image digest", "use digest"},
		{"show, info, describe, image inspect, history, image history", "use inspect"},
		{"manifest get, manifest fetch, image manifest", "use inspect --raw"},
		{"manifest fetch-config, image config", "use inspect --config"},
		{"discover, tree, referrers, artifact tree, artifact list", "use inspect --referrers"},
		{"artifact", "use inspect --referrers to see artifacts, and copy --referrers to copy them"},
		{"attach, sign, standalone-sign, standalone-verify, generate-sigstore-key",
			"transship makes and checks no signatures; copy --referrers copies those that are there"},
		{"blob, manifest put", "use call, which makes one raw call: blobs, manifests, uploads"},
		{"ratelimit, image ratelimit", "use call --include HEAD HOST/v2/NAME/manifests/TAG"},
		{"manifest add, index add, index append", "use manifest create --amend LIST IMAGE"},
		{"manifest index, index create, imagetools create", "use manifest create LIST IMAGE..."},
		{"index", "use manifest create, or copy --platform for a part of an index"},
		{"buildx, imagetools", "use manifest create, manifest push, or inspect"},
		{"manifest", "use inspect --raw REF to see a manifest"},
		{"image export, backup, store save", "use save -o FILE REF"},
		{"export", "use save -o FILE REF for an image as a tar; transship does not unpack layers"},
		{"import, image import, restore, store load", "use load FILE REGISTRY"},
		{"layers, layout", "use copy REF oci:DIR"},
		{"store add, store sync", "use save -o FILE REF, with -f FILE for a list, or pull REF for the local store"},
		{"store copy", "use load FILE REGISTRY, or push REF from the local store"},
		{"store serve, registry serve", "use serve FILE or DIR"},
		{"store info, store list", "use images for the local store, or inspect FILE"},
		{"store remove", "use rmi"},
		{"store", "use save, load and serve for bundles, pull, images and push for the local store"},
		{"auth", "use login HOST, or logout HOST"},
		{"registry", "use serve to run a registry, login and logout for accounts"},
		{"download, fetch", "use pull, save, or call for a single blob"},
		{"upload", "use push, or load"},
		{"retag, rename", "use copy on a registry, tag in the local store"},
		{"gc, system prune, image prune", "use prune"},
		{"image", "use copy, inspect, digest, save, load or delete without image before it"},
		{"append, mutate, edit, rebase, flatten, optimize, image mod, index filter, build, commit", changesNothing},
		{"run, exec, ps", "transship runs no containers"},
	}
}

// suggestion returns what to type in place of an unknown command: ours that does what another
// tool's does, or the nearest; "" if there is neither.
func suggestion(args []string, nearest string) string {
	word, topic := args[0], ""
	if cli.IsHelp(args[len(args)-1]) {
		topic = cli.Nearest(word, topicNames())
	}
	if topic != "" && strings.HasPrefix(topic, word) {
		return fmt.Sprintf("did you mean transship help %s?", topic)
	}
	if use := otherUse(strings.Join(args[:min(2, len(args))], " ")); use != "" {
		return use
	}
	if use := otherUse(word); use != "" && (nearest == "" || len(membersOf(word)) == 0) {
		return use
	}
	if topic != "" && nearest != topic {
		return fmt.Sprintf("did you mean transship help %s?", topic)
	}
	if nearest != "" {
		return fmt.Sprintf("did you mean %s?", nearest)
	}
	return ""
}

// otherUse returns what to use for a command of another tool, "" if it is not known.
func otherUse(name string) string {
	for _, other := range otherCommands() {
		for theirs := range strings.SplitSeq(other.names, ", ") {
			if theirs == name {
				return other.use + ";"
			}
		}
	}
	return ""
}
