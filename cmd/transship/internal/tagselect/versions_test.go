package tagselect

import (
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/reference"
)

func TestLatest(t *testing.T) {
	sorted := []string{"edge", "latest", "1.6-rc1", "1.6", "1.6.1", "v1.9", "1.10", "v2.0-beta", "2.0"}
	tags := slices.Clone(sorted)
	slices.Reverse(tags)
	given := slices.Clone(tags)
	versions := strings.Join(sorted[2:], " ")
	for n, want := range map[int]string{1: "2.0", 3: "1.10 v2.0-beta 2.0", 7: versions, 100: versions} {
		if got := strings.Join(Latest(tags, n), " "); got != want {
			t.Errorf("latest %d: got %s, want %s", n, got, want)
		}
	}
	if got := Latest(tags, 0); len(got) != len(tags) || !slices.Equal(tags, given) {
		t.Errorf("got %v; the list that was given is %v now", got, tags)
	}
}

func TestWordsComeAfterVersions(t *testing.T) {
	sorted := []string{"1.6-rc1", "1.6", "v1.9", "1.10", "Edge", "_", "latest", "release-9", "release-10", "v-1", "v", "vx"}
	tags := slices.Clone(sorted)
	slices.Reverse(tags)
	slices.SortFunc(tags, CompareVersions)
	if !slices.Equal(tags, sorted) {
		t.Errorf("got %v", tags)
	}
}

// Sorting needs an antisymmetric and transitive order.
func FuzzCompareVersions(f *testing.F) {
	f.Add("1.6", "1.6-rc1", "1.6.1")
	f.Add("v1.9", "1.10", "latest")
	f.Add("007", "7", "7a")
	f.Add("v", "v-", "v.")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !reference.ValidTag(a) || !reference.ValidTag(b) || !reference.ValidTag(c) {
			return
		}
		sign := func(n int) int { return max(-1, min(1, n)) }
		if sign(CompareVersions(a, b)) != -sign(CompareVersions(b, a)) || (CompareVersions(a, b) == 0) != (a == b) {
			t.Errorf("%q and %q: %d and %d", a, b, CompareVersions(a, b), CompareVersions(b, a))
		}
		if CompareVersions(a, b) < 0 && CompareVersions(b, c) < 0 && CompareVersions(a, c) >= 0 {
			t.Errorf("%q < %q < %q, but not the first and the last", a, b, c)
		}
	})
}
