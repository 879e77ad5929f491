package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// platforms are the real image's platforms, with their tags and annotations in the re-hosted image.
var platforms = []struct {
	platform, tag string
	annotate      []string
}{
	{"linux/amd64", "amd64", []string{"--os", "linux", "--arch", "amd64"}},
	{"linux/arm64", "arm64", []string{"--os", "linux", "--arch", "arm64"}},
	{"linux/arm/v7", "arm32", []string{"--os", "linux", "--arch", "arm", "--variant", "v7"}},
}

// rehosting is the manual way to re-host a multi-platform image: the images of the platforms are
// pushed under their own tags, and a list of them is created, annotated and pushed.
type rehosting struct {
	list   string
	images []string // in the order of platforms
}

// steps returns the manifest commands in order; the last one is push. docker needs --insecure for
// registries without TLS, even on loopback.
func (r rehosting) steps() [][]string {
	steps := [][]string{append([]string{"create", "--insecure", r.list}, r.images...)}
	for i, p := range platforms {
		steps = append(steps, append([]string{"annotate", r.list, r.images[i]}, p.annotate...))
	}
	return append(steps, []string{"push", "--insecure", r.list})
}

// run runs some of the steps and returns their output.
func run(t testing.TB, p servers.Program, steps [][]string) string {
	t.Helper()
	var printed strings.Builder
	for _, step := range steps {
		printed.WriteString(p.Output(t, append([]string{"manifest"}, step...)...))
	}
	return printed.String()
}

