package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/manifest"
)

// platformDigests returns the digests of a list's images by architecture, with arm32 for arm/v7.
func (s *server) platformDigests(repo, tag string) map[string]blob.Digest {
	s.t.Helper()
	m, err := manifest.Parse("",
		[]byte(newProgram(s.t).run("inspect", "--raw", s.host+"/"+repo+":"+tag).want(0).stdout))
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

// The walk-through with transship in place of docker: the list has docker's bytes, and the target
// has the source's images.
func TestWalkThrough(t *testing.T) {
	from, to, p := startServer(t), startServer(t), newProgram(t)
	from.pushThreePlatforms()
	parts, dst := from.platformDigests("src/repo", "1.6"), to.host+"/dst/repo"
	architectures := []string{"amd64", "arm64", "arm32"}
	for _, arch := range architectures {
		ref := fmt.Sprintf("%s/src/repo:1.6@%s", from.host, parts[arch])
		o := p.run("pull", ref).want(0, "pulled "+ref+": 1 image; blobs: ")
		if want := fmt.Sprintf("Digest: %s\nStatus: Downloaded newer image for %s\n%s\n", parts[arch],
			strings.Replace(ref, ":1.6@", "@", 1), ref); o.stdout != want {
			t.Errorf("%s\n%s", o.line, cmp.Diff(want, o.stdout))
		}
	}
	for _, arch := range architectures {
		id := string(parts[arch])[7:19]
		if images := p.run("images", from.host+"/src/repo").want(0).stdout; !strings.Contains(images, "<none>   "+id) {
			t.Errorf("images does not list %s:\n%s", id, images)
		}
		p.run("tag", id, dst+":"+arch).want(0)
	}
	for _, arch := range architectures {
		o := p.run("push", dst+":"+arch).want(0)
		if !strings.HasPrefix(o.stdout, fmt.Sprintf("%s: digest: %s size: ", arch, parts[arch])) {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	list := dst + ":1.6"
	p.run("manifest", "create", list, dst+":amd64", dst+":arm64", dst+":arm32").want(0)
	p.run("manifest", "annotate", list, dst+":amd64", "--os", "linux", "--arch", "amd64").want(0)
	p.run("manifest", "annotate", list, dst+":arm64", "--os", "linux", "--arch", "arm64").want(0)
	p.run("manifest", "annotate", list, dst+":arm32", "--os", "linux", "--arch", "arm", "--variant", "v7").want(0)
	p.run("manifest", "push", list).want(0)
	p.run("manifest", "rm", list).want(0)
	p.run("manifest", "inspect", list).want(0)
	golden(t, "walk-through.json", p.run("inspect", "--raw", list).want(0).stdout)
	if got := to.platformDigests("dst/repo", "1.6"); !cmp.Equal(got, parts) {
		t.Errorf("the images are %v, were %v", got, parts)
	}
}

func TestPullAllPlatforms(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	list, repo := s.pushThreePlatforms(), s.host+"/src/repo"
	o := p.run("pull", repo+":1.6").want(0, "pulled "+repo+":1.6: 3 images; blobs: 7 fetched")
	want := fmt.Sprintf("Digest: %s\nStatus: Downloaded newer image for %s:1.6\n%s:1.6\n", list.Digest, repo, repo)
	if o.stdout != want {
		t.Error(cmp.Diff(want, o.stdout))
	}
	s.ResetRequests()
	if o := p.run("pull", repo+":1.6").
		want(0); o.stdout != strings.Replace(want, "Downloaded newer image for", "Image is up to date for", 1) ||
		o.stderr != "" {
		t.Errorf("again: %s%s", o.stdout, o.stderr)
	}
	if n := s.Count("manifests|blobs"); n != 1 {
		t.Errorf("%d calls to find that nothing is new", n)
	}
	if o := p.run("pull", "-q", repo+":1.6").want(0); o.stdout != repo+":1.6\n" || o.stderr != "" {
		t.Errorf("quiet: %s%s", o.stdout, o.stderr)
	}
	p.checkStore()
}

// One platform of a list is pulled as a single image, also by the list's digest. Several platforms
// stay a list.
func TestPullPlatforms(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	list, repo := s.pushThreePlatforms(), s.host+"/src/repo"
	parts := s.platformDigests("src/repo", "1.6")
	for _, test := range []struct{ platform, ref, want string }{
		{"linux/arm64", repo + ":1.6", string(parts["arm64"])},
		{"linux/arm/v7", repo + "@" + string(list.Digest), string(parts["arm32"])},
		{"linux/arm64,linux/amd64", repo + ":1.6", ""},
		{"linux/arm64,linux/amd64", repo + "@" + string(list.Digest), ""},
	} {
		o := p.run("pull", "--platform", test.platform, test.ref).want(0)
		if !strings.HasPrefix(o.stdout, "Digest: "+test.want) ||
			strings.Contains(o.stdout, "Digest: "+string(list.Digest)) {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	// The tag names the list of two platforms now. The image that it named before stays, as do
	// images pulled by digest.
	var got []string
	for _, r := range p.imageRows() {
		got = append(got, r.Tag+" "+strings.Join(r.Platforms, " "))
	}
	slices.Sort(got)
	if want := []string{" linux/arm/v7", " linux/arm64", "1.6 linux/amd64 linux/arm64"}; !slices.Equal(got, want) {
		t.Errorf("images %q, want %q", got, want)
	}
	p.run("pull", "--platform", "linux/s390x", repo+":1.6").want(cli.ExitNotFound, "linux/s390x")
	p.checkStore()
}

// docker pull takes the platform of the variable, and a flag beats it. Other commands do not look at it.
func TestPullOfDockersDefaultPlatform(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	list, repo := s.pushThreePlatforms(), s.host+"/src/repo"
	parts := s.platformDigests("src/repo", "1.6")
	p.env["DOCKER_DEFAULT_PLATFORM"] = "linux/arm64"
	p.run("pull", repo+":1.6").want(0, "pulling linux/arm64 alone, the platform of $DOCKER_DEFAULT_PLATFORM")
	if got := p.run("digest", "oci:"+p.storePath()).want(0).stdout; got != string(parts["arm64"])+"\n" {
		t.Errorf("the store has %s", got)
	}
	o := p.run("pull", "--platform", "linux/arm/v7", repo+":1.6").want(0)
	if !strings.HasPrefix(o.stdout, "Digest: "+string(parts["arm32"])) || strings.Contains(o.stderr, "DOCKER_DEFAULT") {
		t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
	}
	for _, line := range [][]string{{"digest", repo + ":1.6"}, {"copy", repo + ":1.6", s.host + "/copied:1"}} {
		if o := p.run(line...).want(0); !strings.Contains(o.stdout, string(list.Digest)) && !s.has("copied", "1") {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	p.env["DOCKER_DEFAULT_PLATFORM"] = "linux/"
	p.run("pull", repo+":1.6").want(2, "DOCKER_DEFAULT_PLATFORM: ", "unset it")
	p.run("pull", "--platform", "linux/arm64", repo+":1.6").want(0)
	p.env["DOCKER_DEFAULT_PLATFORM"] = ""
	if o := p.run("pull", repo+":1.6").want(0); !strings.HasPrefix(o.stdout, "Digest: "+string(list.Digest)) {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}

func TestPullSeveralImages(t *testing.T) {
	s, other, p := startServer(t), startServer(t), newProgram(t)
	s.pushThreePlatforms()
	one := other.pushImage("x/one", "1", "linux/amd64", "a")
	o := p.run("pull", "-q", s.host+"/src/repo:1.6", s.host+"/src/repo:1.7", other.host+"/x/one:1").
		want(cli.ExitPartial, "failed: "+s.host+"/src/repo:1.7: ", "transship pull: 1 of 3 failed")
	if want := s.host + "/src/repo:1.6\n" + other.host + "/x/one:1\n"; o.stdout != want {
		t.Error(cmp.Diff(want, o.stdout))
	}
	p.run("pull", s.host+"/src/repo:1.7").want(cli.ExitNotFound)
	p.run("pull", other.host+"/x/one:1", "Bad").want(cli.ExitUsage)
	if o := p.run("images", "-q", "--no-trunc", other.host+"/x/one"); o.stdout != string(one.Digest)+"\n" {
		t.Errorf("images -q: %q", o.stdout)
	}
}

func TestImages(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	s.pushImage("alpine", "3.20", "linux/arm64/v8", "alpine")
	repo := s.host + "/src/repo"
	parts := s.platformDigests("src/repo", "1.6")
	p.run("pull", "-q", repo+":1.6", s.host+"/alpine:3.20", repo+"@"+string(parts["arm32"])).want(0)
	p.run("tag", repo+":1.6", "dst/repo").want(0)
	p.run("tag", repo+":1.6", "repo:1.6").want(0)
	text := p.run("images").want(0).stdout + p.run("images", "--digests", repo).
		stdout + p.run("images", "--no-trunc", "repo:1.6").stdout
	golden(t, "images.txt", regexp.MustCompile("  +").ReplaceAllString(text, "  "), s.host, "HOST:PORT")
	golden(t, "images.json", p.run("images", "--json").want(0).stdout, s.host, "HOST:PORT")
	if o := p.run("images", "--json", "nothing").want(0); o.stdout != "{\n  \"ok\": true,\n  \"images\": []\n}\n" {
		t.Errorf("images --json of nothing: %q", o.stdout)
	}
	p.run("images", "Bad").want(cli.ExitUsage)
}

// A killed pull leaves a sound store, and the next pull finishes it.
func TestKilledPullResumes(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	const repo = "big/image"
	var entries []manifest.Descriptor
	for _, platform := range []string{"linux/amd64", "linux/arm64", "linux/arm/v7"} {
		var layers []string
		for i := range 4 {
			layers = append(layers, strings.Repeat(fmt.Sprint(platform, i), 5_000))
		}
		entries = append(entries, s.pushImage(repo, "", platform, layers...))
	}
	list := s.pushList(repo, "1", entries...)
	ref := s.host + "/" + repo + ":1"
	rounds := 20
	if testing.Short() {
		rounds = 7
	}
	for i := range rounds {
		if i%7 == 6 {
			p.run("rmi", ref)
			p.run("prune").want(0)
		}
		s.ResetRequests()
		cmd, stderr := newProcess(t, "pull", "-q", "--jobs", "2", ref)
		cmd.Env = append(cmd.Env, "TRANSSHIP_STORE="+p.storePath())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		killAfterBlobs(s, i, ended, func() { cmd.Process.Signal(syscall.SIGKILL) })
		if state := cmd.ProcessState; state.Exited() && !state.Success() {
			t.Errorf("pull fails: %s", stderr)
		}
		p.checkStore()
	}
	p.run("pull", ref).want(0)
	p.checkStore()
	if got := p.run("images", "-q", "--no-trunc", ref).stdout; got != string(list.Digest)+"\n" {
		t.Errorf("images -q: %s", got)
	}
}

// killAfterBlobs kills a process after a number of blob requests, unless it ends before.
func killAfterBlobs(s *server, blobs int, ended chan error, kill func()) {
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
