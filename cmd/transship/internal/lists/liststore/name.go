package liststore

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
)

// fileName is the name docker gives to the folder of a list and to the file of an image. A checked reference begins
// with a letter, a digit or "[", and has no backslash: its file name is always one plain path element.
func fileName(ref string) string {
	return strings.NewReplacer(":", "-", "/", "_").Replace(ref)
}

// checkRef refuses a text that is no normalised reference. docker refuses to read a file with such a Ref.
func checkRef(ref string) error {
	r, err := reference.Parse(ref)
	if err != nil {
		return err
	}
	if r.String() != ref {
		return fmt.Errorf("%q is not a normalised reference, which would be %s", ref, r)
	}
	return nil
}
