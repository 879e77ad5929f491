package registry

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/manifest"
)

func TestReferrersPage(t *testing.T) {
	sized := func(n int) manifest.Descriptor {
		return manifest.Descriptor{Annotations: map[string]string{"k": strings.Repeat("x", n)}}
	}
	const third = manifest.MaxSize / 3
	all := []manifest.Descriptor{sized(third), sized(third), sized(third), sized(1)}
	for _, c := range []struct {
		all     []manifest.Descriptor
		n, want int
	}{
		{nil, -1, 0}, {all, -1, 2}, {all, 1, 1}, {all, 0, 0}, {all[2:], -1, 2}, {all[2:], 5, 2},
		{[]manifest.Descriptor{sized(2 * manifest.MaxSize), sized(1)}, -1, 1},
	} {
		body, n, err := referrersPage(c.all, c.n)
		if n != c.want || err != nil {
			t.Errorf("%d of %d: got %d, error %v", c.n, len(c.all), n, err)
		}
		if n != 1 && len(body) > manifest.MaxSize {
			t.Errorf("%d of %d: got %d bytes", c.n, len(c.all), len(body))
		}
	}
}
