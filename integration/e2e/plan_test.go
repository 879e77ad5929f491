package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// plan is the part of --plan=json that these tests use.
type plan struct {
	Calls []struct {
		Method, URL string
		Status      int
	}
	Totals struct {
		Uploads, Mounts, Present int
		Bytes                    int64
	}
	Questions int
}

// callsTo returns the planned calls to a host.
func (p plan) callsTo(host string) []string {
	var calls []string
	for _, c := range p.Calls {
		if path, ok := strings.CutPrefix(c.URL, "http://"+host); ok {
			calls = append(calls, fmt.Sprintf("%s %s %d", c.Method, path, c.Status))
		}
	}
	return calls
}

// upload matches the session and state in the URL of an upload.
var upload = regexp.MustCompile(`(/blobs/uploads/)[^?/ ]+(?:\?_state=[^& ]*(&?))?`)

// loggedCalls returns the calls of an access log in the format of callsTo.
func loggedCalls(calls servers.Calls) []string {
	var out []string
	for _, c := range calls {
		line := upload.ReplaceAllStringFunc(c.String(), func(s string) string {
			m := upload.FindStringSubmatch(s)
			if m[2] != "" {
				return m[1] + "{session}?"
			}
			return m[1] + "{session}"
		})
		out = append(out, line)
	}
	return out
}

// planCheck plans commands, runs them, and compares the calls.
type planCheck struct {
	transship servers.Program
	at        []*servers.Registry
}

// runAsPlanned plans a command, checks with the access logs that planning was read-only and fetched
// no blob, runs the command, and compares the logged calls with the plan; with --jobs=1 in order.
func (p planCheck) runAsPlanned(t *testing.T, args ...string) plan {
	t.Helper()
	p.forget(t)
	var planned plan
	printed := p.transship.Output(t, append(args, "--plan=json")...)
	if err := json.Unmarshal([]byte(printed), &planned); err != nil {
		t.Fatalf("%v:\n%s", err, printed)
	}
	for _, r := range p.at {
		for _, c := range r.Calls(t) {
			if c.Method != "GET" && c.Method != "HEAD" || strings.Contains(c.Path, "/blobs/") && c.Method == "GET" &&
				c.Status == 200 {
				t.Errorf("%s: the plan makes the call %s", strings.Join(args, " "), c)
			}
		}
	}
	p.forget(t)
	p.transship.Output(t, args...)
	for _, r := range p.at {
		want, got := planned.callsTo(r.Host), loggedCalls(r.Calls(t))
		if !slices.Contains(args, "--jobs=1") {
			slices.Sort(want)
			slices.Sort(got)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s is asked otherwise than planned (-planned +made):\n%s",
				strings.Join(args, " "), r.Host, diff)
		}
	}
	return planned
}

func (p planCheck) forget(t *testing.T) {
	for _, r := range p.at {
		r.ForgetCalls(t)
	}
}

// wantTotals checks the totals of the blobs' actions.
func (p plan) wantTotals(t *testing.T, uploads, mounts, present int) {
	t.Helper()
	if p.Totals.Uploads != uploads || p.Totals.Mounts != mounts || p.Totals.Present != present {
		t.Errorf("planned %+v, want %d uploads, %d mounts, %d present", p.Totals, uploads, mounts, present)
	}
}

// A run makes exactly the planned calls with the planned statuses, as the access logs show.
func TestRunMakesPlannedCalls(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		for _, jobs := range []string{"--jobs=1", "--jobs=6"} {
			t.Run(name+jobs, func(t *testing.T) {
				t.Parallel()
				from, to := servers.CNCF(t, servers.Options{}), start(t, servers.Options{})
				transship, _ := servers.Transship(t)
				p := planCheck{transship, []*servers.Registry{from, to}}
				im := fixture.Synthetic(fixture.Spec{
					Seed: 31,
					Platforms: []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"},
						{OS: "linux", Architecture: "s390x"}},
					Layers: []int64{300_000, 3000},
					Shared: []int64{200_000, 5},
				})
				source, target := push(t, from, im, "src/repo", "1.6"), to.Host+"/dst/repo:1.6"

				cold := p.runAsPlanned(t, "copy", jobs, source, target)
				cold.wantTotals(t, len(im.Blobs), 0, 0)
				verify(t, to, im, "dst/repo", "1.6")
				again := p.runAsPlanned(t, "copy", jobs, source, target)
				if again.wantTotals(t, 0, 0, 0); len(again.Calls) != 2 || again.Questions != 0 {
					t.Errorf("a copy that is there is planned with %d calls, and %d to find out", len(again.Calls),
						again.Questions)
				}
				p.runAsPlanned(t, "copy", jobs, target, to.Host+"/mirror/repo:1.6").wantTotals(t, 0, len(im.Blobs), 0)
				verify(t, to, im, "mirror/repo", "1.6")
				p.runAsPlanned(t, "copy", jobs, "--chunk-size=64KiB", "--platform=linux/arm64", source,
					to.Host+"/chunks/repo:1").wantTotals(t, 5, 0, 0)
				p.runAsPlanned(t, "copy", jobs, source, to.Host+"/chunks/repo:2").wantTotals(t, len(im.Blobs)-5, 0, 5)
				verify(t, to, im, "chunks/repo", "2")
			})
		}
	}
}

