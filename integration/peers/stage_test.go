package main

import (
	"slices"
	"strings"
	"testing"
)

// What a stage was given to clean up is cleaned up, the last first, also after a failure that ends it.
func TestStage(t *testing.T) {
	t.Parallel()
	s := &stage{ctx: t.Context(), root: t.TempDir()}
	var done []string
	err := s.run(func() {
		s.Cleanup(func() { done = append(done, "first") })
		s.Cleanup(func() { done = append(done, "second") })
		if !strings.HasPrefix(s.TempDir(), s.root) {
			t.Error("a folder lies elsewhere")
		}
		s.Fatalf("no %s", "luck")
		t.Error("Fatalf goes on")
	})
	if err == nil || err.Error() != "no luck" || !s.Failed() {
		t.Errorf("run: %v", err)
	}
	if !slices.Equal(done, []string{"second", "first"}) {
		t.Errorf("cleaned up: %v", done)
	}
}
