package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// The files of docs/ci and docs/deploy: their syntax is that of the program that reads them, and their transship
// lines copy the images of a list to a registry with a password.
func TestCIFiles(t *testing.T) {
	t.Parallel()
	src := servers.CNCF(t, servers.Options{})
	push(t, src, fixture.Real(), "team/app", "1.6")
	for name, lines := range map[string]func(t *testing.T, path string) []string{
		"ci/github.yml": githubLines, "ci/gitlab.yml": gitlabLines, "ci/crontab": crontabLines,
		"deploy/kubernetes/cronjob.yaml": cronJobLines, "deploy/kubernetes/job.yaml": indexedJobLines,
		"deploy/kubernetes/secret.yaml":           secretLines,
		"deploy/systemd/transship-mirror.service": serviceLines, "deploy/systemd/transship-mirror.timer": timerLines,
	} {
		t.Run(name, func(t *testing.T) {
			run := lines(t, filepath.Join("../../docs", name))
			if len(run) == 0 {
				return
			}
			users := map[string]string{"user": "word of the user"}
			dst := servers.CNCF(t, servers.Options{Users: users})
			shell := newPageShell(t)
			shell.Env = append(shell.Env, "NAME=user", "REGISTRY_USER=user", "STATE_DIRECTORY="+shell.Dir,
				"PASSWORD="+users["user"], "REGISTRY_PASSWORD="+users["user"])
			writeFile(t, shell.Dir, "images.txt", src.Host+"/team/app:1.6\n")
			names := strings.NewReplacer("registry.example.com", dst.Host, "registry.example.org", src.Host, "/state/", "", "./transship", "transship",
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

// decodeStrictly decodes a file of Kubernetes as its API server does: into the type of the API itself. A member that the type
// does not have is an error.
func decodeStrictly(t *testing.T, path string, v any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := k8syaml.UnmarshalStrict(raw, v); err != nil {
		t.Fatal(err)
	}
}

// cronJobLines returns the command of the job's container.
func cronJobLines(t *testing.T, path string) []string {
	var job batchv1.CronJob
	decodeStrictly(t, path, &job)
	pod := job.Spec.JobTemplate.Spec.Template.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "CronJob" || !cronTime.MatchString(job.Spec.Schedule+" ") ||
		job.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent || pod.RestartPolicy != corev1.RestartPolicyNever {
		t.Fatalf("no job: %+v", job)
	}
	return []string{"transship " + strings.Join(container(t, pod).Args, " ")}
}

// container returns the one container of a pod. What it mounts must be a volume of the pod.
func container(t *testing.T, pod corev1.PodSpec) corev1.Container {
	t.Helper()
	if len(pod.Containers) != 1 {
		t.Fatalf("%d containers", len(pod.Containers))
	}
	for _, m := range pod.Containers[0].VolumeMounts {
		if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
			t.Errorf("no volume %s", m.Name)
		}
	}
	return pod.Containers[0]
}

// indexedJobLines returns the command of each worker of the job, with the variables that it has.
func indexedJobLines(t *testing.T, path string) []string {
	var job batchv1.Job
	decodeStrictly(t, path, &job)
	spec := job.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || spec.CompletionMode == nil || spec.Completions == nil ||
		*spec.CompletionMode != batchv1.IndexedCompletion || spec.Template.Spec.RestartPolicy != corev1.RestartPolicyOnFailure {
		t.Fatalf("no Indexed Job: %+v", job)
	}
	c := container(t, spec.Template.Spec)
	var out []string
	for i := range *spec.Completions {
		line := fmt.Sprintf("JOB_COMPLETION_INDEX=%d ", i)
		for _, v := range c.Env {
			if v.Name == "JOB_COMPLETIONS" {
				line += v.Name + "=" + v.Value + " "
			}
		}
		if !strings.Contains(line, fmt.Sprintf("JOB_COMPLETIONS=%d ", *spec.Completions)) {
			t.Errorf("JOB_COMPLETIONS is not spec.completions: %s", line)
		}
		args := strings.ReplaceAll(strings.Join(c.Args, " "), "/state/", fmt.Sprint("/state/", i))
		out = append(out, line+"transship "+args) // each pod has a volume of its own
	}
	return out
}

// secretLines checks a secret, which starts nothing: its config.json has accounts as docker reads them.
func secretLines(t *testing.T, path string) []string {
	var secret corev1.Secret
	decodeStrictly(t, path, &secret)
	var config struct {
		Auths map[string]struct{ Auth []byte }
	}
	if err := json.Unmarshal([]byte(secret.StringData["config.json"]), &config); err != nil {
		t.Fatal(err)
	}
	if secret.APIVersion != "v1" || secret.Kind != "Secret" || len(config.Auths) != 2 {
		t.Fatalf("no secret with two accounts: %+v", secret)
	}
	for host, account := range config.Auths {
		if string(account.Auth) != "NAME:PASSWORD" {
			t.Errorf("%s: %q", host, account.Auth)
		}
	}
	return nil
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
// in a folder with all of docs/deploy/systemd, with another program in place of one that is not installed.
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
