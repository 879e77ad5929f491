package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// The hosts of the fault matrix. They have no names that would be looked up.
const (
	sourceHost  = "203.0.113.1:80"
	targetHost  = "203.0.113.2:80"
	storageHost = "203.0.113.3:80"
)

// faultTimeout is the longest that a run may take by the clock of its bubble.
const faultTimeout = 30 * time.Minute

// faultSetup is a source registry with a list of three platforms, a storage host that it redirects
// downloads to, and a target registry.
type faultSetup struct {
	program                 *program
	source, target, storage *server
	images                  *registry.Memory // of the target
	list                    blob.Digest      // the digest of the image
}

// faultImages is what no run changes: a store that has src/repo:1.6, and the digest of that image.
type faultImages struct {
	store *registry.Memory
	list  blob.Digest
}

// faultCall is a call of a command: the first request at a server that the pattern matches.
type faultCall struct {
	name  string
	args  string // the command line
	at    func(*faultSetup) *server
	match string
}

const (
	copyLine = "copy --src-plain-http --src-creds user:" + password + " --dst-plain-http --dst-creds user:" + password
	copyArgs = copyLine + " " + sourceHost + "/src/repo:1.6 " + targetHost + "/dst/repo:1.6"
)

func atSource(s *faultSetup) *server  { return s.source }
func atTarget(s *faultSetup) *server  { return s.target }
func atStorage(s *faultSetup) *server { return s.storage }

// faultCalls are the calls of the protocol that a copy makes.
var faultCalls = []faultCall{
	{name: "token of the source", args: copyArgs, at: atSource, match: "^GET /token"},
	{name: "GET list", args: copyArgs, at: atSource, match: "^GET .*/manifests/1.6"},
	{name: "GET manifest", args: copyArgs, at: atSource, match: "^GET .*/manifests/sha256"},
	{name: "GET blob", args: copyArgs, at: atSource, match: "^GET .*/blobs/"},
	{name: "GET blob of the storage", args: copyArgs, at: atStorage, match: "^GET .*/blobs/"},
	{name: "GET referrers", args: strings.Replace(copyArgs, "copy", "copy --referrers", 1), at: atSource, match: "^GET .*/referrers/"},
	{name: "token of the target", args: copyArgs, at: atTarget, match: "^GET /token"},
	{name: "HEAD tag", args: copyArgs, at: atTarget, match: "^HEAD .*/manifests/1.6"},
	{name: "POST mount", args: copyLine + " " + targetHost + "/src/repo:1.6 " + targetHost + "/dst/repo:1.6", at: atTarget, match: "^POST .*mount="},
	{name: "HEAD blob", args: "verify --plain-http --creds user:" + password + " " + targetHost + "/src/repo:1.6", at: atTarget, match: "^HEAD .*/blobs/"},
	{name: "POST upload", args: copyArgs, at: atTarget, match: "^POST"},
	{name: "PATCH", args: strings.Replace(copyArgs, "copy", "copy --chunk-size 1KiB", 1), at: atTarget, match: "^PATCH"},
	{name: "PUT blob", args: copyArgs, at: atTarget, match: "^PUT .*/blobs/"},
	{name: "PUT manifest", args: copyArgs, at: atTarget, match: "^PUT .*/manifests/sha256"},
	{name: "PUT list", args: copyArgs, at: atTarget, match: "^PUT .*/manifests/1.6"},
}

// faults are what happens to a call.
var faults = []struct {
	name string
	rule registry.Rule
}{
	{"no response", registry.Rule{Delay: 1000 * time.Hour}},
	{"a byte a minute", registry.Rule{Pause: time.Minute}},
	{"a byte a second", registry.Rule{Pause: time.Second}},
	{"connection closed", registry.Rule{Cut: registry.CutRequest}},
	{"response lost", registry.Rule{Cut: registry.CutResponse}},
	{"response truncated", registry.Rule{Cut: registry.CutResponse, After: 10}},
	{"response short", registry.Rule{Cut: registry.CutSilently, After: 10}},
	{"byte changed", registry.Rule{Corrupt: true}},
	{"200 HTML", registry.Rule{Status: 200, Body: "<html><title>Log in</title></html>", Header: map[string]string{"Content-Type": "text/html"}}},
	{"204", registry.Rule{Status: 204}},
	{"307 to itself", registry.Rule{Status: 307, Header: map[string]string{"Location": "?again=1"}}},
	{"400", registry.Rule{Status: 400}},
	{"401", registry.Rule{Status: 401}},
	{"403", registry.Rule{Status: 403, Body: `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`}},
	{"404", registry.Rule{Status: 404}},
	{"405", registry.Rule{Status: 405}},
	{"429", registry.Rule{Status: 429}},
	{"429 for a year", registry.Rule{Status: 429, Header: map[string]string{"Retry-After": "31536000"}}},
	{"500", registry.Rule{Status: 500}},
	{"503", registry.Rule{Status: 503}},
	{"other digest", registry.Rule{Header: map[string]string{"Docker-Content-Digest": emptySHA256}}},
	{"other type", registry.Rule{Header: map[string]string{"Content-Type": "text/plain"}}},
}