// A plan includes calls that are refused without a token.
func TestPlanWithTokens(t *testing.T) {
	t.Parallel()
	tokens := servers.Tokens(t, servers.TokenOptions{Users: users})
	from, to := servers.CNCF(t, servers.Options{Tokens: tokens}), servers.CNCF(t, servers.Options{Tokens: tokens})
	transship, config := servers.Transship(t)
	servers.WriteAuths(t, config, map[string]string{from.Host: "alice:secret", to.Host: "bob:pass:word"})
	im := fixture.Real()
	source := push(t, from, im, "src/repo", "1.6")
	p := planCheck{transship, []*servers.Registry{from, to}}
	p.runAsPlanned(t, "copy", "--jobs=1", source, to.Host+"/dst/repo:1.6").wantTotals(t, len(im.Blobs), 0, 0)
	p.runAsPlanned(t, "copy", source, from.Host+"/dst/repo:1.6").wantTotals(t, 0, len(im.Blobs), 0)
	verify(t, to, im, "dst/repo", "1.6")
	verify(t, from, im, "dst/repo", "1.6")
}

// Covers sync with --prune and load: tags to delete are in the plan.
func TestPlanOfLists(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	transship, config := servers.Transship(t)
	im := fixture.Real()
	for tag, only := range map[string]string{"1": "linux/amd64", "2": "linux/arm64"} {
		push(t, from, im.Only(only), "src/repo", tag)
	}
	writeFile(t, config, "list", from.Host+"/src/repo "+to.Host+"/dst/repo\n")
	p := planCheck{transship, []*servers.Registry{from, to}}
	sync := []string{"sync", "-f", config + "/list", "--prune", "--jobs=1"}
	if planned := p.runAsPlanned(t, sync...); planned.Totals.Uploads == 0 {
		t.Errorf("planned %+v", planned.Totals)
	}
	p.runAsPlanned(t, sync...).wantTotals(t, 0, 0, 0)
	push(t, to, im.Only("linux/amd64"), "dst/repo", "old")
	planned := p.runAsPlanned(t, sync...)
	if last := planned.Calls[len(planned.Calls)-1]; last.Method != "DELETE" || last.Status != 202 {
		t.Errorf("the last call is %+v", last)
	}
	wantAbsent(t, to, "dst/repo", "old")

	bundle := config + "/bundle.tar"
	transship.Output(t, "save", "-o", bundle, to.Host+"/dst/repo:1")
	p.runAsPlanned(t, "load", "--jobs=1", bundle, from.Host+"/loaded")
	verify(t, from, im.Only("linux/amd64"), "loaded/dst/repo", "1")
}

// Covers push from the local store and manifest push.
func TestPlanOfPushes(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.Debian(t, servers.Options{})
	transship, _ := servers.Transship(t)
	im := fixture.Real()
	source := push(t, from, im, "src/repo", "1.6")
	p := planCheck{transship, []*servers.Registry{from, to}}
	transship.Output(t, "pull", source)
	for host, mounts := range map[string]bool{from.Host: true, to.Host: false} {
		transship.Output(t, "tag", source, host+"/pushed/repo:1.6")
		planned := p.runAsPlanned(t, "push", "--jobs=1", host+"/pushed/repo:1.6")
		if mounts {
			planned.wantTotals(t, 0, len(im.Blobs), 0)
		} else {
			planned.wantTotals(t, len(im.Blobs), 0, 0)
		}
	}
	verify(t, to, im, "pushed/repo", "1.6")

	list := to.Host + "/dst/repo:1.6"
	images := []string{}
	for i, only := range []string{"linux/amd64", "linux/arm64", "linux/arm/v7"} {
		at, repository := []*servers.Registry{from, to, to}[i], []string{"src/repo", "other/repo", "dst/repo"}[i]
		images = append(images, push(t, at, im.Only(only), repository, fmt.Sprint(i)))
	}
	transship.Output(t, append([]string{"manifest", "create", list}, images...)...)
	planned := p.runAsPlanned(t, "manifest", "push", "--jobs=1", list)
	if planned.Totals.Uploads == 0 || planned.Totals.Mounts == 0 {
		t.Errorf("planned %+v", planned.Totals)
	}
	p.runAsPlanned(t, "manifest", "push", list)
}
