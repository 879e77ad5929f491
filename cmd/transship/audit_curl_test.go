package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/distribution/registry"
)

// hostVariable returns the variable that stands for a host in a script of audit curl.
func hostVariable(host string) string {
	return "HOST_" + strings.NewReplacer(".", "_", ":", "_").Replace(host)
}

// runScript runs a shell script, which calls curl, in an empty folder.
func runScript(t *testing.T, text string, env ...string) (dir, output string, err error) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the program curl is not installed")
	}
	dir = t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-s")
	cmd.Stdin, cmd.Dir = strings.NewReader(text), dir
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
	cmd.WaitDelay = time.Until(deadline(t))
	out, err := cmd.CombinedOutput()
	return dir, string(out), err
}

// redirectBlobs redirects GETs of blobs to a storage server that requires a signature in the URL.
func redirectBlobs(t *testing.T, next http.Handler) http.Handler {
	storage := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("signature") != secret {
			http.Error(w, "no signature", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, "http://"+storage+r.URL.Path+"?signature="+secret, http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// The script made of a copy's audit repeats the copy: run in an empty folder with another registry
// as the target, it pushes the same image.
func TestAuditCurlRepeatsCopy(t *testing.T) {
	t.Parallel()
	tokens := func(_ *testing.T, next http.Handler) http.Handler { return &tokenRegistry{next: next} }
	passwords := func(_ *testing.T, next http.Handler) http.Handler { return requirePassword(next) }
	open := func(_ *testing.T, next http.Handler) http.Handler { return next }
	account := user + ":" + password
	one := []string{"--platform", "linux/arm64", "--flatten"} // each call is a run of curl: only "plain" has all platforms
	with := func(flags ...string) []string { return slices.Concat(one, flags) }
	for name, test := range map[string]struct {
		format string
		guard  func(*testing.T, http.Handler) http.Handler // in front of both registries
		flags  []string
		rules  []registry.Rule // of the source, during the copy only
	}{
		"plain":        {"jsonl", open, nil, nil},
		"a HAR":        {"har", open, one, nil},
		"tokens":       {"jsonl", tokens, with("--src-creds", account, "--dst-creds", account), nil},
		"password":     {"jsonl", passwords, with("--src-creds", account, "--dst-creds", account), nil},
		"redirects":    {"jsonl", redirectBlobs, one, nil},
		"chunks":       {"jsonl", open, with("--chunk-size", "64"), nil},
		"one platform": {"jsonl", open, one, nil},
		"attempts": {"jsonl", open, one, []registry.Rule{
			{Match: "^GET .*/manifests/1.6", Times: 1, Status: 503},
			{Match: "^GET .*/blobs/sha256", Times: 2, Cut: registry.CutResponse, After: 3},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "tokens" && name != "redirects" {
				t.Skip("hundreds of runs of curl take long")
			}
			t.Parallel()
			c := newCopySetup(t)
			fresh := startServer(t)
			src, dst, to := listen(t, test.guard(t, c.source)), listen(t, test.guard(t, c.target)),
				listen(t, test.guard(t, fresh))
			c.source.Set(test.rules...)
			file := filepath.Join(c.env["HOME"], "audit."+test.format)
			copied := c.run(append([]string{"copy", "-q", "--audit", file, src + "/src/repo:1.6",
				dst + "/dst/repo:1.6"}, test.flags...)...).want(0)
			text := c.run("audit", "curl", file).want(0).stdout
			c.source.Set()
			env := []string{hostVariable(dst) + "=http://" + to}
			for _, host := range []string{src, dst} {
				env = append(env, strings.Replace(hostVariable(host), "HOST_", "USERPASS_", 1)+"="+account)
			}
			dir, out, err := runScript(t, text, env...)
			if err != nil {
				t.Errorf("%v\n%s\n%s", err, out, text)
				return
			}
			if left, _ := os.ReadDir(dir); len(left) != 1 || left[0].Name() != "blobs" {
				t.Errorf("it leaves %v", left)
			}
			// This copy verifies the digest of every byte it reads.
			_, digest, _ := strings.Cut(strings.TrimSpace(copied.stdout), "@")
			again := c.run("copy", "-q", fresh.host+"/dst/repo@"+digest, startServer(t).host+"/x/y:1").want(0)
			if !strings.HasSuffix(again.stdout, "@"+digest+"\n") || !fresh.has("dst/repo", "1.6") {
				t.Errorf("%s, want %s", again.stdout, digest)
			}
		})
	}
}

// The script fails when a blob does not have the recorded digest.
func TestAuditCurlChecksDigests(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	file := filepath.Join(c.env["HOME"], "audit.jsonl")
	c.run("copy", "-q", "--audit", file, c.src, c.dst).want(0)
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/sha256", Corrupt: true})
	fresh := startServer(t)
	_, out, err := runScript(t, c.run("audit", "curl", file).want(0).stdout, hostVariable(c.target.host)+
		"=http://"+fresh.host)
	if err == nil || !strings.Contains(out, " is not what was recorded") || fresh.has("dst/repo", "1.6") {
		t.Errorf("error %v: %s", err, out)
	}
}

// An index that was cut down to some platforms is fetched by no call. The script asks for it before its first
// call, and repeats the copy once it is there.
func TestAuditCurlOfCutIndex(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	file, folder := filepath.Join(c.env["HOME"], "audit.jsonl"), filepath.Join(c.env["HOME"], "layout")
	c.run("copy", "-q", "--platform", "linux/arm64", "--audit", file, c.src, c.dst).want(0)
	script := c.run("audit", "curl", file).want(0).stdout
	fresh := startServer(t)
	to := hostVariable(c.target.host) + "=http://" + fresh.host
	before := len(c.source.Requests())
	_, out, err := runScript(t, script, to)
	if err == nil || !strings.Contains(out, " is missing, see the top of this script") || strings.Count(out, "\n") != 1 {
		t.Errorf("error %v: %s", err, out)
	}
	if calls := len(c.source.Requests()) - before + len(fresh.Requests()); calls != 0 {
		t.Errorf("it makes %d calls before", calls)
	}
	c.run("copy", "-q", "--platform", "linux/arm64", c.src, "oci:"+folder).want(0)
	if _, out, err := runScript(t, "cd '"+folder+"'\n"+script, to); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, script)
	}
	if want, got := c.run("digest", c.dst).want(0).stdout, c.run("digest", fresh.host+"/dst/repo:1.6").want(0).stdout; got != want {
		t.Errorf("it pushes %s, want %s", got, want)
	}
}
