package main

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/manifest"
)

// pushNested pushes repo:deep, an image below so many lists.
func (s *server) pushNested(repo string, lists int) {
	s.t.Helper()
	d := s.pushImage(repo, "", "linux/amd64", "layer")
	for range lists {
		d = s.pushList(repo, "deep", d)
	}
}

// Registries, folders and tars have one limit, and what is nested deeper is refused alike.
func TestListsNestedTooDeepAreRefused(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushNested("edge", manifest.MaxDepth)
	c.source.pushNested("app", manifest.MaxDepth+1)
	for _, line := range []string{
		"copy -q FROM/edge:deep oci:@/edge:deep", "copy -q oci:@/edge:deep TO/edge:deep",
		"save -q -o @/edge.tar FROM/edge:deep", "load -q @/edge.tar TO/loaded",
		"verify FROM/edge:deep", "verify @/edge", "verify @/edge.tar",
	} {
		c.do(line).want(0)
	}
	want := wantedError{7, "indexes are nested more than 50 levels deep", "copy an image inside it"}
	for _, line := range []string{
		"copy FROM/app:deep DST", "copy FROM/app:deep DST TO/b:1", "copy --flatten FROM/app:deep DST",
		"copy FROM/app:deep null:", "copy FROM/app:deep oci:@/folder:deep", "save -o @/app.tar FROM/app:deep",
		"manifest create x FROM/app:deep",
	} {
		c.source.ResetRequests()
		c.do(line).wantError(want)
		if n := len(c.source.Requests()); n > manifest.MaxDepth+3 {
			t.Errorf("%s makes %d calls to the source", line, n)
		}
	}
	if o := c.do("verify FROM/app:deep").want(7); !strings.Contains(o.stdout, want.message) {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}
