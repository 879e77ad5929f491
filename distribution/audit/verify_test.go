package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func mustVerify(t testing.TB, text []byte) Result {
	t.Helper()
	result, err := Verify(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func entriesOf(n int) []Entry {
	var out []Entry
	for i := range n {
		e := sampleEntries()[0]
		e.Sequence = int64(i + 1)
		out = append(out, e)
	}
	return out
}

func TestVerifySound(t *testing.T) {
	for _, f := range formats {
		text := auditOf(t, f, entriesOf(5)...)
		got := mustVerify(t, text)
		if !got.Sound() || !got.Complete || !got.Chained || got.Entries != 5 || got.Run.Tool != "transship" ||
			len(got.Last) != 64 {
			t.Errorf("%s: %+v", f, got)
		}
		if !strings.Contains(string(text), `hash":"`+got.Last+`"}`) {
			t.Errorf("%s: the last hash is not in the file", f)
		}
	}
}

// rewritten changes a record and its hash.
func rewritten(line, old, replacement string) string {
	changed := strings.Replace(line, old, replacement, 1)
	content := changed[:len(changed)-64-2-len(hashPrefix(hashMember))] + "}"
	return content[:len(content)-1] + hashPrefix(hashMember) + hashOf([]byte(content)) + `"}`
}

// The audit has 7 lines: a Run, 5 entries and an End.
func TestVerifyFindsTampering(t *testing.T) {
	whole := strings.Split(strings.TrimSuffix(string(auditOf(t, JSONL, entriesOf(5)...)), "\n"), "\n")
	other := strings.Split(string(auditOf(t, JSONL, entriesOf(2)...)), "\n")
	without := func(from, to int) []string { return slices.Delete(slices.Clone(whole), from-1, to) }
	with := func(at int, line string) []string { return slices.Insert(slices.Clone(whole), at-1, line) }
	set := func(at int, line string) []string { l := slices.Clone(whole); l[at-1] = line; return l }
	swap := func(a, b int) []string { l := slices.Clone(whole); l[a-1], l[b-1] = l[b-1], l[a-1]; return l }
	status := func(line string) string { return strings.Replace(line, `"status":200`, `"status":404`, 1) }
	insertion := rewritten(whole[3], `"sequence":3`, `"sequence":9`) // follows line 3 as line 4 does

	tests := []struct {
		name     string
		lines    []string
		complete bool
		want     []string
	}{
		{"a value changed", set(4, status(whole[3])), true, []string{"changed: line 4 was changed"}},
		{"a value and its hash changed", set(4, rewritten(whole[3], `"status":200`, `"status":404`)), true,
			[]string{"changed: line 4 was changed: line 5"}},
		{"the hash changed", set(4, strings.Replace(whole[3], `,"hash":"`, `,"hash":"0`, 1)[:len(whole[3])-2]+`"}`),
			true, []string{"changed: line 4 was changed"}},
		{"the number changed", set(4, strings.Replace(whole[3], `"record":4`, `"record":40`, 1)), true,
			[]string{"changed: line 4 was changed"}},
		{"no JSON", set(4, "x"), true, []string{"changed: line 4 was changed"}},
		{"an empty line", set(4, ""), true, []string{"changed: line 4 was changed"}},
		{"the first line changed", set(1, strings.Replace(whole[0], "copy", "pull", 1)), true,
			[]string{"changed: line 1 was changed"}},
		{"the last line changed", set(7, strings.Replace(whole[6], `"calls":5`, `"calls":4`, 1)), true,
			[]string{"changed: line 7 was changed"}},
		{"a line removed", without(4, 4), true, []string{"removed: before line 4 records are missing: 1"}},
		{"lines removed", without(3, 5), true, []string{"removed: before line 3 records are missing: 3"}},
		{"the first line removed", without(1, 1), true, []string{"no genesis: line 1 is not the beginning"}},
		{"the last line removed", without(7, 7), false, nil},
		{"a line inserted", with(4, other[1]), true, []string{"inserted: line 4 was inserted"}},
		{"a line inserted that fits", with(4, insertion), true, []string{"inserted: line 4 was inserted"}},
		{"a line twice", with(4, whole[3]), true, []string{"inserted: line 4 was inserted"}},
		{"no JSON inserted", with(4, "x"), true, []string{"inserted: line 4 was inserted"}},
		{"an empty line inserted", with(4, ""), true, []string{"inserted: line 4 was inserted"}},
		{"a line before the first", with(1, "{}"), true, []string{"inserted: line 1 was inserted"}},
		{"a line after the last", with(8, whole[5]), true,
			[]string{"inserted: line 8 was inserted: it comes after the end"}},
		{"two places", slices.Delete(set(6, status(whole[5])), 2, 3), true,
			[]string{"removed: before line 3 records are missing: 1", "changed: line 5 was changed"}},
		{"another beginning", set(1, rewritten(whole[0], "copy", "pull")), true,
			[]string{"changed: line 1 was changed: line 2"}},
	}
	for _, test := range tests {
		got := mustVerify(t, []byte(strings.Join(test.lines, "\n")+"\n"))
		var problems []string
		for _, p := range got.Problems {
			problems = append(problems, fmt.Sprintf("%s: %s", p.Flaw, p.Text))
		}
		matches := slices.EqualFunc(test.want, problems, func(want, got string) bool {
			return strings.HasPrefix(got, want)
		})
		if !matches || got.Complete != test.complete {
			t.Errorf("%s: complete %v, problems %q, want %q", test.name, got.Complete, problems, test.want)
		}
	}
	if got := mustVerify(t, []byte(strings.Join(swap(3, 5), "\n")+"\n")); got.Sound() {
		t.Error("two lines exchanged: no problem")
	}
}

func TestVerifyFindsEveryChangedByte(t *testing.T) {
	for _, f := range formats {
		text := auditOf(t, f, entriesOf(1)...)
		for i := range text {
			changed := bytes.Clone(text)
			changed[i] ^= 1
			result, err := Verify(bytes.NewReader(changed))
			if err == nil && result.Sound() && result.Complete && (f == JSONL || !unchained(text, i)) {
				t.Fatalf("%s: byte %d of %d changed from %q to %q without a problem", f, i, len(text), text[i],
					changed[i])
			}
		}
	}
}

// unchained reports whether a byte of a HAR is outside of its records.
func unchained(text []byte, at int) bool {
	run := bytes.Index(text, []byte(`"_run":`))
	return at < run || text[at] == '\n'
}

func TestVerifyCut(t *testing.T) {
	text := auditOf(t, JSONL, entriesOf(3)...)
	for size := len(text) - 1; size > 1; size -= 101 {
		got, err := Verify(bytes.NewReader(text[:size]))
		if err != nil {
			t.Fatal(size, err)
		}
		whole := text[size-1] == '\n'
		if got.Complete || got.Sound() != whole || !whole && got.Problems[len(got.Problems)-1].Flaw != Truncated {
			t.Errorf("%d of %d bytes: %+v", size, len(text), got)
		}
	}
	har := auditOf(t, HAR, entriesOf(3)...)
	got := mustVerify(t, har[:len(har)-len("\n}}}")])
	if got.Sound() || got.Problems[0].Flaw != Truncated {
		t.Errorf("%+v", got)
	}
}

func TestVerifyHAR(t *testing.T) {
	text := string(auditOf(t, HAR, entriesOf(3)...))
	entries := strings.Split(text, "\n")
	tests := map[string]struct {
		text string
		want Flaw
	}{
		"changed": {strings.Replace(text, `"status":200`, `"status":404`, 1), Changed},
		"removed": {strings.Replace(text, entries[3]+"\n", "", 1), Removed},
		"added": {strings.Replace(text, entries[3]+"\n",
			entries[3]+"\n"+`{"startedDateTime":"2026-01-02T03:04:05Z"},`+"\n", 1), Inserted},
		"no run": {text[:strings.Index(text, `"_run"`)] + text[strings.Index(text, `"entries"`):], NoBeginning},
	}
	for name, test := range tests {
		if !json.Valid([]byte(test.text)) {
			t.Fatalf("%s: the test's HAR is no JSON", name)
		}
		if got := mustVerify(t, []byte(test.text)); got.Sound() || got.Problems[0].Flaw != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestVerifyRefusesOtherFiles(t *testing.T) {
	for _, text := range []string{"", "x", "[]", "\x00"} {
		if _, err := Verify(strings.NewReader(text)); !errors.Is(err, errFormat) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got := mustVerify(t, []byte("{\"a\":1}\n{\"b\":2}\n")); got.Sound() || got.Problems[0].Flaw != NoBeginning {
		t.Errorf("%+v", got)
	}
	if got := mustVerify(t, []byte(`{"log":{"entries":[]}}`)); !got.Sound() || got.Chained {
		t.Errorf("%+v", got)
	}
	if _, err := Verify(strings.NewReader(`{"log":{"entries":[{"request":1}]}}`)); err == nil {
		t.Error("an invalid entry: no error")
	}
}

func FuzzVerify(f *testing.F) {
	for _, format := range formats {
		f.Add(auditOf(f, format, entriesOf(2)...))
	}
	f.Add([]byte(`{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05Z","_hash":""}],"_end":1}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = Verify(bytes.NewReader(text))
		_, _, _ = readEntries(t, text)
	})
}
