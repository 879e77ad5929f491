package tagselect

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSelector(t *testing.T) {
	all := strings.Fields("0.3.1 0.4 1 1.2 1.2.3 v1.2.5 1.3 1.10 2 2.0.0 2.0-rc1 1.2-alpine 1.2.3.4 20240101 latest x-1 V1")
	for words, want := range map[string]string{
		"":              strings.Join(all, " "),
		">=1.2 <2":      "1.2 1.2.3 v1.2.5 1.3 1.10 1.2.3.4",
		">=1.2,<2":      "1.2 1.2.3 v1.2.5 1.3 1.10 1.2.3.4",
		">1.2 <=2":      "1.3 1.10 2 2.0.0",
		"=1.2":          "1.2 1.2.3 v1.2.5 1.2.3.4",
		"==v1.2.3":      "1.2.3 1.2.3.4",
		"^1.2.4":        "v1.2.5 1.3 1.10",
		"^0.3":          "0.3.1",
		"~1.2.3":        "1.2.3 v1.2.5 1.2.3.4",
		"~1":            "1 1.2 1.2.3 v1.2.5 1.3 1.10 1.2.3.4",
		"<0.4 || >=3":   "0.3.1 20240101",
		">=2.0-rc1 <3":  "2 2.0.0 2.0-rc1",
		"*-* =1.2":      "1.2-alpine",
		"!>=1":          "0.3.1 0.4 latest x-1 V1",
		"!*[0-9]*":      "latest",
		"/^[^0-9]/ !v*": "latest x-1 V1",
		"latest 1.2":    "1.2 latest",
		"!/./":          "",
		"?":             "1 2",
	} {
		s, err := Parse(strings.Fields(words)...)
		if err != nil {
			t.Errorf("%q: %v", words, err)
			continue
		}
		var got []string
		for _, tag := range all {
			if s.Match(tag) {
				got = append(got, tag)
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%q: %s", words, diff)
		}
	}
}

// skopeo's spelling has a space after the operator.
func TestVersionRangeTakesASpaceAfterTheOperator(t *testing.T) {
	r, err := parseVersionRange(">= 1.2, < 2")
	if err != nil || !r.match("1.5", false) || r.match("2", false) || r.match("1.1", false) {
		t.Errorf("%v, error %v", r, err)
	}
	for _, text := range []string{"", " ", "||", ">=", ">=1 ||", ">=x", "1.x", ">=1.*", "=<1", ">>1", "latest", ">=1 x"} {
		if _, err := parseVersionRange(text); err == nil {
			t.Errorf("%q is a range", text)
		}
	}
}

// No name of an image, a repository or a layout is read as a pattern.
func TestWordsThatSelectTags(t *testing.T) {
	for word, want := range map[string]bool{
		"halo": false, "halo:1.6": false, "registry.example.com/x": false, "[::1]:5000/x": false, "oci:d*": false,
		"oci:/a/": false, "oci-archive:x[1].tar": false, "docker://x/y": false, "1.20": false, "~/x": false, "/x": false,
		"./x/": false, "reg/x*": false, "": false, "/": false, "//": false,
		"1.*": true, "v?": true, "[ab]": true, "/x/": true, "!x": true, "!": true, ">=1": true, "<2": true, "=1": true,
		"^1": true, "~1": true, "||": true, ">": true,
	} {
		if got := IsWord(word); got != want {
			t.Errorf("%q selects tags: %v", word, got)
		}
	}
}

func FuzzSelector(f *testing.F) {
	f.Add(">=1.2 <2 || ^3", "1.2-rc1")
	f.Add("!/^a+$/ [a-", "a")
	f.Add("~0.0.0 v1", "v00")
	f.Fuzz(func(t *testing.T, words, tag string) {
		s, err := Parse(strings.Fields(words)...)
		if err != nil {
			return
		}
		again, err := Parse(strings.Fields(s.String())...)
		if err != nil || again.Match(tag) != s.Match(tag) {
			t.Errorf("%q prints %q, error %v", words, s, err)
		}
	})
}
