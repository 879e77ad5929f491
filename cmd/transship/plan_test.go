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

// sessionID is what the embedded registry calls an upload.
var sessionID = regexp.MustCompile(`(/blobs/uploads/)[^?/]+`)

// rehearsal is a program whose commands are planned and then carried out.
type rehearsal struct {
	*program
	hosts   []string
	servers []*registry.Faults // what sees the calls to each host
	mayRead bool               // configs are looked into
	notes   bool               // the command says what it will remove
}

func (p *program) rehearse(servers ...*server) *rehearsal {
	r := &rehearsal{program: p}
	for _, s := range servers {
		r.add(s.host, s.Faults)
	}
	return r
}

func (r *rehearsal) add(host string, f *registry.Faults) {
	r.hosts, r.servers = append(r.hosts, host), append(r.servers, f)
}

// made lists the calls that the servers have seen, each in its own order.
func (r *rehearsal) made() [][]string {
	out := make([][]string, len(r.servers))
	for i, s := range r.servers {
		for _, req := range s.Requests() {
			u, err := url.Parse(req.URL)
			if err != nil {
				r.t.Fatal(err)
			}
			out[i] = append(out[i], fmt.Sprintf("%s %s sent %d", req.Method, sessionID.ReplaceAllString(wire.Redact(u), "$1{session}"), max(req.Length, 0)))
		}
		s.Forget()
	}
	return out
}

// foreseen lists the calls of a plan in the same way.
func (r *rehearsal) foreseen(report checkedReport) [][]string {
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

// plan plans a command line and checks that no server was asked for more than a plan may ask.
func (r *rehearsal) plan(args ...string) checkedReport {
	r.t.Helper()
	r.made()
	o := r.run(append(args, "--plan=json")...).want(0)
	var report checkedReport
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil {
		r.t.Fatalf("%s\n%v:\n%s", o.line, err, o.stdout)
	}
	if o.stderr != "" && !r.notes {
		r.t.Errorf("%s\nsays %s", o.line, o.stderr)
	}
	r.onlyRead(o)
	return report
}

// onlyRead checks that a run has written nothing, and has read no blob.
func (r *rehearsal) onlyRead(o outcome) {
	r.t.Helper()
	for _, s := range r.servers {
		for _, req := range s.Requests() {
			reads := req.Method == http.MethodGet || req.Method == http.MethodHead
			isBlob := strings.Contains(req.URL, "/blobs/") && req.Method == http.MethodGet
			if !reads || isBlob && !r.mayRead && req.Header.Get("Range") != "bytes=0-0" {
				r.t.Errorf("%s\nmakes the call %s %s", o.line, req.Method, req.URL)
			}
		}
		s.Forget()
	}
}

// same plans a command line and carries it out, and checks that the calls are the same; with --jobs=1 in order too.
func (r *rehearsal) same(args ...string) checkedReport {
	r.t.Helper()
	report := r.plan(args...)
	o := r.run(args...).want(0)
	want, got := r.foreseen(report), r.made()
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

// checkedReport is what --plan=json prints, with the checks of these tests.
type checkedReport struct{ plan.Report }

// counts are what becomes of the blobs.
func (r checkedReport) counts() string {
	return fmt.Sprintf("%d uploads, %d mounts, %d present, %d bytes", r.Totals.Uploads, r.Totals.Mounts, r.Totals.Present, r.Totals.Bytes)
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

func TestPlanIsTheRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ flags, cold, mirror string }{
		"as it is": {"", "7 uploads, 0 mounts, 0 present, 304 bytes", "0 uploads, 7 mounts, 0 present, 0 bytes"},
		"one job":  {"--jobs=1", "7 uploads, 0 mounts, 0 present, 304 bytes", "0 uploads, 7 mounts, 0 present, 0 bytes"},
		"parts":    {"--platform=linux/arm64,linux/amd64", "5 uploads, 0 mounts, 0 present, 206 bytes", "0 uploads, 5 mounts, 0 present, 0 bytes"},
		"flat":     {"--platform=linux/arm64 --flatten", "3 uploads, 0 mounts, 0 present, 106 bytes", "0 uploads, 3 mounts, 0 present, 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			r := v.rehearse(v.source, v.target)
			copying := append([]string{"copy"}, strings.Fields(test.flags)...)
			r.same(append(copying, v.src, v.dst)...).want(t, test.cold, "sessions", "anonymous")
			again := r.same(append(copying, v.src, v.dst)...)
			again.want(t, "0 uploads, 0 mounts, 0 present, 0 bytes")
			if len(again.Images) != 1 || again.Images[0].Reference != v.dst || again.Images[0].Action != "present" {
				t.Errorf("what is there is %+v", again.Images)
			}
			r.mayRead = name == "flat" // what a single image runs on stands in its config
			r.same(append(copying, v.dst, v.target.host+"/mirror:1")...).want(t, test.mirror, "mounts", "anonymous")
		})
	}
}

