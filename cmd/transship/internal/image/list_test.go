package image

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

func TestParseList(t *testing.T) {
	text := "\ufeff# what goes across\r\n" +
		"halo:1.6\r\n" +
		"\r\n" +
		"  quay.io/a/b   reg/x\treg/y:2  # two targets\n" +
		"a/b#c # only the second # begins a comment\n" +
		"#\n" +
		"last:v1.*"
	got, err := parseList("l", []byte(text))
	want := []ListEntry{
		{Line: 2, Source: "halo:1.6"}, {Line: 4, Source: "quay.io/a/b", Targets: []string{"reg/x", "reg/y:2"}},
		{Line: 5, Source: "a/b#c"}, {Line: 7, Source: "last:v1.*"},
	}
	for i := range got {
		if len(got[i].Targets) == 0 {
			got[i].Targets = nil
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}

	text = " \n" + `["halo:1.6",

 {"source": "a/b",
  "targets": ["reg/x", "reg/y:2"]},
{"source":"c:v*","latest":2}]
`
	got, err = parseList("l", []byte(text))
	want = []ListEntry{
		{Line: 2, Source: "halo:1.6"},
		{Line: 4, Source: "a/b", Targets: []string{"reg/x", "reg/y:2"}},
		{Line: 6, Source: "c:v*", Latest: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestParseListRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"[":                                      "l: line 1: ",
		"[\"a\",\n\n x]":                         "l: line 3: invalid character 'x'",
		"[\"a\"\n \"b\"]":                        "l: line 2: expected comma after array element",
		"[\"a\",\n\n":                            "l: line 3: ",
		"[\"a\"]\n\n[]":                          "l: line 3: there is more after the end of the array",
		`["a", {"source": "b", "source": "c"}]`:  `l: line 1: member "source" comes twice`,
		"[\n7]":                                  "l: line 2: want a string or an object, got a number",
		"[\n[\"a\"]]":                            "l: line 2: want a string or an object, got an array",
		"[\nnull]":                               "l: line 2: source is missing",
		"[\"a\",\n{\"source\":\n7}]":             "l: line 2: source is a number",
		"[{\"source\":\"a\",\"targets\":\"b\"}]": "l: line 1: targets is a string",
		"[{\"source\":\"a\",\"sorce\":\"b\"}]":   "l: line 1: unknown field \"sorce\"",
		"[{\"source\":\"a\",\"latest\":-1}]":     "l: line 1: latest is less than 0",
		"[{\"targets\":[\"a\"]}]":                "l: line 1: source is missing",
	} {
		got, err := parseList("l", []byte(text))
		if run.ExitCode(err) != cli.ExitUsage || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%q: got %+v, error %v, want one that begins %q", text, got, err, says)
		}
	}
}

func FuzzParseList(f *testing.F) {
	for _, seed := range []string{
		"a b # c\n\nd", `["a",{"source":"b","targets":["c"],"latest":2}]`, "[", "[{}",
		`["\ud800"]`, "\ufeff[]", "[1e9999]",
		"[\n]x", "a\x00b c",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := parseList("l", text)
		lines := 1 + strings.Count(string(text), "\n")
		if err != nil {
			if run.ExitCode(err) != cli.ExitUsage || !strings.HasPrefix(err.Error(), "l: line ") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, e := range entries {
			if e.Line < 1 || e.Line > lines || e.Latest < 0 {
				t.Errorf("%q: %+v of %d lines", text, e, lines)
			}
		}
		printed, err := json.Marshal(entries)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 || strings.Contains(string(printed), `"source":""`) {
			return
		}
		again, err := parseList("l", printed)
		if err != nil || len(again) != len(entries) {
			t.Errorf("%q prints %s, which is %d entries, error %v", text, printed, len(again), err)
		}
	})
}

// An entry that no reference and its targets can need is refused before it is parsed.
func TestParseListRefusesLongEntries(t *testing.T) {
	long := strings.Repeat("a", maxEntry)
	for _, text := range []string{"halo:1.6\n" + long + "a\n", "[\"halo:1.6\",\n\"" + long + "\"]", "[\"b\",\n{\"source\":\"" + long + "\"}]"} {
		_, err := parseList("l", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "l: line ") || len(err.Error()) > 100 {
			t.Errorf("got error %v", err)
		}
	}
}

// The line in an error is right also after many entries.
func TestParseListCountsLines(t *testing.T) {
	_, err := parseList("l", []byte("["+strings.Repeat("\"a/b\",\n", 1000)+"\n 7]"))
	if err == nil || !strings.HasPrefix(err.Error(), "l: line 1002: ") {
		t.Errorf("got error %v", err)
	}
}
