package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/plan"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// sessionID matches the upload session in a URL of the embedded registry.
var sessionID = regexp.MustCompile(`(/blobs/uploads/)[^?/]+`)

// planCheck plans commands, runs them, and compares the calls.
type planCheck struct {
	*program
	hosts       []string
	servers     []*registry.Faults // record the calls to each host
	readsBlobs  bool               // planning may read configs
	printsNotes bool               // the command prints notes, such as the tags it would delete
}

func (p *program) checkPlans(servers ...*server) *planCheck {
	r := &planCheck{program: p}
	for _, s := range servers {
		r.addServer(s.host, s.Faults)
	}
	return r
}

func (r *planCheck) addServer(host string, f *registry.Faults) {
	r.hosts, r.servers = append(r.hosts, host), append(r.servers, f)
}

// madeCalls returns and forgets the calls that the servers have seen, a list for each server.
func (r *planCheck) madeCalls() [][]string {
	out := make([][]string, len(r.servers))
	for i, s := range r.servers {
		for _, req := range s.Requests() {
			u, err := url.Parse(req.URL)
			if err != nil {
				r.t.Fatal(err)
			}
			out[i] = append(out[i],
				fmt.Sprintf("%s %s sent %d", req.Method, sessionID.ReplaceAllString(wire.Redact(u), "$1{session}"),
					max(req.Length, 0)))
		}
		s.ResetRequests()
	}
	return out
}

// plannedCalls returns the calls of a plan in the format of madeCalls.
func (r *planCheck) plannedCalls(report checkedReport) [][]string {
	out := make([][]string, len(r.hosts))
	for i, host := range r.hosts {
		for _, c := range report.Calls {
			if path, ok := strings.CutPrefix(c.URL, "http://"+host+"/"); ok {
				out[i] = append(out[i], fmt.Sprintf("%s /%s sent %d", c.Method, path, c.Sent))
			}
		}
	}
	return out
}

// plan plans a command line and checks that planning was read-only.
func (r *planCheck) plan(args ...string) checkedReport {
	r.t.Helper()
	r.madeCalls()
	o := r.run(append(args, "--plan=json")...).want(0)
	var report checkedReport
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil {
		r.t.Fatalf("%s\n%v:\n%s", o.line, err, o.stdout)
	}
	if o.stderr != "" && !r.printsNotes {
		r.t.Errorf("%s\nsays %s", o.line, o.stderr)
	}
	r.wantReadOnly(o)
	return report
}

// wantReadOnly checks that the last run only read, and fetched no blob beyond its first byte.
func (r *planCheck) wantReadOnly(o result) {
	r.t.Helper()
	for _, s := range r.servers {
		for _, req := range s.Requests() {
			reads := req.Method == http.MethodGet || req.Method == http.MethodHead
			isBlob := strings.Contains(req.URL, "/blobs/") && req.Method == http.MethodGet
			if !reads || isBlob && !r.readsBlobs && req.Header.Get("Range") != "bytes=0-0" {
				r.t.Errorf("%s\nmakes the call %s %s", o.line, req.Method, req.URL)
			}
		}
		s.ResetRequests()
	}
}