func TestPlanInChunks(t *testing.T) {
	v := newVoyage(t)
	v.rehearse(v.source, v.target).same("copy", "--jobs=1", "--chunk-size=40", v.src, v.dst).
		want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "chunks", "anonymous")
}

// Parts of the image are there: an image of the list, and blobs.
func TestPlanOfAChangedImage(t *testing.T) {
	v := newVoyage(t)
	r := v.rehearse(v.source, v.target)
	v.run("copy", v.src, v.dst).want(0)
	v.source.list("halohub/halo", "1.6", v.source.image("halohub/halo", "", "linux/amd64", "shared", "for amd64"),
		v.source.image("halohub/halo", "", "linux/riscv64", "shared", "for riscv64"))
	report := r.same("copy", "--jobs=1", v.src, v.dst)
	report.want(t, "2 uploads, 0 mounts, 1 present, 104 bytes", "mounts", "sessions", "anonymous")
	list := report.Images[0]
	if list.Reference != v.dst || list.Manifests[0].Action != "present" || list.Manifests[1].Action != "put" || len(list.Manifests[1].Blobs) != 3 {
		t.Errorf("the images are %+v", list)
	}
}

// On one registry the order of all calls is one, those that read the source and those that write.
func TestPlanOnOneRegistry(t *testing.T) {
	s := startServer(t)
	s.halo()
	r := newProgram(t).rehearse(s)
	d := s.manifest("sha512/halo", "", artifact512(t, s))
	r.same("copy", "--jobs=1", s.host+"/halohub/halo:1.6", s.host+"/hczjl/halo:1").want(t, "0 uploads, 7 mounts, 0 present, 0 bytes", "mounts", "anonymous")
	// What has another digest than SHA-256 is not mounted, and so read.
	r.same("copy", "--jobs=1", s.host+"/sha512/halo@"+string(d.Digest), s.host+"/hczjl/halo:2").want(t, "1 uploads, 0 mounts, 0 present, 5 bytes", "sessions", "anonymous")
	r.same("copy", "--jobs=1", s.host+"/sha512/halo@"+string(d.Digest), s.host+"/hczjl/halo:3").want(t, "0 uploads, 0 mounts, 1 present, 0 bytes", "anonymous")
}

// artifact512 is an artifact whose only blob goes by its SHA-512.
func artifact512(t *testing.T, s *server) []byte {
	t.Helper()
	content := []byte("bytes")
	d := manifest.Descriptor{MediaType: manifest.MediaTypeDockerLayer, Digest: blob.SHA512.Digest(content), Size: 5}
	s.put(http.MethodPost, "/v2/sha512/halo/blobs/uploads/?digest="+string(d.Digest), "application/octet-stream", content)
	raw, err := manifest.OCIStyle().EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &d})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// With referrers, at a registry that keeps track of them, and at one that leaves that to its clients.
