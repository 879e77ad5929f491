package liststore

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
)

// fileName returns docker's name for the folder of a list and the file of an image. A checked
// reference begins with a letter, a digit or "[", and has no backslash, so its file name is always
// one path element.
func fileName(ref string) string {
	return strings.NewReplacer(":", "-", "/", "_").Replace(ref)
}

// checkRef returns an error if ref is not a normalised reference, as docker does for a file's Ref.
func checkRef(ref string) error {
	r, err := reference.Parse(ref)
	if err != nil {
		return err
	}
	if r.String() != ref {
		return fmt.Errorf("%q is not a normalised reference; that would be %s", ref, r)
	}
	return nil
}