// runAsPlanned plans a command line, runs it, and checks that the run makes the planned calls; with
// --jobs=1 in the same order.
func (r *planCheck) runAsPlanned(args ...string) checkedReport {
	r.t.Helper()
	report := r.plan(args...)
	o := r.run(args...).want(0)
	want, got := r.plannedCalls(report), r.madeCalls()
	for i := range want {
		if !slices.Contains(args, "--jobs=1") {
			slices.Sort(want[i])
			slices.Sort(got[i])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("%s\nmakes other calls than planned (-planned +made):\n%s", o.line, diff)
	}
	return report
}

// checkedReport is the report of --plan=json.
type checkedReport struct{ plan.Report }

// counts returns the totals of the blobs' actions.
func (r checkedReport) counts() string {
	return fmt.Sprintf("%d uploads, %d mounts, %d present, %d bytes", r.Totals.Uploads, r.Totals.Mounts,
		r.Totals.Present, r.Totals.Bytes)
}

func (r checkedReport) want(t *testing.T, counts string, assumed ...string) {
	t.Helper()
	if got := r.counts(); got != counts {
		t.Errorf("the plan has %s, want %s", got, counts)
	}
	var about []string
	for _, a := range r.Assumed {
		about = append(about, a.About)
	}
	if diff := cmp.Diff(append([]string{"repeats"}, assumed...), about); diff != "" {
		t.Errorf("it assumes %s", diff)
	}
}

func TestRunMakesPlannedCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ flags, cold, mirror string }{
		"as it is": {"", "7 uploads, 0 mounts, 0 present, 304 bytes",
			"0 uploads, 7 mounts, 0 present, 0 bytes"},
		"one job": {"--jobs=1", "7 uploads, 0 mounts, 0 present, 304 bytes", "0 uploads, 7 mounts, 0 present, 0 bytes"},
		"parts": {"--platform=linux/arm64,linux/amd64", "5 uploads, 0 mounts, 0 present, 206 bytes",
			"0 uploads, 5 mounts, 0 present, 0 bytes"},
		"flat": {"--platform=linux/arm64 --flatten", "3 uploads, 0 mounts, 0 present, 106 bytes",
			"0 uploads, 3 mounts, 0 present, 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			r := c.checkPlans(c.source, c.target)
			copying := append([]string{"copy"}, strings.Fields(test.flags)...)
			r.runAsPlanned(append(copying, c.src, c.dst)...).want(t, test.cold, "sessions", "anonymous")
			again := r.runAsPlanned(append(copying, c.src, c.dst)...)
			again.want(t, "0 uploads, 0 mounts, 0 present, 0 bytes")
			if len(again.Images) != 1 || again.Images[0].Reference != c.dst || again.Images[0].Action != "present" {
				t.Errorf("what is there is %+v", again.Images)
			}
			r.readsBlobs = name == "flat" // the platform of a single image is in its config
			r.runAsPlanned(append(copying, c.dst, c.target.host+"/mirror:1")...).
				want(t, test.mirror, "mounts", "anonymous")
		})
	}
}

func TestPlanInChunks(t *testing.T) {
	c := newCopySetup(t)
	c.checkPlans(c.source, c.target).runAsPlanned("copy", "--jobs=1", "--chunk-size=40", c.src, c.dst).
		want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "chunks", "anonymous")
}

// The target has one image of the list and some blobs.
func TestPlanOfChangedImage(t *testing.T) {
	c := newCopySetup(t)
	r := c.checkPlans(c.source, c.target)
	c.run("copy", c.src, c.dst).want(0)
	c.source.pushList("src/repo", "1.6", c.source.pushImage("src/repo", "", "linux/amd64", "shared", "for amd64"),
		c.source.pushImage("src/repo", "", "linux/riscv64", "shared", "for riscv64"))
	report := r.runAsPlanned("copy", "--jobs=1", c.src, c.dst)
	report.want(t, "2 uploads, 0 mounts, 1 present, 104 bytes", "mounts", "sessions", "anonymous")
	list := report.Images[0]
	if list.Reference != c.dst || list.Manifests[0].Action != "present" || list.Manifests[1].Action != "put" ||
		len(list.Manifests[1].Blobs) != 3 {
		t.Errorf("the images are %+v", list)
	}
}

// On one registry the order of reads and writes together is checked.
func TestPlanOnOneRegistry(t *testing.T) {
	s := startServer(t)
	s.pushThreePlatforms()
	r := newProgram(t).checkPlans(s)
	d := s.pushManifest("sha512/repo", "", sha512Artifact(t, s))
	r.runAsPlanned("copy", "--jobs=1", s.host+"/src/repo:1.6", s.host+"/dst/repo:1").
		want(t, "0 uploads, 7 mounts, 0 present, 0 bytes", "mounts", "anonymous")
	// A blob with a SHA-512 digest is not mounted, so it is read.
	r.runAsPlanned("copy", "--jobs=1", s.host+"/sha512/repo@"+string(d.Digest), s.host+"/dst/repo:2").
		want(t, "1 uploads, 0 mounts, 0 present, 5 bytes", "sessions", "anonymous")
	r.runAsPlanned("copy", "--jobs=1", s.host+"/sha512/repo@"+string(d.Digest), s.host+"/dst/repo:3").
		want(t, "0 uploads, 0 mounts, 1 present, 0 bytes", "anonymous")
}

// sha512Artifact returns an artifact whose only blob has a SHA-512 digest, and pushes the blob.
func sha512Artifact(t *testing.T, s *server) []byte {
	t.Helper()
	content := []byte("bytes")
	d := manifest.Descriptor{MediaType: manifest.MediaTypeDockerLayer, Digest: blob.SHA512.Digest(content), Size: 5}
	s.putContent(http.MethodPost, "/v2/sha512/repo/blobs/uploads/?digest="+string(d.Digest),
		"application/octet-stream", content)
	raw, err := manifest.OCIStyle().
		EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &d})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// With --referrers, to a registry with the referrers API and to one without.
