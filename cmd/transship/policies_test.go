package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// callsOfCopy lists the calls of a cold copy of src/repo:1.6: a list, three images and seven blobs.
const callsOfCopy = `# what a copy calls
GET  SOURCE/v2/src/repo/manifests/1.6
HEAD TARGET/v2/{name}/manifests/{tag}

GET SOURCE/v2/{name}/manifests/{digest} x3
POST TARGET/v2/{name}/blobs/uploads/?mount={digest}&from={name} x7
GET SOURCE/v2/{name}/blobs/{digest} x7
PUT TARGET/v2/{name}/blobs/uploads/{session}?digest={digest} x7
PUT TARGET/v2/{name}/manifests/{digest} x3
---
PUT TARGET/v2/dst/repo/manifests/1.6   # the tag comes last
`

func (c *copySetup) writeCalls(text string) string {
	c.t.Helper()
	return c.writeFile("calls.txt", strings.NewReplacer("SOURCE", c.source.host, "TARGET", c.target.host).Replace(text))
}

// A refused call ends the run with exit code 9 and one error line. It is in the audit and never
// reaches the registry.
func TestPoliciesRefuseCalls(t *testing.T) {
	for name, test := range map[string]struct {
		line   string
		want   wantedError
		method string // of the refused call
	}{
		"host": {"copy --allow-host SOURCE SRC DST",
			wantedError{9, "policy allow-host refuses HEAD http://TARGET/v2/dst/repo/manifests/1.6: TARGET is not among the hosts that may be called", "the call was not sent; --allow-host TARGET allows it"}, "HEAD"},
		"no host": {"copy --allow-host *.example.com,example.com:5000 SRC DST",
			wantedError{9, "policy allow-host refuses ", "the call was not sent; --allow-host 127.0.0.1:"}, ""},
		"reads": {"copy --read-only SRC DST",
			wantedError{9, "policy read-only refuses POST http://TARGET/v2/dst/repo/blobs/uploads/?",
				"leave out --read-only"}, "POST"},
		"calls": {"copy --max-calls 3 SRC DST", wantedError{9, "it would be call 4", "raise --max-calls"}, ""},
		"bytes": {"copy --max-bytes 700 SRC DST",
			wantedError{9, "policy max-bytes refuses GET http://SOURCE/v2/src/repo/manifests/1.6: its answer has 1076 bytes, and 700 of 700 are left", "raise --max-bytes"}, "GET"},
		"expected": {"copy --expect LIST --platform linux/amd64 --flatten SRC DST",
			wantedError{9, "policy expect refuses ", "-v shows its calls"}, ""},
		"missing": {"digest --expect LIST SRC", wantedError{9, "policy expect refuses HEAD", "-v shows its calls"}, ""},
		"several": {"copy --max-calls 3 SRC DST TARGET/other:1",
			wantedError{9, "policy max-calls refuses ", "raise --max-calls"}, ""},
	} {
		c := newCopySetup(t)
		c.source.ResetRequests()
		file := filepath.Join(c.env["HOME"], "audit.jsonl")
		names := strings.NewReplacer("SOURCE", c.source.host, "TARGET", c.target.host, "SRC", c.src, "DST", c.dst,
			"LIST", c.writeCalls(callsOfCopy))
		test.want.message, test.want.hint = names.Replace(test.want.message), names.Replace(test.want.hint)
		c.run(strings.Fields(names.Replace(test.line + " --audit " + file))...).wantError(test.want)
		_, entries := readAudit(t, file)
		refused, passed, answered := 0, 0, 0
		for _, e := range entries {
			if e.Status != 0 {
				answered++
			}
			if e.Refused == "" {
				passed++ // or was cancelled
				continue
			}
			refused++
			if e.Request.Bytes != 0 || e.Error == "" || test.method != "" && refused == 1 && e.Method != test.method ||
				(e.Status == 200) != (name == "bytes" && refused == 1) {
				t.Errorf("%s: %+v", name, e)
			}
		}
		seen := len(c.source.Requests()) + len(c.target.Requests())
		if name == "bytes" {
			passed++ // its answer was refused
		}
		if refused == 0 || seen < answered || seen > passed || c.target.has("dst/repo", "1.6") {
			t.Errorf("%s: %d calls passed, %d were answered, %d were refused, the registries saw %d", name, passed,
				answered, refused, seen)
		}
	}
}

func TestPoliciesAllowCalls(t *testing.T) {
	c := newCopySetup(t)
	c.source.Set(registry.Rule{Match: "^GET /v2/src/repo/manifests/1.6", Times: 1, Status: 503})
	c.run("copy", "-q", "--allow-host", c.source.host+","+c.target.host, "--max-calls", "31", "--max-bytes", "1MB",
		"--expect", c.writeCalls(callsOfCopy), c.src, c.dst).want(0)
	c.run("digest", "--read-only", "--allow-host", "127.0.0.1", "--max-calls", "1", c.dst).want(0)
	c.run("copy", "-q", "--max-calls", "1", "--dst-creds", "a:b", c.dst, c.dst).
		wantError(wantedError{9, "it would be call 2", "--max-calls"})
}

// A run fails at its end if expected calls were not made.
func TestMissingExpectedCalls(t *testing.T) {
	c := newCopySetup(t)
	list := c.writeCalls("HEAD /v2/{name}/manifests/{tag}\n---\nGET /v2/{name}/tags/list\n")
	c.run("digest", "--expect", list, c.src).
		wantError(wantedError{9, "policy expect: line 3, GET /v2/{name}/tags/list, was made 0 of 1 times", "--expect"})
}

// A token request counts as a call, and is allowed under --read-only.
func TestPoliciesAndTokens(t *testing.T) {
	c := newCopySetup(t)
	guarded := listen(t, &tokenRegistry{next: c.source})
	src := guarded + "/src/repo:1.6"
	c.run("digest", "--read-only", "--creds", user+":"+password, src).want(0)
	c.run("digest", "--max-calls", "2", "--creds", user+":"+password, src).
		wantError(wantedError{9, "policy max-calls refuses HEAD", "--max-calls"})
}

func TestPolicyUsageErrors(t *testing.T) {
	c := newCopySetup(t)
	bad := c.writeFile("bad.txt", "GET /v2/\nPUT /v2/{repo}\n")
	for line, want := range map[string]wantedError{
		"--allow-host https://a.example": {2, `--allow-host: "https://a.example" is no host`, ""},
		"--allow-host a.example,":        {2, `--allow-host: "" is no host`, ""},
		"--max-calls 0":                  {2, `--max-calls: "0" is not a whole number of 1 or more`, ""},
		"--max-bytes x":                  {2, `--max-bytes: "x" is not a number of bytes`, ""},
		"--expect " + bad: {2,
			"--expect: " + bad + ": line 2: {repo} is none of {name}, {digest}, {tag}, {session}", ""},
		"--expect /no/such": {4, "--expect: stat /no/such: no such file or directory", ""},
	} {
		c.source.ResetRequests()
		c.runFails(fmt.Sprintf("copy %s SRC DST", line), want)
		if n := len(c.source.Requests()); n != 0 {
			t.Errorf("%s: %d calls", line, n)
		}
	}
}
