package liststore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// docker is the docker CLI with its own configuration, and a registry with all the fixture's
// images.
type docker struct {
	program, config, proxy string
	registry               *registry
}

func newDocker(t *testing.T) *docker {
	t.Helper()
	// Docker's own commands at a known version if "make" has built them, else the machine's docker.
	program, err := os.Getenv("TRANSSHIP_DOCKER_MANIFEST"), error(nil)
	if program == "" {
		program, err = exec.LookPath("docker")
	}
	if err != nil {
		skipOrFail(t, "the docker CLI is not installed, so that nothing can be compared with it")
	}
	version, _ := exec.Command(program, "--version").Output()
	var major int
	if _, err := fmt.Sscanf(string(version), "Docker version %d", &major); err != nil || major < 23 {
		skipOrFail(t, fmt.Sprintf("%q is older than docker 23, and its lists have another form", version))
	}
	r := newRegistry(images())
	return &docker{program: program, config: t.TempDir(), proxy: r.serve(t), registry: r}
}

// skipOrFail skips the test, or fails it if TRANSSHIP_REQUIRE_ALL is 1.
func skipOrFail(t *testing.T, sentence string) {
	t.Helper()
	if os.Getenv("TRANSSHIP_REQUIRE_ALL") == "1" {
		t.Fatal(sentence + ", and TRANSSHIP_REQUIRE_ALL is set")
	}
	t.Skip(sentence)
}

// store returns the store of docker's lists.
func (d *docker) store() liststore.Store {
	return liststore.Store{Root: filepath.Join(d.config, "manifests")}
}

// try runs docker manifest.
func (d *docker) try(args ...string) (stdout, stderr string, err error) {
	cmd := exec.Command(d.program, append([]string{"manifest"}, args...)...)
	cmd.Env = []string{"HOME=" + d.config, "DOCKER_CONFIG=" + d.config, "HTTPS_PROXY=" + d.proxy}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// manifest runs docker manifest and returns its standard output.
func (d *docker) manifest(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := d.try(args...)
	if err != nil {
		t.Fatalf("docker manifest %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}

// The golden lists are those that docker makes from the fixture's images.
func TestDockerMakesGoldenFiles(t *testing.T) {
	d := newDocker(t)
	for _, g := range goldenLists(t) {
		d.manifest(t, append([]string{"create", "--insecure", g.list}, g.images...)...)
		for image, a := range g.annotate {
			d.manifest(t, "annotate", g.list, image, "--os", a.OS, "--arch", a.Arch, "--variant", a.Variant,
				"--os-version", a.OSVersion, "--os-features", strings.Join(a.OSFeatures, ","))
		}
		d.manifest(t, "push", "--insecure", g.list)
	}
	if *update {
		updateGolden(t, d)
	}
	if diff := cmp.Diff(readTree(t, golden.Root), readTree(t, d.store().Root)); diff != "" {
		t.Errorf("store (-golden +docker):\n%s", diff)
	}
	for _, g := range goldenLists(t) {
		want := document{mediaType: g.mediaType, text: g.pushed(t)}
		if diff := cmp.Diff(want, d.registry.tag(g.list), cmp.AllowUnexported(document{})); diff != "" {
			t.Errorf("%s (-golden +pushed):\n%s", g.list, diff)
		}
	}
}

// Docker inspects and pushes lists that Store has written.
func TestDockerReadsWhatStoreWrites(t *testing.T) {
	d := newDocker(t)
	for _, g := range goldenLists(t) {
		entries := g.entries()
		for _, e := range entries {
			if err := d.store().Save(g.list, e); err != nil {
				t.Fatal(err)
			}
		}
		verbose, err := json.MarshalIndent(entries, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(verbose)+"\n", d.manifest(t, "inspect", "-v", g.list)); diff != "" {
			t.Errorf("inspect -v %s (-want +docker):\n%s", g.list, diff)
		}
		_, raw, err := liststore.Build(entries)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(raw)+"\n", d.manifest(t, "inspect", g.list)); diff != "" {
			t.Errorf("inspect %s (-want +docker):\n%s", g.list, diff)
		}
		d.manifest(t, "push", "--purge", "--insecure", g.list)
		if diff := cmp.Diff(string(raw), d.registry.tag(g.list).text); diff != "" {
			t.Errorf("push %s (-want +docker):\n%s", g.list, diff)
		}
		if _, err := d.store().List(g.list); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after docker's push --purge: %v", err)
		}
	}
}

// Annotations survive docker's annotate and are lost in its push, as Build's documentation says.
func TestDockerDropsAnnotationsOnPush(t *testing.T) {
	d := newDocker(t)
	e := images()[amd64].entry()
	e.Descriptor.Annotations = map[string]string{"com.example.note": "kept"}
	if err := d.store().Save(list, e); err != nil {
		t.Fatal(err)
	}
	d.manifest(t, "annotate", list, amd64, "--variant", "v2")
	got, err := d.store().Get(list, amd64)
	if err != nil {
		t.Fatal(err)
	}
	liststore.Annotate(&e, liststore.Annotation{Variant: "v2"})
	if diff := cmp.Diff(e, got); diff != "" {
		t.Errorf("(-want +docker):\n%s", diff)
	}
	d.manifest(t, "push", "--insecure", list)
	if text := d.registry.tag(list).text; strings.Contains(text, "com.example.note") {
		t.Errorf("docker pushed %s", text)
	}
}

// Of two images with the same file name docker keeps the first under both names.
func TestDockerConfusesImagesWithSameFileName(t *testing.T) {
	d := newDocker(t)
	second := host + "/hczjl/halo/oci:1.6-arm64"
	d.manifest(t, "create", "--insecure", list, ociARM64, second)
	entries, err := d.store().List(list)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Ref != ociARM64 {
		t.Errorf("docker kept %v", entries)
	}
	if _, err := d.store().Get(list, second); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestDockerSupportsWhatDockerSupports(t *testing.T) {
	d := newDocker(t)
	d.manifest(t, "create", "--insecure", list, amd64)
	for _, p := range [][2]string{{"linux", "riscv64"}, {"linux", "loong64"}, {"windows", "arm64"}, {"darwin", "arm64"},
		{"openbsd", "arm64"}, {"unknown", "unknown"}} {
		_, stderr, err := d.try("annotate", list, amd64, "--os", p[0], "--arch", p[1])
		if err != nil && !strings.Contains(stderr, "unsupported os/arch combination") {
			t.Fatal(stderr)
		}
		if got := liststore.DockerSupports(p[0], p[1]); got != (err == nil) {
			t.Errorf("%v: got %t, docker says %v", p, got, err)
		}
	}
}
