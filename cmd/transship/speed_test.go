package main

import (
	"net/http"
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

// --ranges fetches big blobs in parts, and where the registry gives none the copy is the same.
func TestRanges(t *testing.T) {
	big := content(1, 33<<20)
	for name, test := range map[string]struct {
		flag  string
		rule  registry.Rule
		calls int // for the layer and the config
	}{
		"in ranges":             {"--ranges=3", registry.Rule{}, 33 + 1},
		"none":                  {"--ranges=1", registry.Rule{}, 1 + 1},
		"where it is fast":      {"-q", registry.Rule{}, 1 + 1},
		"one breaks off":        {"--ranges=3", registry.Rule{On: "^GET .*/blobs/", Skip: 20, Times: 1, Cut: registry.CutAnswer, After: 1000}, 60},
		"the registry has none": {"--ranges=3", registry.Rule{Edit: func(h http.Header) { h.Del("Content-Range") }}, 3*3 + 1 + 1},
	} {
		v := newVoyage(t)
		from, source := link{}.counted(t)
		from.list("big/layer", "1", from.image("big/layer", "", "linux/amd64", big))
		from.Set(test.rule)
		v.run("copy", test.flag, from.host+"/big/layer:1", v.dst).want(0)
		if n := source.of("GET blobs"); n > test.calls {
			t.Errorf("%s: %d GETs of blobs, want at most %d", name, n, test.calls)
		}
		if name == "in ranges" && source.of("GET blobs") != test.calls {
			t.Errorf("%s: %d GETs of blobs, want %d", name, source.of("GET blobs"), test.calls)
		}
		v.run("copy", v.dst, "null:").want(0)
	}
}
