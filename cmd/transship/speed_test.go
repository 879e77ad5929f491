package main

import (
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// Where few calls are left that is said once, and the copy ends all the same.
func TestFewCallsLeft(t *testing.T) {
	v := newVoyage(t)
	v.source.Set(registry.Rule{On: "/manifests/", Header: map[string]string{"ratelimit-remaining": "3;w=21600"}})
	o := v.run("copy", v.src, v.dst).want(0, ": 3 calls are left of what it allows")
	if n := len(withPrefix(o.stderr, v.source.host+": ")); n != 1 {
		t.Errorf("said %d times:\n%s", n, o.stderr)
	}
}
