package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
)

// repairSetup is a copySetup whose target can lose content.
type repairSetup struct {
	*copySetup
	store string // the folder of the target
	list  blob.Digest
	child blob.Digest // the first image of the list
	layer blob.Digest // "shared", which all images have
}

func newRepairSetup(t *testing.T) *repairSetup {
	t.Helper()
	c := newCopySetup(t)
	r := &repairSetup{copySetup: c, store: filepath.Join(t.TempDir(), "store"), layer: blob.FromBytes([]byte("shared"))}
	dir, err := layout.OpenDir(r.store)
	c.must(err)
	f := &registry.Faults{Handler: &registry.Handler{Store: registry.OnDisk(dir)}}
	c.target = &server{f, t, listen(t, f)}
	c.dst = c.target.host + "/src/repo:1.6"
	r.list = c.source.pushThreePlatforms().Digest
	r.child = c.source.pushImage("src/repo", "", "linux/amd64", "shared", "for amd64").Digest
	return r
}

// lose removes the bytes of a blob or manifest from the target's storage.
func (r *repairSetup) lose(digests ...blob.Digest) {
	r.t.Helper()
	for _, d := range digests {
		r.must(os.Remove(filepath.Join(r.store, "blobs", "sha256", d.Hex())))
	}
	r.target.ResetRequests()
}

// What every command that pushes copies again with --repair is whole after it, whichever part of
// the image the target has lost, and nothing else is sent.
func TestRepair(t *testing.T) {
	for name, line := range map[string]string{
		"copy":    "copy SRC TO/src/repo:1.6",
		"several": "copy SRC TO/src/repo:1.6 TO/src/repo:second",
		"sync":    "sync -f @/images",
		"state":   "sync -f @/images --state @/state",
		"load":    "load @/saved.tar TO",
		"push":    "push TO/src/repo:1.6",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepairSetup(t)
			r.writeList("FROM/src/repo:1.6 TO/src/repo:1.6")
			r.do("save -o @/saved.tar SRC").want(0)
			r.do("pull SRC").want(0)
			r.do("tag SRC TO/src/repo:1.6").want(0)
			r.do(line).want(0)
			for what, lost := range map[string][]blob.Digest{
				"a blob": {r.layer}, "a child": {r.child}, "the list": {r.list}, "all of them": {r.layer, r.child, r.list},
			} {
				r.lose(lost...)
				if what == "a blob" {
					r.do(line).want(0)
					o := r.do("verify TO/src/repo:1.6").want(7)
					if !strings.Contains(o.stdout, string(r.layer)) {
						t.Errorf("%s prints %s", o.line, o.stdout)
					}
					if hints := o.hintLines(); len(hints) != 1 || !strings.Contains(hints[0], "copy --repair SRC "+r.dst) {
						t.Errorf("%s hints %q", o.line, hints)
					}
					r.target.ResetRequests()
				}
				r.do(line + " --repair").want(0)
				if n := r.target.Count("^PUT .*/blobs/"); n > 1 {
					t.Errorf("%s: %d blobs are sent for %s", line, n, what)
				}
				r.do("verify --deep TO/src/repo:1.6").want(0)
			}
			r.target.ResetRequests()
			r.do(line + " --repair").want(0)
			if n := r.target.Count("^(POST|PUT|PATCH)"); n != 0 {
				t.Errorf("%s: %d calls that write where nothing is missing", line, n)
			}
		})
	}
}

// A registry may say that it has what it has lost, to a HEAD as to a mount: the bytes count.
func TestRepairOfWhatTheRegistryClaimsToHave(t *testing.T) {
	r := newRepairSetup(t)
	r.do("copy SRC DST").want(0)
	r.lose(r.layer)
	claim := map[string]string{"Docker-Content-Digest": string(r.layer), "Content-Length": "6",
		"Location": "/v2/src/repo/blobs/" + string(r.layer)}
	r.target.Set(registry.Rule{Match: "^HEAD .*" + string(r.layer), Status: 200, Header: claim},
		registry.Rule{Match: "^POST .*mount=" + string(r.layer), Status: 201, Header: claim})
	r.do("verify DST").want(0)
	r.checkPlans(r.source, r.target).runAsPlanned("copy", "--repair", "--jobs=1", r.src, r.dst).
		want(t, "1 uploads, 0 mounts, 6 present, 6 bytes", "sessions", "anonymous")
	r.target.Set()
	r.do("verify --deep DST").want(0)
}

// A registry that takes a blob again and does not give it out is said, with exit code 7.
func TestRepairThatDoesNotHelp(t *testing.T) {
	r := newRepairSetup(t)
	r.do("copy SRC DST").want(0)
	r.target.Set(registry.Rule{Match: "^GET .*/blobs/" + string(r.layer), Status: 404})
	r.do("copy --repair SRC DST").wantError(wantedError{7, "takes blob " + string(r.layer), "its operator must mend that"})
}

// A source that lacks what the target lacks is named, and one that lacks what the target has is not
// asked for it.
func TestRepairFromAnIncompleteSource(t *testing.T) {
	r := newRepairSetup(t)
	r.do("copy SRC DST").want(0)
	r.source.Set(registry.Rule{Match: "^GET .*/blobs/" + string(r.layer), Status: 404})
	r.do("copy --repair SRC DST").want(0, "is up to date with")
	r.lose(r.layer)
	r.do("copy --repair SRC DST").wantError(wantedError{4, r.source.host + "/v2/src/repo/blobs/", "incomplete at its source"})
}

// A layout is mended like a registry; a tar is written anew in any case.
func TestRepairOfLayout(t *testing.T) {
	r := newRepairSetup(t)
	r.do("copy SRC oci:@/lay:x/y:1").want(0)
	r.store = r.path("lay")
	r.lose(r.layer, r.child)
	r.do("copy SRC oci:@/lay:x/y:1").want(0, "up to date")
	o := r.do("verify @/lay").want(7)
	if hints := o.hintLines(); len(hints) != 1 || !strings.Contains(hints[0], "copy --repair SRC oci:") {
		t.Errorf("%s hints %q", o.line, hints)
	}
	r.do("copy --repair SRC oci:@/lay:x/y:1").want(0)
	r.do("verify @/lay").want(0)
	r.do("copy --repair SRC oci-archive:@/one.tar:x/y:1").want(0)
}

// What refers to the image is mended with --referrers.
func TestRepairOfReferrers(t *testing.T) {
	r := newRepairSetup(t)
	subject := r.source.pushImage("src/repo", "2", "linux/amd64", "shared")
	signature := r.source.pushImage("src/repo", "sha256-"+subject.Digest.Hex()+".sig", "linux/amd64", "signature")
	r.do("copy --referrers FROM/src/repo:2 TO/src/repo:2").want(0)
	layer := blob.FromBytes([]byte("signature"))
	r.lose(layer, signature.Digest)
	r.do("copy --repair --referrers FROM/src/repo:2 TO/src/repo:2").want(0)
	for _, d := range []blob.Digest{layer, signature.Digest} {
		if _, err := os.Stat(filepath.Join(r.store, "blobs", "sha256", d.Hex())); err != nil {
			t.Error(err)
		}
	}
}
