package e2e

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// The files of docs/ci: their syntax is that of the program that reads them, and their transship
// lines copy the images of a list to a registry with a password.
func TestCIFiles(t *testing.T) {
	t.Parallel()
	src := servers.CNCF(t, servers.Options{})
	push(t, src, fixture.Real(), "team/app", "1.6")
	for name, lines := range map[string]func(t *testing.T, path string) []string{
		"github.yml": githubLines, "gitlab.yml": gitlabLines, "cronjob.yaml": cronJobLines,
		"crontab": crontabLines, "transship-mirror.service": serviceLines, "transship-mirror.timer": timerLines,
	} {
		t.Run(name, func(t *testing.T) {
			run := lines(t, filepath.Join("../../docs/ci", name))
			if len(run) == 0 {
				return
			}
			users := map[string]string{"user": "word of the user"}
			dst := servers.CNCF(t, servers.Options{Users: users})
			shell := newPageShell(t)
			shell.Env = append(shell.Env, "NAME=user", "REGISTRY_USER=user", "STATE_DIRECTORY="+shell.Dir,
				"PASSWORD="+users["user"], "REGISTRY_PASSWORD="+users["user"])
			writeFile(t, shell.Dir, "images.txt", src.Host+"/team/app:1.6\n")
			names := strings.NewReplacer("registry.example.com", dst.Host, "./transship", "transship",
				"/usr/local/bin/transship", "transship", "/etc/transship/images.txt", "images.txt", "/list/images.txt", "images.txt",
				"/tmp/transship-mirror.lock", "lock")
			login := `printf '%s' "$PASSWORD" | transship login -u user --password-stdin registry.example.com`
			if !strings.Contains(strings.Join(run, " "), " login ") {
				run = append([]string{login}, run...)
			}
			script := names.Replace(strings.Join(run, "\n"))
			if r := shell.Run(t, script); r.Exit != 0 {
				t.Fatalf("exit %d\n%s\n%s%s", r.Exit, script, r.Stdout, r.Stderr)
			}
			verify(t, dst, fixture.Real(), "mirror/team/app", "1.6")
		})
	}
}

// decodeYAML decodes a file that has one document. Members that the type does not have are ignored;
// a member twice is an error.
func decodeYAML(t *testing.T, path string, v any) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d := yaml.NewDecoder(file)
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
	var more any
	if err := d.Decode(&more); err != io.EOF {
		t.Fatalf("more than one document: %v", err)
	}
}

// githubLines returns what the steps of a workflow run, without the one that downloads.
func githubLines(t *testing.T, path string) []string {
	var workflow struct {
		On   map[string]any
		Jobs map[string]struct {
			RunsOn string `yaml:"runs-on"`
			Steps  []struct{ Name, Uses, Run string }
		}
	}
	decodeYAML(t, path, &workflow)
	var out []string
	for _, step := range workflow.Jobs["mirror"].Steps {
		if (step.Uses == "") == (step.Run == "") {
			t.Errorf("step %q has neither uses nor run, or both", step.Name)
		}
		if step.Run != "" && !strings.Contains(step.Run, "curl ") {
			out = append(out, step.Run)
		}
	}
	if workflow.On["schedule"] == nil || workflow.Jobs["mirror"].RunsOn == "" {
		t.Error("no schedule, or no runner")
	}
	return out
}

// gitlabLines returns what the jobs run, after the common script.
func gitlabLines(t *testing.T, path string) []string {
	type job struct {
		Before []string `yaml:"before_script"`
		Script []string
		Rules  []map[string]any
	}
	var file map[string]job
	decodeYAML(t, path, &file)
	if len(file["mirror"].Rules) == 0 || len(file["plan"].Script) == 0 {
		t.Error("no rules of mirror, or no script of plan")
	}
	return slices.Concat(file["default"].Before, file["plan"].Script, file["mirror"].Script)
}

// cronJobLines returns the command of the job's container.
func cronJobLines(t *testing.T, path string) []string {
	type podSpec struct {
		RestartPolicy string `yaml:"restartPolicy"`
		Containers    []struct {
			Image string
			Args  []string
		}
	}
	var job struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Spec       struct {
			Schedule    string
			JobTemplate struct {
				Spec struct {
					Template struct{ Spec podSpec }
				}
			} `yaml:"jobTemplate"`
		}
	}
	decodeYAML(t, path, &job)
	pod := job.Spec.JobTemplate.Spec.Template.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "CronJob" || !cronTime.MatchString(job.Spec.Schedule+" ") ||
		pod.RestartPolicy != "Never" || len(pod.Containers) != 1 {
		t.Fatalf("no job: %+v", job)
	}
	return []string{"transship " + strings.Join(pod.Containers[0].Args, " ")}
}

// cronTime is the beginning of a line of a user's crontab (crontab(5)), without names and steps.
var cronTime = regexp.MustCompile(`^([0-5]?\d|\*) ([01]?\d|2[0-3]|\*) ([1-9]|[12]\d|3[01]|\*) ([1-9]|1[0-2]|\*) ([0-7]|\*)\s+`)

// crontabLines returns the commands of a crontab.
func crontabLines(t *testing.T, path string) []string {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		when := cronTime.FindString(line)
		if when == "" || strings.Contains(line, "%") { // % is a newline there
			t.Errorf("no line of a crontab: %q", line)
		}
		out = append(out, strings.TrimPrefix(line, when))
	}
	return out
}

// serviceLines returns what a service starts.
func serviceLines(t *testing.T, path string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindAllStringSubmatch(verifiedUnit(t, path), -1) {
		out = append(out, m[1])
	}
	return out
}

// timerLines checks a timer, which starts nothing itself.
func timerLines(t *testing.T, path string) []string {
	verifiedUnit(t, path)
	return nil
}

// verifiedUnit returns a unit of systemd. Where systemd-analyze is installed, the unit is verified
// in a folder with all of docs/ci, with another program in place of one that is not installed.
func verifiedUnit(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir, unit := t.TempDir(), filepath.Base(path)
	for _, name := range []string{"transship-mirror.service", "transship-mirror.timer"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, dir, name, strings.ReplaceAll(string(text), "/usr/local/bin/transship", "/bin/true"))
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return string(raw) // not every system has systemd
	}
	r := servers.Program{Path: analyze, Env: []string{"PATH=/usr/bin:/bin"}}.Run(t, "verify", filepath.Join(dir, unit))
	if complaints := strings.TrimSpace(r.Stdout + r.Stderr); r.Exit != 0 || strings.Contains(complaints, dir) {
		t.Errorf("exit %d\n%s", r.Exit, complaints)
	}
	return string(raw)
}
