package mirror

import (
	"testing"

	"github.com/hczjl/transship/distribution/reference"
)

// From Docker Hub, which counts a GET of a manifest as a pull, a copy reads nothing before the target has answered.
func TestCountsPulls(t *testing.T) {
	for name, want := range map[string]bool{
		"alpine": true, "index.docker.io/a/b:1": true, "quay.io/a/b": false, "localhost:5000/docker.io/a": false,
	} {
		ref, err := reference.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := countsPulls(ref); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
