package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// parts are the images of a list, by the architecture that the walk-through tags them with.
func (s *server) parts(repo, tag string) map[string]blob.Digest {
	s.t.Helper()
	m, err := manifest.Parse("", []byte(newProgram(s.t).run("inspect", "--raw", s.host+"/"+repo+":"+tag).want(0).stdout))
	if err != nil {
		s.t.Fatal(err)
	}
	ix, err := m.Index()
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]blob.Digest{}
	for _, d := range ix.Manifests {
		out[strings.ReplaceAll(d.Platform.Architecture+d.Platform.Variant, "armv7", "arm32")] = d.Digest
	}
	return out
}

// The walk-through with transship in the place of docker: the list that it ends with has docker's bytes, and the
// registry that it is pushed to the very images of the other.
func TestWalkThrough(t *testing.T) {
	from, to, p := serve(t), serve(t), newProgram(t)
	from.halo()
	parts, hczjl := from.parts("halohub/halo", "1.6"), to.host+"/hczjl/halo"
	architectures := []string{"amd64", "arm64", "arm32"}
	for _, arch := range architectures {
		ref := fmt.Sprintf("%s/halohub/halo:1.6@%s", from.host, parts[arch])
		o := p.run("pull", ref).want(0, "pulled "+ref+": 1 image; blobs: ")
		if want := fmt.Sprintf("Digest: %s\nStatus: Downloaded newer image for %s\n%s\n", parts[arch], ref, ref); o.stdout != want {
			t.Errorf("%s\n%s", o.line, cmp.Diff(want, o.stdout))
		}
	}
	for _, arch := range architectures {
		id := string(parts[arch])[7:19]
		if images := p.run("images", from.host+"/halohub/halo").want(0).stdout; !strings.Contains(images, "<none>   "+id) {
			t.Errorf("images does not list %s:\n%s", id, images)
		}
		p.run("tag", id, hczjl+":"+arch).want(0)
	}
	for _, arch := range architectures {
		o := p.run("push", hczjl+":"+arch).want(0)
		if !strings.HasPrefix(o.stdout, fmt.Sprintf("%s: digest: %s size: ", arch, parts[arch])) {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	list := hczjl + ":1.6"
	p.run("manifest", "create", list, hczjl+":amd64", hczjl+":arm64", hczjl+":arm32").want(0)
	p.run("manifest", "annotate", list, hczjl+":amd64", "--os", "linux", "--arch", "amd64").want(0)
	p.run("manifest", "annotate", list, hczjl+":arm64", "--os", "linux", "--arch", "arm64").want(0)
	p.run("manifest", "annotate", list, hczjl+":arm32", "--os", "linux", "--arch", "arm", "--variant", "v7").want(0)
	p.run("manifest", "push", list).want(0)
	p.run("manifest", "rm", list).want(0)
	p.run("manifest", "inspect", list).want(0)
	golden(t, "walk-through.json", p.run("inspect", "--raw", list).want(0).stdout)
	if got := to.parts("hczjl/halo", "1.6"); !cmp.Equal(got, parts) {
		t.Errorf("the images are %v, were %v", got, parts)
	}
}

func TestPullWhole(t *testing.T) {
	s, p := serve(t), newProgram(t)
	list, repo := s.halo(), s.host+"/halohub/halo"
	o := p.run("pull", repo+":1.6").want(0, "pulled "+repo+":1.6: 3 images; blobs: 7 fetched")
	want := fmt.Sprintf("Digest: %s\nStatus: Downloaded newer image for %s:1.6\n%s:1.6\n", list.Digest, repo, repo)
	if o.stdout != want {
		t.Error(cmp.Diff(want, o.stdout))
	}
	s.Forget()
	if o := p.run("pull", repo+":1.6").want(0); o.stdout != strings.Replace(want, "Downloaded newer image for", "Image is up to date for", 1) || o.stderr != "" {
		t.Errorf("again: %s%s", o.stdout, o.stderr)
	}
	if n := s.Count("manifests|blobs"); n != 1 {
		t.Errorf("%d calls to find that nothing is new", n)
	}
	if o := p.run("pull", "-q", repo+":1.6").want(0); o.stdout != repo+":1.6\n" || o.stderr != "" {
		t.Errorf("quiet: %s%s", o.stdout, o.stderr)
	}
	p.verify()
}

// One platform of a list is pulled as the image it is, also by the list's digest; several stay a list.
func TestPullPlatforms(t *testing.T) {
	s, p := serve(t), newProgram(t)
	list, repo := s.halo(), s.host+"/halohub/halo"
	parts := s.parts("halohub/halo", "1.6")
	for _, test := range []struct{ platform, ref, want string }{
		{"linux/arm64", repo + ":1.6", string(parts["arm64"])},
		{"linux/arm/v7", repo + "@" + string(list.Digest), string(parts["arm32"])},
		{"linux/arm64,linux/amd64", repo + ":1.6", ""},
		{"linux/arm64,linux/amd64", repo + "@" + string(list.Digest), ""},
	} {
		o := p.run("pull", "--platform", test.platform, test.ref).want(0)
		if !strings.HasPrefix(o.stdout, "Digest: "+test.want) || strings.Contains(o.stdout, "Digest: "+string(list.Digest)) {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	// The tag is on the list of two now; the image that it was on before stays, as does what was pulled by digest.
	var got []string
	for _, r := range p.rows() {
		got = append(got, r.Tag+" "+strings.Join(r.Platforms, " "))
	}
	slices.Sort(got)
	if want := []string{" linux/arm/v7", " linux/arm64", "1.6 linux/amd64 linux/arm64"}; !slices.Equal(got, want) {
		t.Errorf("images %q, want %q", got, want)
	}
	p.run("pull", "--platform", "linux/s390x", repo+":1.6").want(exitNotFound, "linux/s390x")
	p.verify()
}

func TestPullSeveral(t *testing.T) {
	s, other, p := serve(t), serve(t), newProgram(t)
	s.halo()
	one := other.image("x/one", "1", "linux/amd64", "a")
	o := p.run("pull", "-q", s.host+"/halohub/halo:1.6", s.host+"/halohub/halo:1.7", other.host+"/x/one:1").
		want(exitPartly, "failed: "+s.host+"/halohub/halo:1.7: ", "transship pull: 1 of 3 failed")
	if want := s.host + "/halohub/halo:1.6\n" + other.host + "/x/one:1\n"; o.stdout != want {
		t.Error(cmp.Diff(want, o.stdout))
	}
	p.run("pull", s.host+"/halohub/halo:1.7").want(exitNotFound)
	p.run("pull", other.host+"/x/one:1", "Bad").want(exitUsage)
	if o := p.run("images", "-q", "--no-trunc", other.host+"/x/one"); o.stdout != string(one.Digest)+"\n" {
		t.Errorf("images -q: %q", o.stdout)
	}
}

func TestImages(t *testing.T) {
	s, p := serve(t), newProgram(t)
	s.halo()
	s.image("alpine", "3.20", "linux/arm64/v8", "alpine")
	repo := s.host + "/halohub/halo"
	parts := s.parts("halohub/halo", "1.6")
	p.run("pull", "-q", repo+":1.6", s.host+"/alpine:3.20", repo+"@"+string(parts["arm32"])).want(0)
	p.run("tag", repo+":1.6", "hczjl/halo").want(0)
	p.run("tag", repo+":1.6", "halo:1.6").want(0)
	text := p.run("images").want(0).stdout + p.run("images", "--digests", repo).stdout + p.run("images", "--no-trunc", "halo:1.6").stdout
	golden(t, "images.txt", regexp.MustCompile("  +").ReplaceAllString(text, "  "), s.host, "HOST:PORT")
	golden(t, "images.json", p.run("images", "--json").want(0).stdout, s.host, "HOST:PORT")
	if o := p.run("images", "--json", "nothing").want(0); o.stdout != "[]\n" {
		t.Errorf("images --json of nothing: %q", o.stdout)
	}
	p.run("images", "Bad").want(exitUsage)
}

// Whatever docker takes for an image is understood.
func TestTag(t *testing.T) {
	s, p := serve(t), newProgram(t)
	list, repo := s.halo(), s.host+"/halohub/halo"
	parts := s.parts("halohub/halo", "1.6")
	p.run("pull", repo+":1.6").want(0)
	im, err := p.store().Repository(repo).Manifest(t.Context(), string(parts["arm64"]))
	if err != nil {
		t.Fatal(err)
	}
	refs, _ := im.References()
	for src, want := range map[string]blob.Digest{
		repo + ":1.6":                           list.Digest,
		repo + "@" + string(list.Digest):        list.Digest,
		repo + "@" + string(parts["arm64"]):     parts["arm64"],
		string(list.Digest):                     list.Digest,
		list.Digest.Hex():                       list.Digest,
		list.Digest.Hex()[:12]:                  list.Digest,
		list.Digest.Short():                     list.Digest,
		string(parts["amd64"]):                  parts["amd64"],
		string(refs[0].Digest):                  parts["arm64"],
		strings.ToLower(refs[0].Digest.Short()): parts["arm64"],
	} {
		p.run("tag", src, "hczjl/halo:new").want(0)
		if o := p.run("images", "-q", "--no-trunc", "hczjl/halo:new"); o.stdout != string(want)+"\n" {
			t.Errorf("tag %s is %s, want %s", src, o.stdout, want)
		}
	}
	p.run("tag", "sha256:", "x").want(exitUsage)
	p.run("tag", "nothing", "x").want(exitNotFound, "no such image in the local store: nothing", "hint: transship images")
	p.run("tag", "0123456789ab", "x").want(exitNotFound)
	p.run("tag", repo+":1.6", "x@"+string(list.Digest)).want(exitUsage)
	p.run("tag", repo+":1.6", "X").want(exitUsage)
	p.verify()
}

// An id that begins like several is refused with their names; with one more digit it is clear.
func TestAmbiguousID(t *testing.T) {
	s, p := serve(t), newProgram(t)
	seen := map[byte]string{}
	for i := 0; ; i++ {
		tag := fmt.Sprint(i)
		d := s.image("x", tag, "linux/amd64", tag)
		p.run("pull", "-q", s.host+"/x:"+tag).want(0)
		first := d.Digest.Hex()[0]
		if other := seen[first]; other != "" {
			p.run("tag", string(first), "y").want(exitUsage, "may be any of sha256:", d.Digest.Short(), "hint: give more digits")
			p.run("tag", d.Digest.Hex()[:8], "y").want(0)
			return
		}
		seen[first] = tag
	}
}

// Blobs come from the repository that the store pulled them from, where that is on the same registry.
func TestPushMounts(t *testing.T) {
	s, p := serve(t), newProgram(t)
	list := s.halo()
	p.run("pull", s.host+"/halohub/halo:1.6").want(0)
	p.run("tag", s.host+"/halohub/halo:1.6", s.host+"/hczjl/halo:1.6").want(0)
	s.Forget()
	o := p.run("push", s.host+"/hczjl/halo:1.6").want(0, "pushed "+s.host+"/hczjl/halo:1.6: 3 images; blobs: 7 mounted")
	if want := fmt.Sprintf("1.6: digest: %s size: %d\n", list.Digest, list.Size); o.stdout != want {
		t.Error(cmp.Diff(want, o.stdout))
	}
	if n := s.Count("^PUT .*/blobs/|^PATCH"); n != 0 {
		t.Errorf("%d uploads", n)
	}
	if o := p.run("push", "-q", s.host+"/hczjl/halo:1.6").want(0); o.stdout != s.host+"/hczjl/halo:1.6\n" || o.stderr != "" {
		t.Errorf("quiet: %s%s", o.stdout, o.stderr)
	}
	p.run("push", s.host+"/hczjl/halo:1.7").want(exitNotFound, "no such image in the local store")
	p.run("push", s.host+"/hczjl/halo:1.6@"+string(list.Digest)).want(exitUsage)
	p.run("push", s.host+"/hczjl/halo@"+string(list.Digest)).want(0)
}

// A registry that has lost what was pulled from it gets it anew.
func TestPushWithoutMount(t *testing.T) {
	s, p := serve(t), newProgram(t)
	s.halo()
	p.run("pull", s.host+"/halohub/halo:1.6").want(0)
	s.Handler = serve(t).Handler
	p.run("tag", s.host+"/halohub/halo:1.6", s.host+"/hczjl/halo:1.6").want(0)
	p.run("push", s.host+"/hczjl/halo:1.6").want(0, "blobs: 7 sent")
}

func TestRmi(t *testing.T) {
	s, p := serve(t), newProgram(t)
	list, repo := s.halo(), s.host+"/halohub/halo"
	parts := s.parts("halohub/halo", "1.6")
	p.run("pull", repo+":1.6").want(0)
	p.run("tag", repo+":1.6", repo+":latest").want(0)
	p.run("tag", string(parts["arm64"]), "hczjl/halo:arm64").want(0)
	p.run("tag", repo+":1.6", "hczjl/halo:1.6").want(0)

	if o := p.run("rmi", repo+":latest").want(0); o.stdout != "Untagged: "+repo+":latest\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	p.run("rmi", list.Digest.Hex()[:12]).want(exitFailed, "is in several repositories", "--force")
	p.run("rmi", string(parts["amd64"])).want(exitFailed, "is part of a list in")
	o := p.run("rmi", "hczjl/halo:1.6", repo+":1.6", repo+":1.6").want(exitPartly, "1 of 3 failed")
	names, deleted, _ := strings.Cut(o.stdout, "Deleted: ")
	want := fmt.Sprintf("Untagged: hczjl/halo:1.6\nUntagged: hczjl/halo@%s\nUntagged: %s:1.6\nUntagged: %s@%s\n", list.Digest, repo, repo, list.Digest)
	if names != want {
		t.Error(cmp.Diff(want, names))
	}
	// The list, two of its images with their configs and layers; the third is tagged in another repository.
	if n := strings.Count("Deleted: "+deleted, "Deleted: sha256:"); n != 1+2*3 {
		t.Errorf("%d deleted:\n%s", n, deleted)
	}
	if rows := p.rows(); len(rows) != 1 || rows[0].Repository != "docker.io/hczjl/halo" || rows[0].Tag != "arm64" {
		t.Errorf("images %v", rows)
	}
	p.verify()
	p.run("rmi", "-f", string(parts["arm64"])).want(0)
	if left := p.blobs(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestPruneStore(t *testing.T) {
	s, p := serve(t), newProgram(t)
	s.halo()
	repo, parts := s.host+"/halohub/halo", s.parts("halohub/halo", "1.6")
	s.Set(registry.Rule{On: "^GET .*/blobs/", Skip: 5, Status: http.StatusTeapot})
	p.run("pull", "--jobs", "1", repo+":1.6").want(exitFailed)
	s.Set()
	if len(p.blobs()) == 0 {
		t.Fatal("the broken pull left nothing")
	}
	if rows := p.rows(); len(rows) > 0 {
		t.Errorf("what it left is listed: %v", rows)
	}
	if o := p.run("prune").want(0); !strings.Contains(o.stdout, "Deleted: sha256:") || !strings.Contains(o.stdout, "Total reclaimed space: ") {
		t.Errorf("prune prints %s", o.stdout)
	}
	p.run("pull", repo+"@"+string(parts["arm64"]), repo+"@"+string(parts["amd64"])).want(0)
	p.run("tag", string(parts["arm64"]), repo+":arm64").want(0)
	if o := p.run("prune").want(0); o.stdout != "Total reclaimed space: 0 B\n" {
		t.Errorf("prune prints %s", o.stdout)
	}
	o := p.run("prune", "-a").want(0)
	if !strings.HasPrefix(o.stdout, "Untagged: "+repo+"@"+string(parts["amd64"])+"\nDeleted: ") {
		t.Errorf("prune -a prints %s", o.stdout)
	}
	p.verify()
	if n := len(p.blobs()); n != 4 {
		t.Errorf("%d blobs left, want a manifest, its config and two layers", n)
	}
	if o := p.run("prune", "-a", "-q").want(0); o.stdout+o.stderr != "" {
		t.Errorf("quiet: %s%s", o.stdout, o.stderr)
	}
}

// A store that is in use is not pruned; who waits for it can be interrupted, and rmi leaves the bytes for later.
func TestPruneInUse(t *testing.T) {
	s, p := serve(t), newProgram(t)
	s.halo()
	p.run("pull", s.host+"/halohub/halo:1.6").want(0)
	release, err := p.store().Hold()
	if err != nil {
		t.Fatal(err)
	}
	p.run("rmi", s.host+"/halohub/halo:1.6").want(0, "another command is using the store")
	if len(p.blobs()) == 0 {
		t.Error("what is in use is gone")
	}
	p.ctx = interrupted()
	p.run("prune").want(exitInterrupted, "waiting for another command")
	release()
	p = &program{t: t, ctx: t.Context(), env: p.env}
	p.run("prune").want(0)
	if left := p.blobs(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// Several programs pull, tag, remove and prune at once.
func TestStoreIsShared(t *testing.T) {
	s, p := serve(t), newProgram(t)
	s.halo()
	s.image("x", "1", "linux/amd64", "shared", "for x")
	repo := s.host + "/halohub/halo"
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			tag := fmt.Sprint("hczjl/halo:", i)
			for range 4 {
				p.run("pull", "-q", repo+":1.6", s.host+"/x:1").want(0)
				p.run("tag", repo+":1.6", tag).want(0)
				p.run("rmi", tag).want(0)
				p.run("prune", "-q").want(0)
			}
		})
	}
	all.Wait()
	p.verify()
	p.run("prune").want(0)
	if rows := p.rows(); len(rows) != 2 || rows[0].Tag != "1.6" || rows[1].Tag != "1" {
		t.Errorf("images %v", rows)
	}
}

func TestStoreIsWhere(t *testing.T) {
	s, p := serve(t), newProgram(t)
	s.image("x", "1", "linux/amd64", "x")
	home := p.env["HOME"]
	for _, test := range []struct{ name, value, want string }{
		{"HOME", home, ".local/share/transship"},
		{"XDG_DATA_HOME", "not/absolute", ".local/share/transship"},
		{"XDG_DATA_HOME", filepath.Join(home, "data"), "data/transship"},
		{"TRANSSHIP_STORE", filepath.Join(home, "chosen"), "chosen"},
	} {
		p.env[test.name] = test.value
		dir := filepath.Join(home, test.want)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		p.run("pull", s.host+"/x:1").want(0)
		if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
			t.Errorf("%s=%s: %v", test.name, test.value, err)
		}
	}
	p.env = map[string]string{}
	p.run("images").want(exitUsage, "there is no folder for the local store", "hint: set TRANSSHIP_STORE")
}

func TestBadStore(t *testing.T) {
	p := newProgram(t)
	for name, prepare := range map[string]func(path string){
		"other things in it": func(path string) { p.write("store/notes.txt", "x") },
		"a file":             func(path string) { p.write("store", "x") },
		"newer":              func(path string) { p.write("store/oci-layout", `{"imageLayoutVersion":"2.0.0"}`) },
		"damaged": func(path string) {
			p.write("store/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
			p.write("store/index.json", `{"manifests":`)
		},
	} {
		path := filepath.Join(p.env["HOME"], "store")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		prepare(path)
		p.env["TRANSSHIP_STORE"] = path
		t.Run(name, func(t *testing.T) {
			for _, line := range []string{"images", "pull x", "push x", "tag x y", "rmi x", "prune"} {
				p.run(strings.Fields(line)...).want(exitFailed, "the local store "+path+" cannot be used: ", "hint: set TRANSSHIP_STORE")
			}
		})
	}
}

// Root with somebody's HOME, as under sudo, does not write into the store there, unless it is told to.
func TestStoreOfAnotherUser(t *testing.T) {
	p := newProgram(t)
	path := filepath.Join(p.env["HOME"], ".local", "share", "transship")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Skip("only root gives folders away: ", err)
	}
	p.run("pull", "x").want(exitFailed, "it belongs to user 12345, and this is user 0", "hint: set TRANSSHIP_STORE")
	p.env["TRANSSHIP_STORE"] = path
	p.run("images").want(exitDone)
}

// A pull that is killed leaves nothing broken, and the next one finishes it.
func TestKilledPull(t *testing.T) {
	s, p := serve(t), newProgram(t)
	const repo = "big/image"
	var entries []manifest.Descriptor
	for _, platform := range []string{"linux/amd64", "linux/arm64", "linux/arm/v7"} {
		var layers []string
		for i := range 4 {
			layers = append(layers, strings.Repeat(fmt.Sprint(platform, i), 5_000))
		}
		entries = append(entries, s.image(repo, "", platform, layers...))
	}
	list := s.list(repo, "1", entries...)
	ref := s.host + "/" + repo + ":1"
	for i := range 20 {
		if i%7 == 6 {
			p.run("rmi", ref)
			p.run("prune").want(0)
		}
		s.Forget()
		cmd, stderr := process(t, "pull", "-q", "--jobs", "2", ref)
		cmd.Env = append(cmd.Env, "TRANSSHIP_STORE="+p.storePath())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		killAfter(s, i, ended, func() { cmd.Process.Signal(syscall.SIGKILL) })
		if state := cmd.ProcessState; state.Exited() && !state.Success() {
			t.Errorf("pull fails: %s", stderr)
		}
		p.verify()
	}
	p.run("pull", ref).want(0)
	p.verify()
	if got := p.run("images", "-q", "--no-trunc", ref).stdout; got != string(list.Digest)+"\n" {
		t.Errorf("images -q: %s", got)
	}
}

// killAfter kills a process once it has asked for so many blobs, if it does not end before.
func killAfter(s *server, blobs int, ended chan error, kill func()) {
	for {
		select {
		case <-ended:
			return
		default:
		}
		if s.Count("/blobs/") > blobs%13 {
			kill()
			<-ended
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// storePath is where the program has its local store.
func (p *program) storePath() string {
	path, _, err := newApp(func(name string) string { return p.env[name] }, nil, nil, nil).storeDir()
	if err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *program) store() *layout.Dir {
	p.t.Helper()
	dir, err := layout.OpenDir(p.storePath())
	if err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// verify checks every file of the store against its digest, and that every image in it is whole.
func (p *program) verify() {
	p.t.Helper()
	for name, content := range p.blobs() {
		if got := blob.FromBytes(content); got.Hex() != name {
			p.t.Errorf("blob %s has the content of %s", name, got)
		}
	}
	if o := p.run("images", "--json").want(0); o.stderr != "" {
		p.t.Errorf("images are not whole: %s", o.stderr)
	}
}

// blobs reads the files of the store.
func (p *program) blobs() map[string][]byte {
	p.t.Helper()
	dir := filepath.Join(p.storePath(), "blobs", "sha256")
	files, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		if out[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			p.t.Fatal(err)
		}
	}
	return out
}

// rows are the images of the store.
func (p *program) rows(args ...string) []imageRow {
	p.t.Helper()
	var rows []imageRow
	if err := json.Unmarshal([]byte(p.run(append([]string{"images", "--json"}, args...)...).want(0).stdout), &rows); err != nil {
		p.t.Fatal(err)
	}
	return rows
}