func TestPlanOfReferrers(t *testing.T) {
	t.Parallel()
	const root, signature = "list, put, 1076 bytes, 0 blobs, 3 manifests", "image, put, 520 bytes, 2 blobs, 0 manifests"
	for name, test := range map[string]struct {
		rules  []registry.Rule // of the target
		images []string
	}{
		"API": {nil, []string{signature, root, "referrer of sha256:1374bb0d3bf0, put, 647 bytes, 2 blobs, 0 manifests", "referrer of sha256:1374bb0d3bf0, put, 647 bytes, 2 blobs, 0 manifests"}},
		"no API": {[]registry.Rule{{On: "/referrers/", Status: 404}, {Edit: func(h http.Header) { h.Del("OCI-Subject") }}},
			[]string{signature, root, "list, put, 449 bytes, 0 blobs, 2 manifests"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			v.refer(2)
			v.target.Set(test.rules...)
			r := v.rehearse(v.source, v.target)
			report := r.same("copy", "--jobs=1", "--referrers", v.src, v.dst)
			report.want(t, "10 uploads, 0 mounts, 0 present, 333 bytes", "sessions", "anonymous")
			var kinds []string
			for _, im := range report.Images {
				kinds = append(kinds, fmt.Sprintf("%s, %d blobs, %d manifests", im.Describe(), len(im.Blobs), len(im.Manifests)))
			}
			slices.Sort(kinds)
			if diff := cmp.Diff(test.images, kinds); diff != "" {
				t.Errorf("the images are %s", diff)
			}
			r.same("copy", "--jobs=1", "--referrers", v.src, v.dst)
		})
	}
}

// refer puts n documents and a signature beside the image.
func (v *voyage) refer(n int) {
	v.t.Helper()
	root := v.source.halo()
	for i := range n {
		layer := v.source.blob("halohub/halo", "text/plain", fmt.Appendf(nil, "document %d", i))
		raw, err := manifest.OCIStyle().EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest,
			ArtifactType: "text/plain", Config: &layer, Layers: []manifest.Descriptor{layer}, Subject: &root})
		if err != nil {
			v.t.Fatal(err)
		}
		v.source.manifest("halohub/halo", "", raw)
	}
	v.source.image("halohub/halo", strings.Replace(string(root.Digest), ":", "-", 1)+".sig", "linux/amd64", "signature")
}

func TestPlanToSeveral(t *testing.T) {
	t.Parallel()
	v := newVoyage(t)
	third := startServer(t)
	r := v.rehearse(v.source, v.target, third)
	v.run("copy", v.src, v.target.host+"/there:1").want(0)
	r.same("copy", v.src, v.dst, third.host+"/a:1", third.host+"/b:2", v.target.host+"/there:1").
		want(t, "14 uploads, 7 mounts, 0 present, 608 bytes", "targets", "mounts", "sessions", "anonymous")
}

// A target that fails does not hide the plan for the others.
func TestPlanWhereSomeFail(t *testing.T) {
	v := newVoyage(t)
	o := v.run("copy", "--plan", v.src, v.dst, nobody(t)+"/x:1").want(8, "failed: 127.0.0.1:", "1 of 2 failed")
	if !strings.Contains(o.stdout, v.dst+": list, put") || strings.Contains(o.stderr, "copied") {
		t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
	}
	v.rehearse(v.source, v.target).onlyRead(o)
}

func TestPlanOfPush(t *testing.T) {
	t.Parallel()
	s, to, p := startServer(t), startServer(t), newProgram(t)
	s.halo()
	p.run("pull", s.host+"/halohub/halo:1.6").want(0)
	r := p.rehearse(s, to)
	for _, name := range []string{s.host + "/mounted/halo:1", to.host + "/sent/halo:1"} {
		p.run("tag", s.host+"/halohub/halo:1.6", name).want(0)
	}
	r.same("push", "--jobs=1", s.host+"/mounted/halo:1").want(t, "0 uploads, 7 mounts, 0 present, 0 bytes", "mounts", "anonymous")
	r.same("push", "--chunk-size=8", to.host+"/sent/halo:1").want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "chunks", "anonymous")
	r.same("push", to.host+"/sent/halo:1").want(t, "0 uploads, 0 mounts, 0 present, 0 bytes")
}

