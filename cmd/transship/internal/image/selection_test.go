package image

import (
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/reference"
)

func TestParseSelection(t *testing.T) {
	for text, want := range map[string]string{ // what is selected, and its pattern
		"halo":                       "halo *",
		"localhost:5000/x":           "localhost:5000/x *",
		"docker://localhost:5000/x":  "localhost:5000/x *",
		"docker://dir":               "dir *",
		"halo:1.6":                   "halo:1.6 ",
		"halo:v1.*":                  "halo:v1.* v1.*",
		"localhost:5000/x:[0-9]*":    "localhost:5000/x:[0-9]* [0-9]*",
		"docker://dir:v?":            "docker://dir:v? v?",
		"halo@" + emptySHA256:        "halo@" + emptySHA256 + " ",
		"oci:dir":                    "oci:dir ",
		"oci:dir:v1.*":               "oci:dir:v1.* ", // a name in a layout is no pattern
		"oci:dir[1]":                 "oci:dir[1] ",
		"oci-archive:x*.tar":         "oci-archive:x*.tar ",
		"docker-archive:x.tar:a/b:1": "docker-archive:x.tar:a/b:1 ",
	} {
		s, err := ParseSelection(text, 0)
		if got := s.String() + " " + s.Pattern; err != nil || got != want {
			t.Errorf("%q: got %q, error %v", text, got, err)
		}
	}
	for text, says := range map[string]string{
		"halo:[": `"[" is no pattern of tags`,
		"Halo:*": "lower case",
		"dir:*":  "the transport dir: is not known here",
		"halo:":  `"" is no tag`,
		"":       "it is empty",
		"*":      "no repository name",
		"halo/*": "no repository name",
	} {
		if s, err := ParseSelection(text, 0); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %+v, error %v, want one that says %q", text, s, err, says)
		}
	}
	for text, takes := range map[string]bool{"halo": true, "halo:v*": true, "halo:1": false, "oci:dir": false, "halo@" + emptySHA256: false} {
		if _, err := ParseSelection(text, 3); (err == nil) != takes {
			t.Errorf("%q with latest: error %v", text, err)
		}
	}
}

func FuzzParseSelection(f *testing.F) {
	for _, seed := range []string{"halo", "halo:v*", "docker://dir:*", "oci:d:[x", "oci-archive:a@" + emptySHA256, "a:5/b:[^-]?", "halo:\\*", "x:*@sha256:1"} {
		f.Add(seed, 0)
	}
	f.Add("halo", 2)
	f.Fuzz(func(t *testing.T, text string, latest int) {
		s, err := ParseSelection(text, latest)
		if err != nil {
			return
		}
		if again, err := ParseSelection(s.String(), latest); err != nil || again != s {
			t.Errorf("%q is %+v, prints %q, which is %+v, error %v", text, s, s, again, err)
		}
		if s.Matches("../x") || s.Matches("\x1b[31m") || s.Matches(strings.Repeat("x", 200)) {
			t.Errorf("%q selects what is no tag", text)
		}
	})
}

func TestLatestTags(t *testing.T) {
	sorted := []string{"edge", "latest", "1.6-rc1", "1.6", "1.6.1", "v1.9", "1.10", "v2.0-beta", "2.0"}
	tags := slices.Clone(sorted)
	slices.Reverse(tags)
	given := slices.Clone(tags)
	for n, want := range map[int]string{1: "2.0", 3: "1.10 v2.0-beta 2.0", 7: strings.Join(sorted[2:], " "), 100: strings.Join(sorted[2:], " ")} {
		if got := strings.Join(latestTags(tags, n), " "); got != want {
			t.Errorf("latest %d: got %s, want %s", n, got, want)
		}
	}
	if got := latestTags(tags, 0); len(got) != len(tags) || !slices.Equal(tags, given) {
		t.Errorf("got %v; the list that was given is %v now", got, tags)
	}
}

// Sorting relies on an order: the same both ways round, and without circles.
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
