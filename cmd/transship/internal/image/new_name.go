package image

import (
	"errors"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

// ParseNewName parses the new name of images: a repository, in which they keep their tags, or a
// name with a tag, for one image.
func ParseNewName(text string, several bool) (reference.Reference, error) {
	if !IsRegistryRef(text) {
		return reference.Reference{}, fmt.Errorf("%s is not a name for an image", text)
	}
	if repository, err := cli.ParseRepository(text); err == nil {
		return repository, nil
	}
	ref, err := cli.ParseReference(text)
	switch {
	case err != nil:
		return ref, err
	case ref.Digest != "":
		return ref, errors.New("the new name has a digest; the image keeps its own")
	case several:
		return ref, errors.New("one tag cannot name several images: without it they keep their tags")
	}
	return ref, nil
}

// Renamed returns an image's new name. If the new name has no tag it gets the image's tag, or else
// the image's digest.
func Renamed(name, as reference.Reference) reference.Reference {
	switch {
	case as.Tag != "":
	case name.Tag != "":
		as.Tag = name.Tag
	default:
		as.Digest = name.Digest
	}
	return as
}
