package inspect

import (
	"cmp"
	"context"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution/reference"
)

// isLocal reports whether an argument is a file or folder, with or without a transport.
func isLocal(arg string) bool {
	return namesFile(arg) || !image.IsRegistryRef(arg) && !strings.HasPrefix(arg, image.TransportDocker)
}

// runLocal lists the images of a file or folder whose tags match the patterns, by repository.
func (c *tagsCommand) runLocal(ctx context.Context, r *run.Run, arg string, words []string) error {
	patterns, err := tagselect.Parse(words...)
	if err != nil {
		return err
	}
	images, err := image.OpenLocal(ctx, r, arg)
	if err != nil {
		return err
	}
	defer images.Close()
	out := &listing{out: r.Stdout, asJSON: r.JSON, of: jsonMember{"repository", arg}, member: "tags"}
	r.StreamDocument(out)
	if c.fullRef {
		at, err := imageArgument(arg)
		if err != nil {
			return err
		}
		out.prefix = at + ":"
	}
	for _, name := range c.localNames(images, patterns) {
		if err := out.add(name); err != nil {
			return err
		}
	}
	if out.n == 0 {
		return cli.WithHint(cli.Reword(fs.ErrNotExist, "%s has no image with a tag that is wanted", arg),
			"transship inspect "+arg+" shows what it has")
	}
	return nil
}

// localNames returns the names that are wanted, as they follow FILE: or DIR: in other commands.
func (c *tagsCommand) localNames(images *image.LocalImages, patterns *tagselect.Selector) (names []string) {
	tags := map[string][]string{} // by what precedes a tag in a name
	for _, im := range images.Images {
		repository, tag := "", cmp.Or(im.Name, im.Tag())
		if ref, err := reference.Parse(im.Name); err == nil && strings.Contains(im.Name, "/") {
			repository, tag = ref.FamiliarName()+":", ref.Tag
		}
		if !patterns.Match(tag) {
			continue
		}
		tags[repository] = append(tags[repository], tag)
		if c.unsorted {
			names = append(names, repository+tag)
		}
	}
	if !c.unsorted {
		for _, repository := range slices.Sorted(maps.Keys(tags)) {
			for _, tag := range tagselect.Latest(tags[repository], int(c.latest)) {
				names = append(names, repository+tag)
			}
		}
	}
	if c.limit > 0 {
		names = names[:min(len(names), int(c.limit))]
	}
	return names
}
