package layout

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// UnlistedDocker returns what docker's manifest.json in the folder lists and index.json does not: the
// names of images as RepoTags has them, and the IDs of images without one. In a folder index.json
// alone counts, so these are not read; [OpenArchive] reads them in a tar.
//
// A manifest.json that cannot be parsed is [ErrDamaged]. Without one nothing is returned.
func (d *Dir) UnlistedDocker() ([]string, error) {
	raw, err := d.files.readFile(dockerFile, maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := parseDockerFile(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dockerFile, asDamaged(err))
	}
	ix, err := d.index()
	if err != nil {
		return nil, err
	}
	byConfig := map[blob.Digest][]Image{}
	for _, e := range ix.entries {
		configs, _ := configsBelow(e.Descriptor, d.loadManifest)
		for _, config := range configs {
			byConfig[config] = append(byConfig[config], entryImage(e.Descriptor))
		}
	}
	var out []string
	for _, e := range entries {
		id := d.dockerID(e)
		out = append(out, e.unlisted(id, byConfig[id])...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// dockerID returns the digest of an entry's config, "" if that cannot be read.
func (d *Dir) dockerID(e dockerImage) blob.Digest {
	if id := parseBlobName(e.Config); id != "" {
		return id
	}
	name := path.Clean(e.Config)
	if !fs.ValidPath(name) {
		return ""
	}
	raw, err := d.files.readFile(name, manifest.MaxSize)
	if err != nil {
		return ""
	}
	return blob.FromBytes(raw)
}

// unlisted returns the names of an entry that none of these images has, or its ID if it has no name and
// there is no image.
func (e dockerImage) unlisted(id blob.Digest, images []Image) []string {
	if len(e.RepoTags) == 0 && len(images) == 0 {
		return []string{cmp.Or(string(id), e.Config)}
	}
	return slices.DeleteFunc(slices.Clone(e.RepoTags), func(name string) bool {
		ref, err := reference.Parse(name)
		return slices.ContainsFunc(images, func(im Image) bool {
			return err != nil || im.Name == ref.String() || im.Name == "" && im.Tag() == ref.Tag
		})
	})
}