// The manual steps with transship give docker's list and leave what docker would leave.
func TestRehostSteps(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := servers.CNCF(t, servers.Options{}), start(t, servers.Options{})
			im := fixture.Real()
			official := push(t, from, im, "src/repo", "1.6")
			transship, config := servers.Transship(t)

			// docker pull by digest, docker tag and docker push are one copy.
			r := rehosting{list: to.Host + "/dst/repo:1.6"}
			for _, p := range platforms {
				only := im.Only(p.platform)
				source := strings.TrimSuffix(official, ":1.6") + "@" + only.Root().Digest.String()
				r.images = append(r.images, to.Host+"/dst/repo:"+p.tag)
				runCopy(t, transship, only, source, to.Host+"/dst/repo:"+p.tag)
			}
			printed := run(t, transship, r.steps())
			want := "Created manifest list " + r.list + "\n" + im.Root().Digest.String() + "\n"
			if diff := cmp.Diff(want, printed); diff != "" {
				t.Error(diff)
			}
			verify(t, to, im, "dst/repo", "1.6")

			transship.Output(t, "manifest", "rm", r.list)
			if left := readFiles(t, filepath.Join(config, "manifests")); len(left) > 0 {
				t.Errorf("after manifest rm: %v", left)
			}
			inspected := transship.Output(t, "manifest", "inspect", r.list)
			if diff := cmp.Diff(string(im.Root().Raw)+"\n", inspected); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// readFiles returns the contents of the files below a folder; none if the folder does not exist.
func readFiles(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found[name] = string(raw)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return found
}

// comparison runs docker and transship with the same arguments against the same registry, each with
// its own configuration.
type comparison struct {
	docker          *servers.DockerCLI
	transship       servers.Program
	transshipConfig string
}

func newComparison(t *testing.T, docker *servers.DockerCLI) comparison {
	t.Helper()
	own := *docker
	own.Config = t.TempDir()
	own.Env = append(slices.Clone(docker.Env), "DOCKER_CONFIG="+own.Config)
	c := comparison{docker: &own}
	c.transship, c.transshipConfig = servers.Transship(t)
	return c
}

// wantSameOutput runs a command with both and compares standard output. Where docker fails,
// transship must fail with the same message; only its exit code may differ.
func (c comparison) wantSameOutput(t *testing.T, args ...string) {
	t.Helper()
	want, got := c.docker.Run(t, args...), c.transship.Run(t, args...)
	if diff := cmp.Diff(want.Stdout, got.Stdout); diff != "" || (want.Exit == 0) != (got.Exit == 0) {
		t.Errorf("%s: docker %s exits with %d, transship with %d\n%s%s%s", strings.Join(args, " "), c.docker.Version,
			want.Exit, got.Exit, want.Stderr, got.Stderr, diff)
	}
	if want.Exit != 0 && !strings.Contains(got.Stderr, ": "+want.Stderr) {
		t.Errorf("%s: docker %s says %q, transship %q", strings.Join(args, " "), c.docker.Version,
			want.Stderr, got.Stderr)
	}
}

// wantSameLists compares the local lists on disk.
func (c comparison) wantSameLists(t *testing.T) {
	t.Helper()
	want, got := readFiles(t, filepath.Join(c.docker.Config, "manifests")),
		readFiles(t, filepath.Join(c.transshipConfig, "manifests"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("local lists (- docker %s, + transship):\n%s", c.docker.Version, diff)
	}
}

// variants are the images of the comparison with docker.
var variants = map[string]func() fixture.Image{
	"docker": fixture.Real,
	"OCI":    func() fixture.Image { return fixture.Real().OCI() },
}

// pushPlatforms pushes each platform's image under its own tag.
func pushPlatforms(t *testing.T, at *servers.Registry, im fixture.Image, repository string) rehosting {
	t.Helper()
	r := rehosting{list: at.Host + "/" + repository + ":1.6"}
	for _, p := range platforms {
		r.images = append(r.images, push(t, at, im.Only(p.platform), repository, p.tag))
	}
	return r
}

// Every step prints what docker prints and leaves the same files, and the pushed list has docker's
// bytes. Old docker has another store and does not know OCI images: there only the pushed list is
// compared.
func TestListsEqualDockers(t *testing.T) {
	t.Parallel()
	for _, docker := range servers.DockerVersions(t) {
		for name, image := range variants {
			if !docker.KnowsOCI && name == "OCI" {
				continue // docker says "no such manifest"
			}
			t.Run(docker.Version+"/"+name, func(t *testing.T) {
				t.Parallel()
				at := servers.CNCF(t, servers.Options{})
				c := newComparison(t, docker)
				r := pushPlatforms(t, at, image(), "dst/repo")
				var lists [][]byte
				for _, p := range []servers.Program{c.docker.Program, c.transship} {
					run(t, p, r.steps())
					m, err := at.Repository("dst/repo").Manifest(t.Context(), "1.6")
					if err != nil {
						t.Fatal(err)
					}
					lists = append(lists, append([]byte(m.MediaType+"\n"), m.Raw...))
				}
				if !bytes.Equal(lists[0], lists[1]) {
					t.Errorf("docker %s pushed\n%s\ntransship pushed\n%s", docker.Version, lists[0], lists[1])
				}
				if docker.KnowsOCI {
					c.wantSameLists(t)
				}
			})
		}
	}
}

// Compares the output of each command, also where it fails.
func TestOutputEqualsDockers(t *testing.T) {
	t.Parallel()
	for _, docker := range servers.DockerVersions(t) {
		if !docker.KnowsOCI {
			continue // its store and what it prints of it are others
		}
		for name, image := range variants {
			t.Run(docker.Version+"/"+name, func(t *testing.T) {
				t.Parallel()
				at := servers.CNCF(t, servers.Options{})
				im := image()
				r := pushPlatforms(t, at, im, "dst/repo")
				other := push(t, at, im.Only("linux/arm64"), "other/repo", "arm64")
				newComparison(t, docker).compareSteps(t, at.Host, r, other)
			})
		}
	}
}

func (c comparison) compareSteps(t *testing.T, host string, r rehosting, other string) {
	t.Helper()
	list, missing := r.list, host+"/dst/repo:missing"
	for _, args := range [][]string{
		{"create", "--insecure", list, r.images[0]},
		{"create", "--insecure", list, r.images[1]},                         // no --amend
		{"create", "--insecure", "--amend", list, r.images[1], r.images[2]}, // added
		{"annotate", list, r.images[2], "--variant", "v6", "--os-features", "a,b"},
		{"annotate", "--variant", "v7", "--os-features", "b,c", "--os-version", "1.2", list, r.images[2]},
		{"annotate", list, missing, "--os", "linux"},
		{"annotate", missing, r.images[0], "--os", "linux"},
		{"inspect", list},
		{"inspect", "-v", list},
		{"inspect", list, r.images[2]},
		{"inspect", "--verbose", list, r.images[2]},
		{"inspect", list, missing},
		{"push", "--insecure", list},
		{"inspect", "--insecure", r.images[0]},
		{"inspect", "--insecure", "-v", r.images[0]},
		{"inspect", "--insecure", missing},
		{"create", "--insecure", "--amend", list, other},
		{"push", "-p", "--insecure", list},
		{"inspect", "--insecure", list},
		{"inspect", "--insecure", "-v", list},
		{"push", list},
		{"rm", list},
		{"create", "--insecure", list, r.images[0]},
		{"rm", list},
		{"create", "--insecure", missing, missing},
	} {
		c.wantSameOutput(t, append([]string{"manifest"}, args...)...)
		c.wantSameLists(t)
	}
}

// A list begun with docker is finished with transship, and the other way round, at every step.
func TestAlternatingWithDocker(t *testing.T) {
	t.Parallel()
	for _, docker := range servers.DockerVersions(t) {
		t.Run(docker.Version, func(t *testing.T) {
			t.Parallel()
			at := servers.CNCF(t, servers.Options{})
			im := fixture.Real()
			r := pushPlatforms(t, at, im, "dst/repo")
			transship, _ := servers.Transship(t)
			transship.Env = append(transship.Env, "DOCKER_CONFIG="+docker.Config)
			for _, turn := range []struct {
				name          string
				first, second servers.Program
			}{
				{"docker first", docker.Program, transship},
				{"transship first", transship, docker.Program},
			} {
				for n := 1; n < len(r.steps()); n++ {
					run(t, turn.first, r.steps()[:n])
					printed := run(t, turn.second, r.steps()[n:])
					if want := im.Root().Digest.String() + "\n"; printed != want {
						t.Errorf("%s, %d steps: printed %q, want %q", turn.name, n, printed, want)
					}
					verify(t, at, im, "dst/repo", "1.6")
					run(t, turn.first, [][]string{{"rm", r.list}})
				}
			}
		})
	}
}
