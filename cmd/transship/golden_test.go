package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a text with the file testdata/NAME. It first replaces each pair of oldnew, for
// hosts and folders that differ between runs.
func golden(t *testing.T, name, got string, oldnew ...string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	got = strings.NewReplacer(oldnew...).Replace(got)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (run go test -update to accept it):\n%s", file, diff)
	}
}
