package image

import (
	"strings"
	"testing"
)

func TestParseSelection(t *testing.T) {
	for text, want := range map[string]string{ // what is selected, and how
		"halo":                       "halo ",
		"localhost:5000/x":           "localhost:5000/x ",
		"docker://localhost:5000/x":  "localhost:5000/x ",
		"docker://dir":               "dir ",
		"halo:1.6":                   "halo:1.6 one",
		"halo:v1.*":                  "halo:v1.* v1.*",
		"localhost:5000/x:[0-9]*":    "localhost:5000/x:[0-9]* [0-9]*",
		"docker://dir:v?":            "docker://dir:v? v?",
		"halo@" + emptySHA256:        "halo@" + emptySHA256 + " one",
		"oci:dir":                    "oci:dir one",
		"oci:dir:v1.*":               "oci:dir:v1.* one", // a name in a layout is no pattern
		"oci:dir[1]":                 "oci:dir[1] one",
		"oci-archive:x*.tar":         "oci-archive:x*.tar one",
		"docker-archive:x.tar:a/b:1": "docker-archive:x.tar:a/b:1 one",
	} {
		s, err := ParseSelection(ListEntry{Source: text})
		how := "one"
		if s.Tags != nil {
			how = s.Tags.String()
		}
		if got := s.String() + " " + how; err != nil || got != want {
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
		"halo/*": "does not begin with a registry's host",
	} {
		if s, err := ParseSelection(ListEntry{Source: text}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %+v, error %v, want one that says %q", text, s, err, says)
		}
	}
	for text, takes := range map[string]bool{
		"halo": true, "halo:v*": true, "halo:1": false, "oci:dir": false, "halo@" + emptySHA256: false,
	} {
		if _, err := ParseSelection(ListEntry{Source: text, Latest: 3}); (err == nil) != takes {
			t.Errorf("%q with latest: error %v", text, err)
		}
	}
}

func FuzzParseSelection(f *testing.F) {
	for _, seed := range []string{
		"halo", "halo:v*", "docker://dir:*", "oci:d:[x", "oci-archive:a@" + emptySHA256, "a:5/b:[^-]?", "halo:\\*",
		"x:*@sha256:1", "h.x/a:/^1/", "h.x/**:!>=1||2", "h.x/t*/b", "a:>=1,<2",
	} {
		f.Add(seed, 0)
	}
	f.Add("halo", 2)
	f.Fuzz(func(t *testing.T, text string, latest int) {
		s, err := ParseSelection(ListEntry{Source: text, Latest: latest})
		if err != nil {
			return
		}
		words := strings.Fields(s.String())
		e := ListEntry{Source: s.String(), Latest: latest}
		if s.Tags != nil { // else it may be a path with spaces
			e.Source = words[0]
			for _, word := range words[1:] {
				e.addSelector(word)
			}
		}
		if again, err := ParseSelection(e); err != nil || again.String() != s.String() {
			t.Errorf("%q is %+v, prints %q, which is %+v, error %v", text, s, s, again, err)
		}
		if s.Tags == nil {
			return
		}
		for _, bad := range []string{"../x", "\x1b[31m", strings.Repeat("x", 200)} {
			if s.Tags.Match(bad) {
				t.Errorf("%q selects what is no tag", text)
			}
		}
	})
}
