package main

import (
	"archive/zip"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// testTarget is what the tests build: the machine that they run on.
const testTarget = "linux/amd64"

// build builds a release of HEAD, for targets, from a clone in a folder of its own, and returns the release's folder and
// its version.
func build(t *testing.T, targets string) (out, version string) {
	t.Helper()
	if hostTarget().String() != testTarget {
		t.Skip("the programs of a release run on " + testTarget)
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "clone")
	git(t, "", "clone", "-q", "../..", source)
	version = sourceVersion(t, source)
	out = filepath.Join(dir, "dist")
	// Not in the test's process, whose race detector makes compression slow.
	release := exec.CommandContext(t.Context(), "go", "run", ".", "-version", "v"+version, "-source", source, "-out", out,
		"-targets", targets)
	if text, err := release.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", release, err, text)
	}
	return out, version
}

// sourceVersion returns the version that a clone's source says.
func sourceVersion(t *testing.T, source string) string {
	t.Helper()
	_, version, _ := strings.Cut(read(t, source, "cmd/transship/internal/cli/version.go"), `const Version = "`)
	version, _, _ = strings.Cut(version, `"`)
	return version
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	if _, err := runGit(t.Context(), dir, args...); err != nil {
		t.Fatal(err)
	}
}

// The same commit gives the same bytes, in whatever folder it is built. What the release has works: the
// archive, the Debian package, and the image in a container, which copies between two registries.
func TestRelease(t *testing.T) {
	first, version := build(t, testTarget)
	second, _ := build(t, testTarget)
	sums := read(t, first, "SHA256SUMS")
	if diff := cmp.Diff(sums, read(t, second, "SHA256SUMS")); diff != "" {
		t.Fatalf("two builds of one commit:\n%s", diff)
	}
	var names []string
	for line := range strings.Lines(sums) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		names = append(names, strings.TrimPrefix(name, "transship_"+version+"_"))
	}
	wantNames := []string{"image.tar", "linux_amd64.deb", "linux_amd64.rpm", "linux_amd64.spdx.json", "linux_amd64.tar.gz"}
	if diff := cmp.Diff(wantNames, names); diff != "" {
		t.Errorf("the files of the release:\n%s", diff)
	}
	check := servers.Program{Path: servers.Find(t, "sha256sum", "coreutils"), Dir: first}
	check.Output(t, "-c", "--quiet", "SHA256SUMS")
	t.Run("archive", func(t *testing.T) { testArchive(t, first, version) })
	t.Run("zip", testZip)
	t.Run("deb", func(t *testing.T) { testDeb(t, first, version) })
	t.Run("rpm", func(t *testing.T) { testRPM(t, first, version) })
	t.Run("size", func(t *testing.T) { testSize(t, first) })
	t.Run("sbom", func(t *testing.T) { testSBOM(t, first) })
	t.Run("image", func(t *testing.T) { testImage(t, first, version) })
	t.Run("workflow", func(t *testing.T) { testWorkflow(t, first, version) })
}

