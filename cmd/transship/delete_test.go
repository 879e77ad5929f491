package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/deletecmd"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// startDeleteServer starts a registry with app: 1.5, 1.10 and latest are one image, 2 is another.
func startDeleteServer(t testing.TB) (*server, manifest.Descriptor) {
	t.Helper()
	s := startServer(t)
	s.pushImage("app", "2", "linux/amd64", "two")
	var d manifest.Descriptor
	for _, tag := range []string{"latest", "1.10", "1.5"} {
		d = s.pushImage("app", tag, "linux/amd64", "one")
	}
	s.ResetRequests()
	return s, d
}

// calls returns the methods and references of the manifest calls, in order.
func (s *server) manifestCalls() []string {
	var out []string
	for _, r := range s.Requests() {
		if _, ref, ok := strings.Cut(r.URL, "/manifests/"); ok {
			out = append(out, r.Method+" "+ref)
		}
	}
	return out
}

// Only the tag goes, by one HEAD and one DELETE.
func TestDeleteTag(t *testing.T) {
	s, d := startDeleteServer(t)
	o := newProgram(t).run("delete", s.host+"/app:1.5").want(0)
	if want := "Untagged: " + s.host + "/app:1.5@" + string(d.Digest) + "\n"; o.stdout != want {
		t.Errorf("prints %q, want %q", o.stdout, want)
	}
	if diff := cmp.Diff([]string{"HEAD 1.5", "DELETE 1.5"}, s.manifestCalls()); diff != "" {
		t.Error(diff)
	}
	if s.has("app", "1.5") || !s.has("app", "1.10") || !s.has("app", string(d.Digest)) {
		t.Errorf("left: %s", s.tagNames("app"))
	}
}