func TestPlanOfReferrers(t *testing.T) {
	t.Parallel()
	const root, signature = "list, put, 1076 bytes, 0 blobs, 3 manifests", "image, put, 520 bytes, 2 blobs, 0 manifests"
	for name, test := range map[string]struct {
		rules  []registry.Rule // of the target
		images []string
	}{
		"API": {nil, []string{signature, root, "referrer of sha256:1374bb0d3bf0, put, 647 bytes, 2 blobs, 0 manifests",
			"referrer of sha256:1374bb0d3bf0, put, 647 bytes, 2 blobs, 0 manifests"}},
		"no API": {[]registry.Rule{{Match: "/referrers/", Status: 404},
			{Edit: func(h http.Header) { h.Del("OCI-Subject") }}},
			[]string{signature, root, "list, put, 449 bytes, 0 blobs, 2 manifests"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.pushReferrers(2)
			c.target.Set(test.rules...)
			r := c.checkPlans(c.source, c.target)
			report := r.runAsPlanned("copy", "--jobs=1", "--referrers", c.src, c.dst)
			report.want(t, "10 uploads, 0 mounts, 0 present, 333 bytes", "sessions", "anonymous")
			var kinds []string
			for _, im := range report.Images {
				kinds = append(kinds, fmt.Sprintf("%s, %d blobs, %d manifests", im.Describe(), len(im.Blobs),
					len(im.Manifests)))
			}
			slices.Sort(kinds)
			if diff := cmp.Diff(test.images, kinds); diff != "" {
				t.Errorf("the images are %s", diff)
			}
			r.runAsPlanned("copy", "--jobs=1", "--referrers", c.src, c.dst)
		})
	}
}

// pushReferrers pushes n referrers of the image, and a signature under cosign's tag.
func (c *copySetup) pushReferrers(n int) {
	c.t.Helper()
	root := c.source.pushThreePlatforms()
	for i := range n {
		layer := c.source.pushBlob("src/repo", "text/plain", fmt.Appendf(nil, "document %d", i))
		raw, err := manifest.OCIStyle().
			EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest,
				ArtifactType: "text/plain", Config: &layer, Layers: []manifest.Descriptor{layer}, Subject: &root})
		if err != nil {
			c.t.Fatal(err)
		}
		c.source.pushManifest("src/repo", "", raw)
	}
	c.source.pushImage("src/repo", strings.Replace(string(root.Digest), ":", "-", 1)+".sig", "linux/amd64", "signature")
}

func TestPlanToSeveralTargets(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	third := startServer(t)
	r := c.checkPlans(c.source, c.target, third)
	c.run("copy", c.src, c.target.host+"/there:1").want(0)
	r.runAsPlanned("copy", c.src, c.dst, third.host+"/a:1", third.host+"/b:2", c.target.host+"/there:1").
		want(t, "14 uploads, 7 mounts, 0 present, 608 bytes", "targets", "mounts", "sessions", "anonymous")
}

// A failed target does not remove the others from the plan.
func TestPlanPartialFailure(t *testing.T) {
	c := newCopySetup(t)
	o := c.run("copy", "--plan", c.src, c.dst, unusedAddress(t)+"/x:1").want(8, "failed: 127.0.0.1:", "1 of 2 failed")
	if !strings.Contains(o.stdout, c.dst+": list, put") || strings.Contains(o.stderr, "copied") {
		t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
	}
	c.checkPlans(c.source, c.target).wantReadOnly(o)
}

func TestPlanOfPush(t *testing.T) {
	t.Parallel()
	s, to, p := startServer(t), startServer(t), newProgram(t)
	s.pushThreePlatforms()
	p.run("pull", s.host+"/src/repo:1.6").want(0)
	r := p.checkPlans(s, to)
	for _, name := range []string{s.host + "/mounted/repo:1", to.host + "/sent/repo:1"} {
		p.run("tag", s.host+"/src/repo:1.6", name).want(0)
	}
	r.runAsPlanned("push", "--jobs=1", s.host+"/mounted/repo:1").
		want(t, "0 uploads, 7 mounts, 0 present, 0 bytes", "mounts", "anonymous")
	r.runAsPlanned("push", "--chunk-size=8", to.host+"/sent/repo:1").
		want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "chunks", "anonymous")
	r.runAsPlanned("push", to.host+"/sent/repo:1").want(t, "0 uploads, 0 mounts, 0 present, 0 bytes")
}