// TestFaults injects each fault into each call, once and always, and holds the exit codes against
// testdata/faults.txt. Whatever happens, the run ends in time, its tag never points at an incomplete
// image, and nothing is sent after its end.
func TestFaults(t *testing.T) {
	images := faultImages{store: &registry.Memory{}}
	images.list = pushFaultImage(&server{&registry.Faults{Handler: &registry.Handler{Store: images.store}}, t, sourceHost})
	var table strings.Builder
	fmt.Fprintf(&table, "exit codes for a fault that happens once, and always\n")
	for _, call := range faultCalls {
		fmt.Fprintf(&table, "\n%s\n", call.name)
		for _, fault := range faults {
			codes := make([]int, 2)
			for i, times := range []int{1, 0} {
				name := fmt.Sprintf("%s/%s/%s", call.name, fault.name, []string{"once", "always"}[i])
				t.Run(name, func(t *testing.T) {
					rule := fault.rule
					rule.Match, rule.Times = call.match, times
					synctest.Test(t, func(t *testing.T) { codes[i] = runFault(t, images, call, rule) })
				})
			}
			fmt.Fprintf(&table, "  %-20s %d %d\n", fault.name, codes[0], codes[1])
		}
	}
	golden(t, "faults.txt", table.String())
}

// runFault runs a command with a fault in one of its calls, and returns the exit code.
func runFault(t *testing.T, images faultImages, call faultCall, rule registry.Rule) int {
	s := newFaultSetup(t, images, call.args)
	defer s.program.network.close()
	at := call.at(s)
	at.Set(rule)
	start := time.Now()
	o := s.program.run(strings.Fields(call.args)...)
	if took := time.Since(start); took > faultTimeout {
		t.Errorf("%s\ntakes %v:\n%s", o.line, took, o.stderr)
	}
	if at.Count(call.match) == 0 {
		t.Errorf("%s\nsends no %s", o.line, call.match)
	}
	s.checkTarget(t, o, call.args[strings.LastIndex(call.args, targetHost)+len(targetHost)+1:])
	synctest.Wait()
	sent := s.requests()
	time.Sleep(time.Hour)
	if now := s.requests(); now != sent {
		t.Errorf("%s\nsends %d requests after its end", o.line, now-sent)
	}
	return o.code
}

// newFaultSetup starts the servers. The source and the storage have the image src/repo:1.6, and so has the target if
// the command line names it there.
func newFaultSetup(t *testing.T, images faultImages, args string) *faultSetup {
	home := t.TempDir()
	s := &faultSetup{program: &program{t: t, ctx: t.Context(), network: &memoryNetwork{},
		env: map[string]string{"HOME": home, "XDG_RUNTIME_DIR": home, "PATH": home}}}
	s.images, s.list = &registry.Memory{}, images.list
	s.source, s.storage = s.start(t, sourceHost, images.store), s.start(t, storageHost, images.store)
	s.target = s.start(t, targetHost, s.images)
	if strings.Contains(args, targetHost+"/src/repo") {
		pushFaultImage(s.target)
	}
	s.source.Handler = &tokenRegistry{next: redirectToStorage(s.source.Handler)}
	s.target.Handler = &tokenRegistry{next: s.target.Handler}
	return s
}

func (s *faultSetup) start(t *testing.T, host string, images *registry.Memory) *server {
	out := &server{&registry.Faults{Handler: &registry.Handler{Store: images}}, t, host}
	s.program.network.serve(host, out.Faults)
	return out
}

// pushFaultImage gives a registry src/repo:1.6, and returns its digest.
func pushFaultImage(to *server) blob.Digest {
	const repo = "src/repo"
	layer := func(text string) string { return strings.Repeat(text, 1000) }
	return to.pushList(repo, "1.6",
		to.pushImage(repo, "", "linux/amd64", layer("shared"), layer("amd64")),
		to.pushImage(repo, "", "linux/arm64", layer("shared"), layer("arm64"))).Digest
}

// redirectToStorage redirects downloads of blobs to the storage.
func redirectToStorage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, "http://"+storageHost+r.URL.Path, http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// requests returns how many requests the servers got.
func (s *faultSetup) requests() int {
	return len(s.source.Requests()) + len(s.target.Requests()) + len(s.storage.Requests())
}

// checkTarget checks that a run which succeeded has copied the image, and that the tag, if there is
// one, points at all of it.
func (s *faultSetup) checkTarget(t *testing.T, o result, image string) {
	t.Helper()
	name, tag, _ := strings.Cut(image, ":")
	repo := s.images.Repository(name)
	tagged, err := repo.HeadManifest(t.Context(), tag)
	if o.code != 0 && err != nil {
		return
	}
	if err != nil || tagged.Digest != s.list {
		t.Errorf("%s\nexits with %d, and the tag is %s, %v:\n%s", o.line, o.code, tagged.Digest, err, o.stderr)
		return
	}
	if err := checkComplete(t.Context(), repo, tag); err != nil {
		t.Errorf("%s\nexits with %d, and the tag points at an incomplete image: %v\n%s", o.line, o.code, err, o.stderr)
	}
}

// checkComplete returns what a repository lacks of an image.
func checkComplete(ctx context.Context, repo registry.Repository, ref string) error {
	m, err := repo.Manifest(ctx, ref)
	if err != nil {
		return err
	}
	references, err := m.References()
	missing := []error{err}
	for _, d := range references {
		if manifest.IsManifest(d.MediaType) {
			missing = append(missing, checkComplete(ctx, repo, string(d.Digest)))
			continue
		}
		_, err := repo.HeadBlob(ctx, d.Digest)
		missing = append(missing, err)
	}
	return errors.Join(missing...)
}
