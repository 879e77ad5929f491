package image

import (
	"strings"
	"testing"
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
		"halo:[": `"[" is not a pattern of tags`,
		"Halo:*": "lower case",
		"dir:*":  "the transport dir: is not supported",
		"halo:":  `"" is no tag`,
		"":       "it is empty",
		"*":      "no repository name",
		"halo/*": "no repository name",
	} {
		if s, err := ParseSelection(text, 0); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %+v, error %v, want one that says %q", text, s, err, says)
		}
	}
	for text, takes := range map[string]bool{
		"halo": true, "halo:v*": true, "halo:1": false, "oci:dir": false, "halo@" + emptySHA256: false,
	} {
		if _, err := ParseSelection(text, 3); (err == nil) != takes {
			t.Errorf("%q with latest: error %v", text, err)
		}
	}
}

func FuzzParseSelection(f *testing.F) {
	for _, seed := range []string{
		"halo", "halo:v*", "docker://dir:*", "oci:d:[x", "oci-archive:a@" + emptySHA256, "a:5/b:[^-]?", "halo:\\*",
		"x:*@sha256:1",
	} {
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
