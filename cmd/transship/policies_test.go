package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// copyOfHalo lists the calls of a cold copy of the test's image: a list, three images and seven blobs.
const copyOfHalo = `# what a copy calls
GET  SOURCE/v2/halohub/halo/manifests/1.6
HEAD TARGET/v2/{name}/manifests/{tag}

GET SOURCE/v2/{name}/manifests/{digest} x3
POST TARGET/v2/{name}/blobs/uploads/?mount={digest}&from={name} x7
GET SOURCE/v2/{name}/blobs/{digest} x7
PUT TARGET/v2/{name}/blobs/uploads/{session}?digest={digest} x7
PUT TARGET/v2/{name}/manifests/{digest} x3
---
PUT TARGET/v2/hczjl/halo/manifests/1.6   # the tag comes last
`

func (v *voyage) list(text string) string {
	v.t.Helper()
	return v.write("calls.txt", strings.NewReplacer("SOURCE", v.source.host, "TARGET", v.target.host).Replace(text))
}

// A refused call ends the run with 9 and one clear line, is in the audit, and never reaches the registry.
func TestPolicies(t *testing.T) {
	for name, test := range map[string]struct {
		line   string
		want   complaint
		method string // of the refused call
	}{
		"host":     {"copy --allow-host SOURCE SRC DST", complaint{9, "policy allow-host refuses HEAD http://TARGET/v2/hczjl/halo/manifests/1.6: TARGET is not among the hosts that may be called", "nothing of it was sent; --allow-host TARGET lets it pass"}, "HEAD"},
		"no host":  {"copy --allow-host *.example.com,example.com:5000 SRC DST", complaint{9, "policy allow-host refuses ", "nothing of it was sent; --allow-host 127.0.0.1:"}, ""},
		"reads":    {"copy --read-only SRC DST", complaint{9, "policy read-only refuses POST http://TARGET/v2/hczjl/halo/blobs/uploads/?", "leave out --read-only"}, "POST"},
		"calls":    {"copy --max-calls 3 SRC DST", complaint{9, "it would be call 4", "raise --max-calls"}, ""},
		"bytes":    {"copy --max-bytes 700 SRC DST", complaint{9, "policy max-bytes refuses GET http://SOURCE/v2/halohub/halo/manifests/1.6: its answer has 1076 bytes, and 700 of 700 are left", "raise --max-bytes"}, "GET"},
		"expected": {"copy --expect LIST --platform linux/amd64 --flatten SRC DST", complaint{9, "policy expect refuses ", "-v shows its calls"}, ""},
		"missing":  {"digest --expect LIST SRC", complaint{9, "policy expect refuses HEAD", "-v shows its calls"}, ""},
		"several":  {"copy --max-calls 3 SRC DST TARGET/other:1", complaint{9, "policy max-calls refuses ", "raise --max-calls"}, ""},
	} {
		v := newVoyage(t)
		v.source.Forget()
		file := filepath.Join(v.env["HOME"], "audit.jsonl")
		names := strings.NewReplacer("SOURCE", v.source.host, "TARGET", v.target.host, "SRC", v.src, "DST", v.dst, "LIST", v.list(copyOfHalo))
		test.want.says, test.want.hint = names.Replace(test.want.says), names.Replace(test.want.hint)
		v.run(strings.Fields(names.Replace(test.line + " --audit " + file))...).complains(test.want)
		_, entries := audited(t, file)
		refused, passed, answered := 0, 0, 0
		for _, e := range entries {
			if e.Status != 0 {
				answered++
			}
			if e.Refused == "" {
				passed++ // or was stopped on its way
				continue
			}
			refused++
			if e.Request.Bytes != 0 || e.Error == "" || test.method != "" && refused == 1 && e.Method != test.method || (e.Status == 200) != (name == "bytes" && refused == 1) {
				t.Errorf("%s: %+v", name, e)
			}
		}
		seen := len(v.source.Requests()) + len(v.target.Requests())
		if name == "bytes" {
			passed++ // its answer was refused
		}
		if refused == 0 || seen < answered || seen > passed || v.target.has("hczjl/halo", "1.6") {
			t.Errorf("%s: %d calls passed, %d were answered, %d were refused, the registries saw %d", name, passed, answered, refused, seen)
		}
	}
}

// What a run may do it does.
func TestPoliciesThatAllow(t *testing.T) {
	v := newVoyage(t)
	v.source.Set(registry.Rule{On: "^GET /v2/halohub/halo/manifests/1.6", Times: 1, Status: 503})
	v.run("copy", "-q", "--allow-host", v.source.host+","+v.target.host, "--max-calls", "31", "--max-bytes", "1MB",
		"--expect", v.list(copyOfHalo), v.src, v.dst).want(0)
	v.run("digest", "--read-only", "--allow-host", "127.0.0.1", "--max-calls", "1", v.dst).want(0)
	v.run("copy", "-q", "--max-calls", "1", "--dst-creds", "a:b", v.dst, v.dst).complains(complaint{9, "it would be call 2", "--max-calls"})
}

// Calls that are expected and never made fail the run at its end.
func TestExpectedCallsThatAreMissing(t *testing.T) {
	v := newVoyage(t)
	list := v.list("HEAD /v2/{name}/manifests/{tag}\n---\nGET /v2/{name}/tags/list\n")
	v.run("digest", "--expect", list, v.src).complains(complaint{9, "policy expect: line 3, GET /v2/{name}/tags/list, was made 0 of 1 times", "--expect"})
}

// A token server is a host like others, and asking for a token does not write.
func TestPoliciesAndTokens(t *testing.T) {
	v := newVoyage(t)
	guarded := listen(t, &harbour{next: v.source})
	src := guarded + "/halohub/halo:1.6"
	v.run("digest", "--read-only", "--creds", user+":"+password, src).want(0)
	v.run("digest", "--max-calls", "2", "--creds", user+":"+password, src).complains(complaint{9, "policy max-calls refuses HEAD", "--max-calls"})
}

func TestBadPolicies(t *testing.T) {
	v := newVoyage(t)
	bad := v.write("bad.txt", "GET /v2/\nPUT /v2/{repo}\n")
	for line, want := range map[string]complaint{
		"--allow-host https://a.example": {2, `--allow-host: "https://a.example" is no host`, ""},
		"--allow-host a.example,":        {2, `--allow-host: "" is no host`, ""},
		"--max-calls 0":                  {2, `--max-calls: "0" is no whole number from 1 on`, ""},
		"--max-bytes x":                  {2, `--max-bytes: "x" is no number of bytes`, ""},
		"--expect " + bad:                {2, "--expect: " + bad + ": line 2: {repo} is none of {name}, {digest}, {tag}, {session}", ""},
		"--expect /no/such":              {2, "--expect: open /no/such: no such file or directory", ""},
	} {
		v.source.Forget()
		v.fails(fmt.Sprintf("copy %s SRC DST", line), want)
		if n := len(v.source.Requests()); n != 0 {
			t.Errorf("%s: %d calls", line, n)
		}
	}
}