// Images of a bundle, and of one that builds on it: what that leaves out is mounted from where it is on the registry.
func TestPlanOfLoad(t *testing.T) {
	t.Parallel()
	s, to, p := startServer(t), startServer(t), newProgram(t)
	s.halo()
	s.image("halohub/other", "1", "linux/amd64", "shared", "another layer")
	r := p.rehearse(s, to)
	first, second := p.env["HOME"]+"/first.tar", p.env["HOME"]+"/second.tar"
	p.run("save", "-o", first, s.host+"/halohub/halo:1.6").want(0)
	p.run("save", "-o", second, "--since", first, s.host+"/halohub/halo:1.6", s.host+"/halohub/other:1").want(0)
	p.run("load", "--plan", second, to.host).want(cli.ExitNotFound, "builds on")
	r.same("load", "--jobs=1", first, to.host).want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "anonymous")
	report := r.same("load", "--jobs=1", second, to.host)
	report.want(t, "1 uploads, 2 mounts, 7 present, 13 bytes", "order", "mounts", "sessions", "anonymous")
	r.same("load", second, to.host).want(t, "0 uploads, 0 mounts, 7 present, 0 bytes")
}

// Many images go one after the other where there is one job, and what they share is told of once.
func TestPlanOfManyImages(t *testing.T) {
	t.Parallel()
	s, to, p := startServer(t), startServer(t), newProgram(t)
	args := []string{"save", "-o", p.env["HOME"] + "/many.tar"}
	for i := range 20 {
		tag := fmt.Sprint(i)
		s.list("halo", tag, s.image("halo", "", "linux/amd64", "shared"), s.image("halo", "", "linux/arm64", tag))
		args = append(args, s.host+"/halo:"+tag)
	}
	p.run(args...).want(0)
	report := p.rehearse(to).same("load", "--jobs=1", p.env["HOME"]+"/many.tar", to.host)
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

// A list with all tags of a repository, one image for two targets, and an image that is twice in it.
func TestPlanOfSync(t *testing.T) {
	t.Parallel()
	s, to, second, p := startServer(t), startServer(t), startServer(t), newProgram(t)
	s.halo()
	for i := range 5 {
		s.image("tags", fmt.Sprint("v", i), "linux/amd64", "shared", fmt.Sprint(i))
	}
	lines := ""
	for i := range 8 {
		s.image(fmt.Sprint("repository", i), "1", "linux/amd64", "shared")
		lines += fmt.Sprintf("SRC/repository%d DST/tags%d\n", i, i)
	}
	list := p.write("list", strings.NewReplacer("SRC", s.host, "DST", to.host, "SECOND", second.host).Replace(lines+`
SRC/tags DST/tags
SRC/halohub/halo:1.6 DST/a:1 SECOND/b:2
SRC/tags:v1 DST/tags:v1
`))
	r := p.rehearse(s, to, second)
	r.notes = true
	syncing := []string{"sync", "-f", list, "--prune", "--jobs=1"}
	r.same(syncing...).want(t, "21 uploads, 16 mounts, 0 present, 710 bytes", "targets", "order", "mounts", "sessions", "anonymous")
	if images := r.same(syncing...).Images; len(images) != 15 || images[0].Action != "present" {
		t.Errorf("what is there is %+v", images)
	}
	for i := range 9 {
		to.image("tags", fmt.Sprint("v1", i), "linux/amd64", "old")
	}
	s.image("tags", "v3", "linux/amd64", "shared", "newer")
	report := r.same(append(syncing, "--json")...)
	report.want(t, "1 uploads, 0 mounts, 2 present, 5 bytes", "mounts", "sessions", "anonymous")
	if last := report.Calls[len(report.Calls)-1]; last.Method != http.MethodDelete || !strings.HasSuffix(last.URL, "/tags/manifests/v18") {
		t.Errorf("the last call is %+v", last)
	}
}

// An image that cannot be had does not hide the plan for the others.
func TestPlanOfSyncWhereSomeFail(t *testing.T) {
	v := newVoyage(t)
	list := v.write("list", v.src+" "+v.dst+"\n"+v.source.host+"/none:1 "+v.target.host+"/none:1\n")
	o := v.run("sync", "-f", list, "--dry-run").want(8, "failed: line 2: ", "1 of 2 failed")
	if !strings.Contains(o.stdout, v.dst+": list, put") || strings.Contains(o.stderr, "synced") {
		t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
	}
	if o := v.run("sync", "-f", list, "--dry-run", "--json").want(8); !json.Valid([]byte(o.stdout)) || !strings.Contains(o.stdout, `"calls"`) {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	v.rehearse(v.source, v.target).onlyRead(o)
}

func TestPlanThatIsInterrupted(t *testing.T) {
	v := newVoyage(t)
	v.ctx = afterInterrupt()
	v.run("copy", "--plan", v.src, v.dst).complains(complaint{cli.ExitInterrupted, "interrupted", ""})
}

// A list with images of its own repository, of another one, and of another registry.
func TestPlanOfManifestPush(t *testing.T) {
	b, other := newBerth(t), startServer(t)
	b.image("other/halo", "riscv", "linux/riscv64", "x", "y")
	other.image("elsewhere/halo", "s390x", "linux/s390x", "far", "away")
	b.do("create LIST HALO:amd64 HOST/other/halo:riscv " + other.host + "/elsewhere/halo:s390x").want(0)
	r := b.rehearse(b.server, other)
	report := r.plan("manifest", "push", "--purge", b.list)
	report.want(t, "3 uploads, 3 mounts, 0 present, 98 bytes", "order", "mounts", "sessions", "anonymous")
	var actions []string
	for _, m := range report.Images[0].Manifests {
		actions = append(actions, m.Platform+" "+m.Action)
	}
	slices.Sort(actions)
	if diff := cmp.Diff([]string{"linux/amd64 expected", "linux/riscv64 put", "linux/s390x put"}, actions); diff != "" {
		t.Error(diff)
	}
	r.same("manifest", "push", "--jobs=1", "--purge", b.list) // the plan has not purged it
	b.do("push LIST").want(cli.ExitNotFound)
}

// Tokens are asked for as in the run, and the calls that are refused without one are part of it.
func TestPlanWithTokens(t *testing.T) {
	t.Parallel()
	v := newVoyage(t)
	account := []string{"--src-creds=" + user + ":" + password, "--dst-creds=" + user + ":" + password}
	r := &rehearsal{program: v.program}
	for _, guarded := range []http.Handler{&harbour{next: v.source}, &harbour{next: v.target, public: true}, needsPassword(v.target)} {
		f := &registry.Faults{Handler: guarded}
		r.add(listen(t, f), f)
	}
	for _, to := range []string{r.hosts[1] + "/a:1", r.hosts[2] + "/b:1"} {
		r.same(append([]string{"copy", "--jobs=1", r.hosts[0] + "/halohub/halo:1.6", to}, account...)...).
			want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "rights")
	}
	r.run("copy", "--plan", r.hosts[0]+"/halohub/halo:1.6", v.dst).complains(complaint{3, "", "--src-creds user:password"})
	r.run("copy", "--plan", v.src, r.hosts[2]+"/c:1").complains(complaint{3, "", "--dst-creds user:password"})
}

// Where a registry keeps its blobs elsewhere, the plan says where.
func TestPlanOfRedirects(t *testing.T) {
	v := newVoyage(t)
	v.source.Handler = elsewhere{v.source.Handler}
	report := v.rehearse(v.source, v.target).same("copy", "--jobs=1", v.src, v.dst)
	report.want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "sessions", "anonymous")
	text := v.run("copy", "--plan", v.src, v.target.host+"/x:1").stdout
	if !strings.Contains(text, "307 GET") || strings.Count(text, "/storage/v2/halohub/halo/blobs/") != 7 {
		t.Errorf("it does not say where the blobs are:\n%s", text)
	}
}