// releaseFile returns the path of the one file of a release that ends so.
func releaseFile(t *testing.T, dir, suffix string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(found) != 1 {
		t.Fatalf("files that end in %s: %q, %v", suffix, found, err)
	}
	return found[0]
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantVersion checks that a program runs and says its version and commit.
func wantVersion(t *testing.T, program, version string) {
	t.Helper()
	p := servers.Program{Path: program, Dir: t.TempDir()}
	said := p.Output(t, "version")
	commit, err := runGit(t.Context(), "", "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(said, "transship "+version+" (") || !strings.Contains(said, commit[:12]) {
		t.Errorf("it says %q, want version %s and commit %s", said, version, commit[:12])
	}
}

func testArchive(t *testing.T, release, version string) {
	dir := t.TempDir()
	unpack(t, "tar", "-xf", releaseFile(t, release, ".tar.gz"), "-C", dir)
	wantVersion(t, filepath.Join(dir, "transship"), version)
	for _, name := range []string{"LICENSE", "README.md", "README.zh-CN.md", "CHANGELOG.md", "man/transship.1",
		"man/transship-copy.1", "completions/transship.bash", "completions/_transship", "completions/transship.fish"} {
		if read(t, dir, name) == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

// testZip publishes for Windows. The program in it is that of this system: to compile all anew for Windows takes a minute, and
// CI does so on Windows.
func testZip(t *testing.T) {
	windows, err := chosen("windows/amd64")
	if err != nil {
		t.Fatal(err)
	}
	transship, _ := servers.Transship(t)
	p := program{windows[0], transship.Path}
	r := &release{source: checkout{dir: "../.."}, version: "1.0.0", out: t.TempDir()}
	if r.assets, err = r.collectAssets(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := r.publish(p); err != nil {
		t.Fatal(err)
	}
	if got, err := filepath.Glob(r.path("*")); err != nil || len(got) != 2 {
		t.Errorf("the files for Windows are %q, %v, want a zip and a list of modules", got, err)
	}
	releaseFile(t, r.out, "_1.0.0_windows_amd64.spdx.json")
	z, err := zip.OpenReader(releaseFile(t, r.out, "_1.0.0_windows_amd64.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, name := range []string{"transship.exe", "LICENSE", "completions/transship.ps1", "man/transship-copy.1"} {
		if info, err := fs.Stat(z, name); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func testDeb(t *testing.T, release, version string) {
	deb, dir := releaseFile(t, release, ".deb"), t.TempDir()
	servers.Find(t, "dpkg-deb", "dpkg")
	unpack(t, "dpkg-deb", "-x", deb, dir)
	wantVersion(t, filepath.Join(dir, "usr/bin/transship"), version)
	for _, name := range []string{"share/man/man1/transship-copy.1.gz", "share/bash-completion/completions/transship"} {
		if read(t, dir, "usr", name) == "" {
			t.Errorf("%s is empty", name)
		}
	}
	fields := servers.Program{Path: servers.Find(t, "dpkg-deb", "dpkg")}.Output(t, "-f", deb)
	for _, field := range []string{"Package: transship\n", "Version: " + version + "\n", "Architecture: amd64\n"} {
		if !strings.Contains(fields, field) {
			t.Errorf("no %q in\n%s", field, fields)
		}
	}
}

// testRPM installs the package as rpm does, in a folder instead of the system, and lets rpm compare what is
// installed with the package.
func testRPM(t *testing.T, release, version string) {
	file, root := releaseFile(t, release, ".rpm"), t.TempDir()
	rpm := servers.Program{Path: servers.Find(t, "rpm", "rpm"), Dir: root}
	if got := rpm.Output(t, "-qp", "--qf", "%{NAME} %{VERSION} %{ARCH} %{LICENSE}", file); got != "transship "+version+" x86_64 Apache-2.0" {
		t.Errorf("the package is %s", got)
	}
	rpm.Output(t, "--root", root, "-i", file)
	rpm.Output(t, "--root", root, "-V", "transship")
	wantVersion(t, filepath.Join(root, "usr/bin/transship"), version)
	for _, name := range []string{"man/man1/transship-copy.1.gz", "bash-completion/completions/transship", "zsh/site-functions/_transship"} {
		if read(t, root, "usr/share", name) == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

// installSizes is where docs/install.md says how large the program and its archive are.
var installSizes = regexp.MustCompile(`The program for linux/amd64 has (\d+) MB, its archive (\d+) MB`)

// testSize compares the sizes with what docs/install.md says, so that the program does not grow unseen: they are at most a
// twentieth above that, and a tenth below.
func testSize(t *testing.T, release string) {
	page := installSizes.FindStringSubmatch(read(t, "../../docs/install.md"))
	if page == nil {
		t.Fatal("docs/install.md does not say the sizes")
	}
	dir, archive := t.TempDir(), releaseFile(t, release, ".tar.gz")
	unpack(t, "tar", "-xf", archive, "-C", dir)
	for i, path := range []string{filepath.Join(dir, "transship"), archive} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		said, err := strconv.ParseInt(page[i+1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if said *= 1_000_000; info.Size() > said+said/20 || info.Size() < said-said/10 {
			t.Errorf("%s has %d bytes; docs/install.md says %s MB", filepath.Base(path), info.Size(), page[i+1])
		}
	}
}

func testSBOM(t *testing.T, release string) {
	text := read(t, releaseFile(t, release, "linux_amd64.spdx.json"))
	for _, want := range []string{
		`"spdxVersion": "SPDX-2.3"`, `"pkg:golang/golang.org/x/sync@`, `"pkg:golang/stdlib@`,
		`"pkg:golang/github.com/docker/docker-credential-helpers@`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the list of modules lacks %s", want)
		}
	}
}

func testImage(t *testing.T, release, version string) {
	podman := servers.Podman(t)
	podman.Output(t, "load", "-q", "-i", releaseFile(t, release, "_image.tar"))
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	im := fixture.Real()
	if err := from.Repository("src/repo").Push(t.Context(), im, "1.6"); err != nil {
		t.Fatal(err)
	}
	// The limits are named because a test machine may not raise them.
	podman.Output(t, "run", "--rm", "--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
		imageName+":"+version, "copy", from.Host+"/src/repo:1.6", to.Host+"/dst/repo:1.6")
	if err := to.Repository("dst/repo").Verify(t.Context(), im, "1.6"); err != nil {
		t.Error(err)
	}
}

// testWorkflow runs the step of the release workflow that publishes the image. Its registry is one on loopback, and cosign
// is a script that keeps what it is told to sign.
func testWorkflow(t *testing.T, release, version string) {
	var workflow struct {
		Jobs map[string]struct{ Steps []struct{ Name, Run string } }
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../.github/workflows/release.yml")), &workflow); err != nil {
		t.Fatal(err)
	}
	steps := workflow.Jobs["release"].Steps
	registry := servers.CNCF(t, servers.Options{Users: map[string]string{"user": "word"}})
	script := strings.ReplaceAll(steps[len(steps)-1].Run, "ghcr.io", registry.Host)
	dir := t.TempDir()
	if err := os.Symlink(release, filepath.Join(dir, "dist")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cosign"), []byte("#!/bin/sh\necho \"$@\" > signed\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	bash := servers.Program{Path: servers.Find(t, "bash", "bash"), Dir: dir, Env: []string{
		"PATH=" + dir + ":/usr/bin:/bin", "HOME=" + dir, "GITHUB_REF_NAME=v" + version, "GITHUB_ACTOR=user", "GH_TOKEN=word",
	}}
	bash.Output(t, "-e", "-o", "pipefail", "-c", script) // the flags of GitHub's runners
	want := regexp.MustCompile("^sign --yes " + registry.Host + "/hczjl/transship:" + regexp.QuoteMeta(version) + "@sha256:[0-9a-f]{64}\n$")
	if signed := read(t, dir, "signed"); !want.MatchString(signed) {
		t.Errorf("cosign was called with %q", signed)
	}
}

func unpack(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// A release is refused that would not be that of its commit.
func TestReleaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "clone")
	git(t, "", "clone", "-q", "../..", source)
	wantRefused := func(version, want string) {
		t.Helper()
		err := run(context.Background(), source, filepath.Join(dir, "dist"), version, testTarget)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", version, err, want)
		}
	}
	wantRefused("0.2.0", "begins with v")
	wantRefused("v99.0.0", "commit the version first")
	git(t, source, "-c", "user.name=user", "-c", "user.email=user@example.com", "commit", "-q", "--allow-empty", "-m", "later")
	git(t, source, "tag", "v98.0.0", "HEAD~1")
	wantRefused("v98.0.0", "the tag v98.0.0 is on commit")
	if err := os.WriteFile(filepath.Join(source, "LICENSE"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefused("v99.0.0", "has changes that are not committed")
	if _, err := chosen("plan9/amd64"); err == nil {
		t.Error("a target that there is not was taken")
	}
}