// --manifest deletes the digest, which a tag may stand for, and prints its tags before it does.
func TestDeleteManifest(t *testing.T) {
	for _, suffix := range []string{":1.5", "@DIGEST", ":1.5@DIGEST"} {
		s, d := startDeleteServer(t)
		ref := s.host + "/app" + strings.Replace(suffix, "DIGEST", string(d.Digest), 1)
		o := newProgram(t).run("delete", "-v", "--manifest", ref).want(0)
		first := strings.Index(o.stderr, "goes with the digest: "+s.host+"/app:1.5\n")
		last := strings.Index(o.stderr, "goes with the digest: "+s.host+"/app:latest\n")
		if first < 0 || last < first || strings.Index(o.stderr, " DELETE ") < last {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
		var want string
		for _, tag := range []string{"1.5", "1.10", "latest"} {
			want += "Untagged: " + s.host + "/app:" + tag + "@" + string(d.Digest) + "\n"
		}
		if want += "Deleted: " + s.host + "/app@" + string(d.Digest) + "\n"; o.stdout != want {
			t.Errorf("%s\nprints %q, want %q", o.line, o.stdout, want)
		}
		if got := s.tagNames("app"); got != "2" || s.has("app", string(d.Digest)) {
			t.Errorf("%s\nleaves %s", o.line, got)
		}
	}
}

// A repository whose images have no tag is answered with 404 by docker's registry.
func TestDeleteManifestWithoutTags(t *testing.T) {
	s, d := startDeleteServer(t)
	unknown := registry.Rule{Match: "/tags/list", Status: 404, Body: `{"errors":[{"code":"NAME_UNKNOWN","message":"no"}]}`}
	s.Set(unknown)
	newProgram(t).run("delete", "--manifest", s.host+"/app:1.5").want(1, "does not list 1.5 itself")
	s.Set(registry.Rule{Match: "/tags/list", Status: 404})
	newProgram(t).run("delete", "--manifest", s.host+"/app@"+string(d.Digest)).want(4, "are not known")
	s.Set(unknown)
	newProgram(t).run("delete", "--manifest", s.host+"/app@"+string(d.Digest)).want(0)
	if s.has("app", string(d.Digest)) {
		t.Error("it is there")
	}
}

// Nothing is deleted where the tags that would go are not known.
func TestDeleteManifestNeedsTheTags(t *testing.T) {
	for _, match := range []string{"/tags/list", "^HEAD .*/manifests/2$"} {
		s, _ := startDeleteServer(t)
		s.Set(registry.Rule{Match: match, Status: 403})
		newProgram(t).run("delete", "--manifest", s.host+"/app:1.5").
			wantError(wantedError{3, "is not deleted, since the tags that would go with it are not known", "login"})
		if n := s.Count("^DELETE"); n != 0 {
			t.Errorf("%s: %d deleted", match, n)
		}
	}
}

// A registry that deletes no single tags says so, and the digest stays.
func TestDeleteTagNotSupported(t *testing.T) {
	for status, code := range map[int]string{400: "DIGEST_INVALID", 404: "MANIFEST_UNKNOWN", 405: "UNSUPPORTED"} {
		s, _ := startDeleteServer(t)
		s.Set(registry.Rule{Match: "^DELETE .*/manifests/1", Status: status,
			Body: `{"errors":[{"code":"` + code + `","message":"no"}]}`})
		newProgram(t).run("delete", s.host+"/app:1.5").wantError(wantedError{1, "the registry does not delete single tags",
			"transship delete --manifest REF deletes the digest with all its tags"})
		newProgram(t).run("delete", s.host+"/app:1.5", s.host+"/app:1.10").want(1, "2 of 2 failed", "hint: transship delete --manifest")
		if n := s.Count("^DELETE .*sha256:"); n != 0 {
			t.Errorf("%d: %d digests deleted", status, n)
		}
	}
}

// A registry with deletion switched off is no registry without uploads.
func TestDeleteNotEnabled(t *testing.T) {
	s, _ := startDeleteServer(t)
	s.Set(registry.Rule{Match: "^DELETE", Status: 405, Body: `{"errors":[{"code":"UNSUPPORTED","message":"no"}]}`})
	newProgram(t).run("delete", "--manifest", s.host+"/app:1.5").
		wantError(wantedError{1, "405 Method Not Allowed", "REGISTRY_STORAGE_DELETE_ENABLED=true"})
}

// Each REF is tried. One that another has deleted is no failure.
func TestDeleteSeveral(t *testing.T) {
	s, d := startDeleteServer(t)
	app, p := s.host+"/app", newProgram(t)
	p.run("delete", app+":none", app+":2").want(8, app+":none: ", "1 of 2 failed")
	p.run("delete", app+":none", app+":2").want(4, "2 of 2 failed")
	p.run("delete", "--manifest", app+":1.5", app+":latest", app+"@"+string(d.Digest)).
		want(0, app+":latest is deleted already", app+"@"+string(d.Digest)+" is deleted already")
	if n := s.Count("^DELETE .*sha256"); n != 1 {
		t.Errorf("%d digests deleted, want 1", n)
	}
}

// Bad references are found before the first deletion.
func TestDeleteBadReferences(t *testing.T) {
	s, d := startDeleteServer(t)
	app := s.host + "/app"
	for ref, want := range map[string]wantedError{
		app:                              {2, "names no tag", app + ":latest"},
		app + "@" + string(d.Digest):     {2, "is a digest, which is deleted with all its tags", "--manifest"},
		app + ":1.5@" + string(d.Digest): {2, "is a digest", "--manifest"},
		app + ":*":                       {2, "invalid reference", ""},
		"oci:folder:1":                   {2, "is not on a registry", "docker.io/library/"},
		s.host:                           {2, "is a registry", "docker.io/library/"},
		app + "@sha256:abc":              {2, "invalid reference", ""},
		"":                               {2, "invalid reference", ""},
	} {
		newProgram(t).run("delete", app+":1.5", ref).wantError(want)
	}
	newProgram(t).run("delete").wantError(wantedError{2, "want REF [REF...], got 0 arguments", "usage: "})
	if n := s.Count(""); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestDeleteMissing(t *testing.T) {
	s, _ := startDeleteServer(t)
	for _, flag := range []string{"--manifest=false", "--manifest"} {
		p := newProgram(t)
		p.run("delete", flag, s.host+"/app:1.6").wantError(wantedError{4, "404 Not Found", "the nearest tag there is 1.5"})
		p.run("delete", flag, s.host+"/none:1").want(4)
	}
	if n := s.Count("^DELETE"); n != 0 {
		t.Errorf("%d deleted", n)
	}
}

// --plan deletes nothing, and fails where the command would.
func TestDeletePlan(t *testing.T) {
	s, d := startDeleteServer(t)
	p := newProgram(t)
	o := p.run("delete", "--plan", "--manifest", s.host+"/app:1.5").want(0, "goes with the digest: "+s.host+"/app:1.10")
	if want := "202 DELETE http://" + s.host + "/v2/app/manifests/" + string(d.Digest); !strings.Contains(o.stdout, want) ||
		strings.Contains(o.stdout, "Deleted") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	o = p.run("delete", "--plan", s.host+"/app:1.5").want(0)
	if !strings.Contains(o.stdout, "202 DELETE http://"+s.host+"/v2/app/manifests/1.5") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	p.run("delete", "--plan", s.host+"/app:none").want(4)
	p.run("delete", "--read-only", s.host+"/app:1.5").want(9)
	if n := s.Count("^DELETE"); n != 0 {
		t.Errorf("%d deleted", n)
	}
}

func TestDeleteJSON(t *testing.T) {
	s, d := startDeleteServer(t)
	app := s.host + "/app"
	for _, test := range []struct {
		args []string
		code int
		want deletecmd.Report
	}{
		{[]string{app + ":1.5", app + ":none"}, 8, deletecmd.Report{Deleted: []deletecmd.Deletion{
			{Reference: app + ":1.5", Digest: d.Digest, Tags: []string{"1.5"}}}}},
		{[]string{"--manifest", app + ":1.10"}, 0, deletecmd.Report{Outcome: cli.Outcome{OK: true}, Deleted: []deletecmd.Deletion{
			{Reference: app + ":1.10", Digest: d.Digest, Manifest: true, Tags: []string{"1.10", "latest"}}}}},
		{[]string{app + ":none"}, 4, deletecmd.Report{Deleted: []deletecmd.Deletion{}}},
	} {
		o := newProgram(t).run(append([]string{"delete", "--json"}, test.args...)...).want(test.code)
		var got deletecmd.Report
		if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
			t.Fatal(err)
		}
		if test.code != 0 {
			failed := got.Failed[0]
			if got.ExitCode != test.code || len(got.Failed) != 1 || failed.Reference != app+":none" || failed.ExitCode != 4 {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
			got.Failed, got.Failure = nil, cli.Failure{}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s\n%s", o.line, diff)
		}
	}
}

// A page in the registry's place deletes nothing, whatever it answers.
func TestDeleteFromPage(t *testing.T) {
	host := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html>log in</html>"))
	}))
	newProgram(t).run("delete", host+"/app:1").want(7)
}

// A login page that answers DELETE with 200 deletes nothing, and is not taken for a registry's answer.
func TestDeleteAnsweredByALoginPage(t *testing.T) {
	for _, flag := range []string{"--manifest=false", "--manifest"} {
		s, _ := startDeleteServer(t)
		s.Set(registry.Rule{Match: "^DELETE ", Status: 200, Body: "<html><title>Log in</title></html>",
			Header: map[string]string{"Content-Type": "text/html; charset=utf-8"}})
		o := newProgram(t).run("delete", flag, s.host+"/app:1.5")
		o.wantError(wantedError{7, ": 200 OK with text/html, but the registry still has it", "no proxy or login page"})
		if strings.Contains(o.stdout, "Deleted") {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
}