// elsewhere redirects the GET of a blob to another path.
type elsewhere struct{ next http.Handler }

// ServeHTTP implements http.Handler.
func (s elsewhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, "/storage"); ok {
		r.URL.Path = path
	} else if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/sha256") {
		http.Redirect(w, r, "/storage"+r.URL.Path, http.StatusTemporaryRedirect)
		return
	}
	s.next.ServeHTTP(w, r)
}

// A registry may refuse mounts or ignore them. What follows from that the plan cannot know, and says so.
func TestPlanAssumesMounts(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]registry.Rule{
		"refused": {On: "mount=", Status: 401},
		"ignored": {On: "mount=", DropQuery: []string{"mount", "from"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			v.run("copy", v.src, v.dst).want(0)
			v.target.Set(rule)
			report := v.rehearse(v.target).plan("copy", v.dst, v.target.host+"/mirror:1")
			report.want(t, "0 uploads, 7 mounts, 0 present, 0 bytes", "mounts", "anonymous")
			o := v.run("copy", "--plan", v.dst, v.target.host+"/mirror:1").want(0)
			if want := "assumed: " + v.target.host + " does mounts"; !strings.Contains(o.stdout, want) {
				t.Errorf("%s\ndoes not say %q:\n%s", o.line, want, o.stdout)
			}
			v.run("copy", v.dst, v.target.host+"/mirror:1").want(0, "blobs: 7 sent")
		})
	}
}