// Covers a bundle and one based on it. Blobs that the second leaves out are mounted from the
// target's repositories.
func TestPlanOfLoad(t *testing.T) {
	t.Parallel()
	s, to, p := startServer(t), startServer(t), newProgram(t)
	s.pushThreePlatforms()
	s.pushImage("src/other", "1", "linux/amd64", "shared", "another layer")
	r := p.checkPlans(s, to)
	first, second := p.env["HOME"]+"/first.tar", p.env["HOME"]+"/second.tar"
	p.run("save", "-o", first, s.host+"/src/repo:1.6").want(0)
	p.run("save", "-o", second, "--since", first, s.host+"/src/repo:1.6", s.host+"/src/other:1").want(0)
	p.run("load", "--plan", second, to.host).want(cli.ExitNotFound, "builds on")
	r.runAsPlanned("load", "--jobs=1", first, to.host).
		want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "anonymous")
	report := r.runAsPlanned("load", "--jobs=1", second, to.host)
	report.want(t, "1 uploads, 2 mounts, 7 present, 13 bytes", "order", "mounts", "sessions", "anonymous")
	r.runAsPlanned("load", second, to.host).want(t, "0 uploads, 0 mounts, 7 present, 0 bytes")
}

// With one job images are planned one after the other, and a shared image is planned once.
func TestPlanOfManyImages(t *testing.T) {
	t.Parallel()
	s, to, p := startServer(t), startServer(t), newProgram(t)
	args := []string{"save", "-o", p.env["HOME"] + "/many.tar"}
	for i := range 20 {
		tag := fmt.Sprint(i)
		s.pushList("repo", tag, s.pushImage("repo", "", "linux/amd64", "shared"),
			s.pushImage("repo", "", "linux/arm64", tag))
		args = append(args, s.host+"/repo:"+tag)
	}
	p.run(args...).want(0)
	report := p.checkPlans(to).runAsPlanned("load", "--jobs=1", p.env["HOME"]+"/many.tar", to.host)
	report.want(t, "23 uploads, 0 mounts, 0 present, 218 bytes", "sessions", "anonymous")
	shared := 0
	for _, im := range report.Images {
		if im.Manifests[0].Action == "shared" {
			shared++
		}
	}
	if len(report.Images) != 20 || shared != 19 {
		t.Errorf("%d images, %d share one", len(report.Images), shared)
	}
}

// Covers a line for all tags of a repository, a line with two targets, and an image that comes
// twice.
func TestPlanOfSync(t *testing.T) {
	t.Parallel()
	s, to, second, p := startServer(t), startServer(t), startServer(t), newProgram(t)
	s.pushThreePlatforms()
	for i := range 5 {
		s.pushImage("tags", fmt.Sprint("v", i), "linux/amd64", "shared", fmt.Sprint(i))
	}
	lines := ""
	for i := range 8 {
		s.pushImage(fmt.Sprint("repository", i), "1", "linux/amd64", "shared")
		lines += fmt.Sprintf("SRC/repository%d DST/tags%d\n", i, i)
	}
	list := p.writeFile("list", strings.NewReplacer("SRC", s.host, "DST", to.host, "SECOND",
		second.host).Replace(lines+`
SRC/tags DST/tags
SRC/src/repo:1.6 DST/a:1 SECOND/b:2
SRC/tags:v1 DST/tags:v1
`))
	r := p.checkPlans(s, to, second)
	r.printsNotes = true
	syncing := []string{"sync", "-f", list, "--prune", "--jobs=1"}
	r.runAsPlanned(syncing...).
		want(t, "19 uploads, 18 mounts, 0 present, 613 bytes", "targets", "order", "mounts", "sessions", "anonymous")
	if images := r.runAsPlanned(syncing...).Images; len(images) != 15 || images[0].Action != "present" {
		t.Errorf("what is there is %+v", images)
	}
	for i := range 9 {
		to.pushImage("tags", fmt.Sprint("v1", i), "linux/amd64", "old")
	}
	s.pushImage("tags", "v3", "linux/amd64", "shared", "newer")
	report := r.runAsPlanned(append(syncing, "--json")...)
	report.want(t, "1 uploads, 0 mounts, 2 present, 5 bytes", "mounts", "sessions", "anonymous")
	if last := report.Calls[len(report.Calls)-1]; last.Method != http.MethodDelete ||
		!strings.HasSuffix(last.URL, "/tags/manifests/v18") {
		t.Errorf("the last call is %+v", last)
	}
}

