package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// countCalls counts calls by method, kind of endpoint, and class of status, such as "PUT upload
// ok".
func countCalls(calls servers.Calls) map[string]int {
	n := map[string]int{}
	for _, c := range calls {
		n[callKind(c)]++
	}
	return n
}

func callKind(c servers.Call) string {
	about := "other"
	switch {
	case strings.Contains(c.Path, "/manifests/"):
		about = "manifest"
	case c.Param("mount") != "":
		about = "mount"
	case strings.Contains(c.Path, "/blobs/uploads/"):
		about = "upload"
	case strings.Contains(c.Path, "/blobs/"):
		about = "blob"
	}
	return c.Method + " " + about + " " + map[int]string{1: "1xx", 2: "ok", 3: "moved", 4: "no",
		5: "failed"}[c.Status/100]
}

// sharedLayersImage returns an image whose platforms share layers.
func sharedLayersImage() fixture.Image {
	return fixture.Synthetic(fixture.Spec{
		Seed: 11,
		Platforms: []v1.Platform{
			{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"},
			{OS: "linux", Architecture: "s390x"}, {OS: "linux", Architecture: "riscv64"},
		},
		Layers: []int64{2 << 20, 3000},
		Shared: []int64{3 << 20, 70_000, 5},
	})
}

// The call budget for P images and B distinct blobs. A cold copy makes 1+P+B calls on the source
// and 1+2B+P+1 on the target; the same copy again makes 1+1; a copy to another repository of the
// target's registry makes B mounts and P+1 PUTs there.
func TestCallBudgets(t *testing.T) {
	t.Parallel()
	for name, im := range map[string]fixture.Image{
		"real":          fixture.Real(),
		"attestations":  fixture.Real().OCI(),
		"shared layers": sharedLayersImage(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := budget{from: servers.CNCF(t, servers.Options{}), to: servers.CNCF(t, servers.Options{})}
			b.transship, _ = servers.Transship(t)
			b.images, b.blobs = len(im.Manifests)-1, len(im.Blobs)
			source := push(t, b.from, im, "src/repo", "1.6")
			target := b.to.Host + "/dst/repo:1.6"

			b.cold(t, im, source, target)
			b.again(t, im, source, target)
			b.otherRepository(t, im, target, b.to.Host+"/mirror/repo:1.6")
			verify(t, b.to, im, "dst/repo", "1.6")
			verify(t, b.to, im, "mirror/repo", "1.6")
		})
	}
}

// budget is a source and a target whose calls are counted, and the size of the image.
type budget struct {
	transship     servers.Program
	from, to      *servers.Registry
	images, blobs int
}

// copy runs a copy and returns the calls on the source and on the target.
func (b budget) copy(t *testing.T, im fixture.Image, source, target string) (from, to servers.Calls) {
	t.Helper()
	b.from.ForgetCalls(t)
	b.to.ForgetCalls(t)
	runCopy(t, b.transship, im, source, target)
	return b.from.Calls(t), b.to.Calls(t)
}

func (b budget) cold(t *testing.T, im fixture.Image, source, target string) {
	t.Helper()
	from, to := b.copy(t, im, source, target)
	wantCalls(t, "cold, source", from, 1+b.images+b.blobs, map[string]int{
		"GET manifest ok": 1 + b.images,
		"GET blob ok":     b.blobs,
	})
	wantCalls(t, "cold, target", to, 1+2*b.blobs+b.images+1, map[string]int{
		"HEAD manifest no": 1,
		"POST mount ok":    b.blobs,
		"PUT upload ok":    b.blobs,
		"PUT manifest ok":  b.images + 1,
	})
}

func (b budget) again(t *testing.T, im fixture.Image, source, target string) {
	t.Helper()
	from, to := b.copy(t, im, source, target)
	wantCalls(t, "again, source", from, 1, map[string]int{"GET manifest ok": 1})
	wantCalls(t, "again, target", to, 1, map[string]int{"HEAD manifest ok": 1})
}

// otherRepository checks a copy to another repository of the target's registry.
func (b budget) otherRepository(t *testing.T, im fixture.Image, source, target string) {
	t.Helper()
	from, to := b.copy(t, im, source, target)
	wantCalls(t, "mounts, first source", from, 0, map[string]int{})
	wantCalls(t, "mounts, target", to, 1+b.images+1+b.blobs+b.images+1, map[string]int{
		"GET manifest ok":  1 + b.images,
		"HEAD manifest no": 1,
		"POST mount ok":    b.blobs,
		"PUT manifest ok":  b.images + 1,
	})
	for _, c := range to.With("POST", "/blobs/uploads/") {
		if c.Status != 201 {
			t.Errorf("%s: the blob was not mounted", c)
		}
	}
}

// With several targets on one registry, the first gets the bytes, another repository mounts them,
// and a second tag of a repository costs a HEAD and a PUT.
func TestCallsForSeveralTargets(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	transship, _ := servers.Transship(t)
	im := fixture.Real()
	source := push(t, from, im, "src/repo", "1.6")
	images, blobs := len(im.Manifests)-1, len(im.Blobs)
	from.ForgetCalls(t)
	to.ForgetCalls(t)
	transship.Output(t, "copy", source, to.Host+"/dst/repo:1.6", to.Host+"/dst/repo:latest", to.Host+"/mirror/repo:1.6")
	wantCalls(t, "source", from.Calls(t), 1+images+blobs, map[string]int{
		"GET manifest ok": 1 + images,
		"GET blob ok":     blobs,
	})
	calls := to.Calls(t)
	// One PUT asks whether the registry sets several tags at once (end-7b). This one does not.
	wantCalls(t, "target", calls, 3+3*blobs+2*images+4, map[string]int{
		"HEAD manifest no": 3,
		"POST mount ok":    2 * blobs,
		"PUT upload ok":    blobs,
		"PUT manifest ok":  2*images + 4,
	})
	for _, c := range calls.With("POST", "/mirror/repo/blobs/uploads/") {
		if c.Status != 201 || c.Param("from") != "dst/repo" {
			t.Errorf("%s: the blob was not mounted", c)
		}
	}
	verify(t, to, im, "dst/repo", "1.6")
	verify(t, to, im, "dst/repo", "latest")
	verify(t, to, im, "mirror/repo", "1.6")
}

// wantCalls checks the number of calls and their kinds.
func wantCalls(t *testing.T, what string, calls servers.Calls, most int, want map[string]int) {
	t.Helper()
	if len(calls) > most {
		t.Errorf("%s: %d calls, want at most %d:\n%s", what, len(calls), most, calls)
	}
	if diff := cmp.Diff(want, countCalls(calls)); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}
