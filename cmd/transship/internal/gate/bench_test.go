package gate

import (
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
)

// BenchmarkCheck is what the gate takes for one image of a folder, from finding the signature to the
// verdict.
func BenchmarkCheck(b *testing.B) {
	name, err := reference.Parse("registry.example.com/team/app:1")
	if err != nil {
		b.Fatal(err)
	}
	for _, what := range []string{"tag-key", "bundle-certificate", "notation-jws"} {
		b.Run(what, func(b *testing.B) {
			dir := filepath.Join("..", "..", "..", "..", "testdata", "verdicts", what)
			images, err := layout.OpenReadOnly(filepath.Join(dir, "layout"))
			if err != nil {
				b.Fatal(err)
			}
			p, err := readPolicy(b.Context(), filepath.Join(dir, "policy.json"))
			if err != nil {
				b.Fatal(err)
			}
			g := &Gate{policy: p}
			for b.Loop() {
				if _, err := g.Check(b.Context(), name, images.Repository(name.Name()), name.Tag); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