// A missing image does not remove the others from the plan.
func TestPlanOfSyncPartialFailure(t *testing.T) {
	c := newCopySetup(t)
	list := c.writeFile("list", c.src+" "+c.dst+"\n"+c.source.host+"/none:1 "+c.target.host+"/none:1\n")
	o := c.run("sync", "-f", list, "--dry-run").want(8, "failed: line 2: ", "1 of 2 failed")
	if !strings.Contains(o.stdout, c.dst+": list, put") || strings.Contains(o.stderr, "synced") {
		t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
	}
	if o := c.run("sync", "-f", list, "--dry-run", "--json").
		want(8); !json.Valid([]byte(o.stdout)) || !strings.Contains(o.stdout, `"calls"`) {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.checkPlans(c.source, c.target).wantReadOnly(o)
}

func TestInterruptedPlan(t *testing.T) {
	c := newCopySetup(t)
	c.ctx = interruptedContext()
	c.run("copy", "--plan", c.src, c.dst).wantError(wantedError{cli.ExitInterrupted, "interrupted", ""})
}

// The list has images of its own repository, of another one, and of another registry.
func TestPlanOfManifestPush(t *testing.T) {
	b, other := newListSetup(t), startServer(t)
	b.pushImage("other/repo", "riscv", "linux/riscv64", "x", "y")
	other.pushImage("elsewhere/repo", "s390x", "linux/s390x", "far", "away")
	b.do("create LIST REPO:amd64 HOST/other/repo:riscv " + other.host + "/elsewhere/repo:s390x").want(0)
	r := b.checkPlans(b.server, other)
	report := r.plan("manifest", "push", "--purge", b.list)
	report.want(t, "3 uploads, 3 mounts, 0 present, 98 bytes", "order", "mounts", "sessions", "anonymous")
	var actions []string
	for _, m := range report.Images[0].Manifests {
		actions = append(actions, m.Platform.String()+" "+m.Action)
	}
	slices.Sort(actions)
	if diff := cmp.Diff([]string{"linux/amd64 expected", "linux/riscv64 put", "linux/s390x put"}, actions); diff != "" {
		t.Error(diff)
	}
	r.runAsPlanned("manifest", "push", "--jobs=1", "--purge", b.list) // the plan has not purged it
	b.do("push LIST").want(cli.ExitNotFound)
}

// The plan requests tokens as the run does, and counts the calls that are refused without one.
func TestPlanWithTokens(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	account := []string{"--src-creds=" + user + ":" + password, "--dst-creds=" + user + ":" + password}
	r := &planCheck{program: c.program}
	for _, guarded := range []http.Handler{&tokenRegistry{next: c.source}, &tokenRegistry{next: c.target, public: true},
		requirePassword(c.target)} {
		f := &registry.Faults{Handler: guarded}
		r.addServer(listen(t, f), f)
	}
	for _, to := range []string{r.hosts[1] + "/a:1", r.hosts[2] + "/b:1"} {
		r.runAsPlanned(append([]string{"copy", "--jobs=1", r.hosts[0] + "/src/repo:1.6", to}, account...)...).
			want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "rights")
	}
	r.run("copy", "--plan", r.hosts[0]+"/src/repo:1.6", c.dst).
		wantError(wantedError{3, "", "--src-creds user:password"})
	r.run("copy", "--plan", c.src, r.hosts[2]+"/c:1").wantError(wantedError{3, "", "--dst-creds user:password"})
}

// The plan shows redirects to where the registry stores its blobs.
func TestPlanOfRedirects(t *testing.T) {
	c := newCopySetup(t)
	c.source.Handler = blobRedirector{c.source.Handler}
	report := c.checkPlans(c.source, c.target).runAsPlanned("copy", "--jobs=1", c.src, c.dst)
	report.want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "anonymous")
	text := c.run("copy", "--plan", c.src, c.target.host+"/x:1").stdout
	if !strings.Contains(text, "307 GET") || strings.Count(text, "/storage/v2/src/repo/blobs/") != 7 {
		t.Errorf("it does not say where the blobs are:\n%s", text)
	}
}

