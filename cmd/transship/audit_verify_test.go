package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// audit verify reports where an audit was changed, and exits with 7.
func TestAuditVerifyFindsTampering(t *testing.T) {
	c := newCopySetup(t)
	dir := c.env["HOME"]
	file := filepath.Join(dir, "audit.jsonl")
	c.run("copy", "-q", "--audit", file, c.src, c.dst).want(0)
	o := c.run("audit", "verify", file).want(0)
	said, hash, _ := strings.Cut(strings.TrimSpace(o.stdout), " last hash ")
	if said != file+": 30 calls, as they were written by transship "+cli.Version+";" || len(hash) != 64 {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.run("audit", "verify", "--last", hash, file).want(0)
	c.run("audit", "verify", "--last", strings.Repeat("0", 64), file).
		wantError(wantedError{7, "it ends with another hash than the one given: " + hash, ""})

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	edit := func(change func([]string) []string) string { return strings.Join(change(slices.Clone(lines)), "") }
	for name, test := range map[string]struct {
		text, message string
	}{
		"changed": {strings.Replace(string(text), `"status":201`, `"status":200`, 1),
			" was changed: it does not have the hash"},
		"removed": {edit(func(l []string) []string { return slices.Delete(l, 4, 6) }),
			"before line 5 records are missing: 2"},
		"inserted": {edit(func(l []string) []string { return slices.Insert(l, 4, l[2]) }), "line 5 was inserted"},
		"moved": {edit(func(l []string) []string { l[3], l[9] = l[9], l[3]; return l }),
			"it is not as it was written in "},
		"no start": {edit(func(l []string) []string { return l[1:] }), "line 1 is not the beginning of an audit"},
		"no end": {edit(func(l []string) []string { return l[:len(l)-3] }),
			"its end is missing; the 29 calls before that are as written, last hash "},
		"cut":       {string(text[:len(text)-100]), "line 32: it is cut off"},
		"empty":     {"", "it is neither an audit of JSON lines nor a HAR"},
		"no audit":  {"hello\n", "it is neither an audit of JSON lines nor a HAR"},
		"binary":    {"\x00\x01", "it is neither an audit of JSON lines nor a HAR"},
		"a HAR cut": {`{"log":{"entries":[`, "it is cut off"},
	} {
		path := c.writeFile("changed.jsonl", test.text)
		o := c.run("audit", "verify", path)
		if o.code != 7 || !strings.Contains(o.stderr, test.message) {
			t.Errorf("%s: exit %d\n%s", name, o.code, o.stderr)
		}
		for line := range strings.Lines(o.stdout) {
			if strings.Contains(o.stderr, strings.TrimSpace(line)) {
				t.Errorf("%s: it is printed twice: %s", name, line)
			}
		}
		if lists := o.stdout != ""; lists != strings.Contains(o.stderr, " places") {
			t.Errorf("%s: the places are not listed, or a single one is:\n%s%s", name, o.stdout, o.stderr)
		}
	}
	c.run("audit", "verify", filepath.Join(dir, "no.jsonl")).
		wantError(wantedError{4, "no.jsonl: no such file or directory", ""})
}

func TestAuditVerifyHAR(t *testing.T) {
	c := newCopySetup(t)
	file := filepath.Join(c.env["HOME"], "audit.har")
	c.run("digest", "--audit", file, c.src).want(0)
	if o := c.run("audit", "verify", file).
		want(0); !strings.HasPrefix(o.stdout, file+": 1 call, as they were written") {
		t.Error(o.stdout)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := c.writeFile("changed.har", strings.Replace(string(text), `"status":200`, `"status":404`, 1))
	c.run("audit", "verify", changed).wantError(wantedError{7, "entry 1 was changed", ""})
	other := c.writeFile("other.har", `{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"entries":[]}}`)
	if o := c.run("audit", "verify", other).
		want(0); o.stdout != other+
		": a HAR with 0 calls and no chain, so changes to it do not show\n" {
		t.Error(o.stdout)
	}
}