// A plan fails as the run would, and says nothing then but why.
func TestPlanThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		rule registry.Rule // of the source
		flag string
		want complaint
	}{
		"no image":       {registry.Rule{On: "/manifests/", Status: 404}, "--plan", complaint{4, "404 Not Found", "check the name and the tag"}},
		"no blob":        {registry.Rule{On: "/blobs/", Status: 404}, "--plan", complaint{4, "404 Not Found", "not whole at its source"}},
		"another blob":   {registry.Rule{On: "/blobs/", Status: 200, Body: "x"}, "--plan=json", complaint{7, "want ", "damaged at its source"}},
		"corrupt":        {registry.Rule{On: "/manifests/sha256", Corrupt: true}, "--plan=json", complaint{7, ": want sha256:", "damaged at its source"}},
		"rate limit":     {registry.Rule{On: "/blobs/", Status: 429}, "--dry-run", complaint{6, "429 Too Many Requests", "wait, or log in"}},
		"unknown format": {registry.Rule{}, "--plan=yaml", complaint{2, `--plan: "yaml" is no format; they are text and json`, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			r := v.rehearse(v.source, v.target)
			r.mayRead = true
			v.source.Set(test.rule)
			o := v.run("copy", test.flag, v.src, v.dst)
			o.complains(test.want)
			if o.stdout != "" {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
			r.onlyRead(o)
		})
	}
}

// What a plan prints. Nothing of the result of the run is in it; -v shows the calls that the plan itself makes.
func TestPlanText(t *testing.T) {
	t.Parallel()
	v := newVoyage(t)
	v.run("copy", "--platform=linux/arm64", v.src, v.target.host+"/other:1").want(0)
	v.run("copy", "--platform=linux/arm/v7", v.src, v.dst).want(0)
	names := []string{v.source.host, "SOURCE", v.target.host, "TARGET"}
	for _, flag := range []string{"--plan", "--dry-run", "--plan=true", "--plan=text"} {
		o := v.run("copy", flag, v.src, v.dst).want(0)
		golden(t, "plan.txt", o.stdout, names...)
		if o.stderr != "" {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
	}
	golden(t, "plan.json", v.run("copy", "--plan=json", "-q", v.src, v.dst).want(0).stdout, names...)

	v.source.Forget()
	v.target.Forget()
	o := v.run("copy", "--plan", "-v", v.src, v.dst).want(0)
	if got, want := strings.Count(o.stderr, "\n"), v.source.Count("")+v.target.Count(""); got != want {
		t.Errorf("%s\nshows %d calls, want %d:\n%s", o.line, got, want, o.stderr)
	}
	v.run("copy", "--plan=false", v.src, v.dst).want(0, "copied ")
	golden(t, "plan-present.txt", v.run("copy", "--plan", v.src, v.dst).want(0).stdout, names...)
}