// blobRedirector redirects GETs of blobs to the path /storage.
type blobRedirector struct{ next http.Handler }

// ServeHTTP implements http.Handler.
func (s blobRedirector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, "/storage"); ok {
		r.URL.Path = path
	} else if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/sha256") {
		http.Redirect(w, r, "/storage"+r.URL.Path, http.StatusTemporaryRedirect)
		return
	}
	s.next.ServeHTTP(w, r)
}

// A registry may refuse or ignore mounts. A plan cannot know that, so it states the assumption.
func TestPlanAssumesMounts(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]registry.Rule{
		"refused": {Match: "mount=", Status: 401},
		"ignored": {Match: "mount=", DropQuery: []string{"mount", "from"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.run("copy", c.src, c.dst).want(0)
			c.target.Set(rule)
			report := c.checkPlans(c.target).plan("copy", c.dst, c.target.host+"/mirror:1")
			report.want(t, "0 uploads, 7 mounts, 0 present, 0 bytes", "mounts", "anonymous")
			o := c.run("copy", "--plan", c.dst, c.target.host+"/mirror:1").want(0)
			if want := "assumed: " + c.target.host + " mounts blobs"; !strings.Contains(o.stdout, want) {
				t.Errorf("%s\ndoes not say %q:\n%s", o.line, want, o.stdout)
			}
			c.run("copy", c.dst, c.target.host+"/mirror:1").want(0, "blobs: 7 sent")
		})
	}
}

// A plan fails with the run's error, and prints nothing else; as JSON the error.
func TestPlanErrors(t *testing.T) {
	for name, test := range map[string]struct {
		rule registry.Rule // of the source
		flag string
		want wantedError
	}{
		"no image": {registry.Rule{Match: "/manifests/", Status: 404}, "--plan",
			wantedError{4, "404 Not Found", "check the name and the tag"}},
		"no blob": {registry.Rule{Match: "/blobs/", Status: 404}, "--plan",
			wantedError{4, "404 Not Found", "incomplete at its source"}},
		"another blob": {registry.Rule{Match: "/blobs/", Status: 200, Body: "x"}, "--plan=json",
			wantedError{7, "want ", "damaged at its source"}},
		"corrupt": {registry.Rule{Match: "/manifests/sha256", Corrupt: true}, "--plan=json",
			wantedError{7, ": want sha256:", "damaged at its source"}},
		"rate limit": {registry.Rule{Match: "/blobs/", Status: 429}, "--dry-run",
			wantedError{6, "429 Too Many Requests", "wait, or log in"}},
		"unknown format": {registry.Rule{}, "--plan=yaml",
			wantedError{2, `--plan: "yaml" is not a format: use text, json, expect or sizes`, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			r := c.checkPlans(c.source, c.target)
			r.readsBlobs = true
			c.source.Set(test.rule)
			o := c.run("copy", test.flag, c.src, c.dst)
			o.wantError(test.want)
			if asJSON := strings.HasSuffix(test.flag, "json"); strings.Contains(o.stdout, "calls") || (o.stdout != "") != asJSON {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
			r.wantReadOnly(o)
		})
	}
}

// The text of a plan has nothing of the run's result. -v shows the calls of the planning itself.
func TestPlanText(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.run("copy", "--platform=linux/arm64", c.src, c.target.host+"/other:1").want(0)
	c.run("copy", "--platform=linux/arm/v7", c.src, c.dst).want(0)
	names := []string{c.source.host, "SOURCE", c.target.host, "TARGET"}
	for _, flag := range []string{"--plan", "--dry-run", "--plan=true", "--plan=text"} {
		o := c.run("copy", flag, c.src, c.dst).want(0)
		golden(t, "plan.txt", o.stdout, names...)
		if o.stderr != "" {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
	}
	golden(t, "plan.json", c.run("copy", "--plan=json", "-q", c.src, c.dst).want(0).stdout, names...)

	c.source.ResetRequests()
	c.target.ResetRequests()
	o := c.run("copy", "--plan", "-v", c.src, c.dst).want(0)
	if got, want := strings.Count(o.stderr, "\n"), c.source.Count("")+c.target.Count(""); got != want {
		t.Errorf("%s\nshows %d calls, want %d:\n%s", o.line, got, want, o.stderr)
	}
	c.run("copy", "--plan=false", c.src, c.dst).want(0, "copied ")
	golden(t, "plan-present.txt", c.run("copy", "--plan", c.src, c.dst).want(0).stdout, names...)
}
