package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

// wantedError is the expected failure of a run: its exit code, and parts of its error line and of
// its hint.
type wantedError struct {
	code    int
	message string // part of the error line
	hint    string // part of the hint; "" means no hint
}

func (o result) wantError(c wantedError) {
	o.t.Helper()
	o.want(c.code)
	if said := strings.Join(o.errorLines(), ""); !strings.Contains(said, c.message) {
		o.t.Errorf("%s\nsays  %s\nwant  %s", o.line, said, c.message)
	}
	hint := strings.Join(o.hintLines(), "")
	if !strings.Contains(hint, c.hint) || c.hint == "" && hint != "" {
		o.t.Errorf("%s\nhints %q\nwant  %q", o.line, hint, c.hint)
	}
}

func TestUsageErrors(t *testing.T) {
	for line, want := range map[string]wantedError{
		"":                 {2, "a command is missing", ""},
		"cpy a b":          {2, `unknown command "cpy"`, "did you mean copy?"},
		"frobnicate":       {2, `unknown command "frobnicate"`, "transship help lists the commands"},
		"--quiet copy a b": {2, "a command must come before --quiet", "usage: transship COMMAND"},
		"--src-creds=a:" + secret + " copy a b": {2, "a command must come before --src-creds",
			"usage: transship COMMAND"},
		"help cpy": {2, `unknown command "cpy"`, "did you mean copy?"},
		"manifest": {2, "manifest needs a command after it", "transship manifest -h"},
		"manifest crate a": {2, `unknown command "manifest crate"`,
			"did you mean manifest create?"},
		"manifest frob a": {2, `unknown command "manifest frob"`,
			"transship manifest -h lists the commands"},
		"copy":      {2, "want SRC DST [DST...], got 0 arguments", "usage: transship copy [flags] SRC DST [DST...]"},
		"copy a":    {2, "want SRC DST [DST...], got 1 argument", "usage: transship copy [flags] SRC DST [DST...]"},
		"version 1": {2, "want no arguments, got 1", "usage: transship version"},
		"manifest create a": {2, "want LIST IMAGE [IMAGE...], got 1 argument",
			"usage: transship manifest create"},

		"copy --platfrm linux a b":                              {2, "unknown flag --platfrm", "did you mean --platform?"},
		"copy -platfrm=linux a b":                               {2, "unknown flag -platfrm", "did you mean --platform?"},
		"copy --xyzzy a b":                                      {2, "unknown flag --xyzzy", "transship copy -h lists the flags"},
		"copy --dst-cred=x:" + secret + " a b":                  {2, "unknown flag --dst-cred", "did you mean --dst-creds?"},
		"copy ---jobs 3 a b":                                    {2, "unknown flag ---jobs", "did you mean --jobs?"},
		"manifest push --amend x":                               {2, "unknown flag --amend", "transship manifest push -h"},
		"copy a b --jobs":                                       {2, "--jobs needs a value", "--jobs N: copy N blobs at a time"},
		"copy --audit a.jsonl --audit b.har a b":                {2, "--audit is given twice, and names one file", "--audit file: record"},
		"copy --audit a.har --audit=a.har a b":                  {2, "--audit is given twice", "--audit file"},
		"copy --expect testdata/one-call.expect --expect y a b": {2, "--expect is given twice", "--expect file"},
		"sync -f x --file y a":                                  {2, "--file is given twice", "-f"},
		"save --output x -o y a":                                {2, "-o is given twice", "-o"},
		"digest --ca x --ca y a":                                {2, "--ca is given twice", "--ca file"},
		"copy --jobs 0 a b":                                     {2, `--jobs: "0" is not a whole number of 1 or more`, ""},
		"copy --jobs=-1 a b":                                    {2, `--jobs: "-1" is not a whole number`, ""},
		"copy --jobs many a b":                                  {2, `--jobs: "many" is not a whole number`, ""},
		"copy --flatten=maybe a b":                              {2, `--flatten must be true or false, not "maybe"`, ""},
		"copy --chunk-size big a b":                             {2, `--chunk-size: "big" is not a number of bytes`, ""},
		"copy --chunk-size 0 a b":                               {2, `--chunk-size: "0" is not a number of bytes`, ""},

		"copy --platform= a b":                {2, `--platform: invalid platform ""`, ""},
		"copy --platform linux/amd64, a b":    {2, `--platform: invalid platform ""`, ""},
		"copy --platform linux/a/b/c a b":     {2, `--platform: invalid platform "linux/a/b/c"`, ""},
		"copy --platform banana a b":          {2, `--platform: invalid platform "banana"`, ""},
		"copy --platform linux/amd64\x07 a b": {2, "--platform: invalid platform", ""},

		"copy a/B b":         {2, `invalid reference "a/B"`, ""},
		"copy a b:c:d":       {2, `invalid reference "b:c:d"`, ""},
		"copy a: b":          {2, `invalid reference "a:"`, ""},
		"copy a@sha256:12 b": {2, `invalid reference "a@sha256:12"`, ""},
		"copy a@md5:" + strings.Repeat("0", 32) + " b":    {2, "invalid reference", ""},
		"copy https://x.example.com/a b":                  {2, "leave out the scheme", ""},
		"copy https://u:" + secret + "@x.example.com/a b": {2, "leave out the scheme", ""},
		"inspect a/../b":        {2, `invalid reference "a/../b"`, ""},
		"tags a:1":              {2, "a repository is wanted here", ""},
		"digest -- --x":         {2, `invalid reference "--x"`, ""},
		"manifest create A:1 b": {2, "error parsing name for manifest list A:1", ""},
		"manifest create a:1 B": {2, `invalid reference "B"`, ""},
		"manifest annotate A b": {2, "error parsing name for manifest list A", ""},
		"manifest annotate a B": {2, "error parsing name for manifest B", ""},
		"manifest push A":       {2, "invalid reference", ""},
		"manifest rm A":         {2, "invalid reference", ""},
		"manifest inspect A":    {2, "invalid reference", ""},
		"manifest inspect A b":  {2, "invalid reference", ""},
		"copy a b:1@sha256:" + strings.Repeat("0", 64): {2, "the target has a tag and a digest",
			"give one of the two"},

		"copy --src-creds user a b": {2,
			"--src-creds: credentials need the form user:password", ""},
		"copy --src-creds :" + secret + " a b": {2, "--src-creds: credentials need", ""},
		"copy --src-creds= a b":                {2, "--src-creds: the value is empty", ""},
		"copy --src-creds - a b":               {2, "--src-creds -: standard input has no more lines", ""},
		"login a/b":                            {2, `"a" is not the host of a registry`, "give a host such as"},
		"login x.example.com":                  {2, "a user name and a password are needed", "--password-stdin"},
		"login -u user x.example.com":          {2, "a user name and a password are needed", "--password-stdin"},
		"login --password-stdin x.example.com": {2, "--password-stdin needs --username", ""},
		"login -u a -p " + secret + " --password-stdin x.example.com": {2,
			"--password and --password-stdin cannot be used together", ""},
		"login --creds a:" + secret + " -u a x.example.com": {2, "--creds has the user name and the password", ""},
		"login -u a --password-stdin x.example.com":         {2, "the user name or the password is empty", ""},
		"logout a/b": {2, `"a" is not the host of a registry`, "give a host such as"},
	} {
		newProgram(t).run(strings.Fields(line)...).wantError(want)
	}
}

// A host, a file or a transport in place of an image is no image of Docker Hub: nothing is called.
func TestHostsAndFilesAreNoImages(t *testing.T) {
	p := newProgram(t)
	list := p.writeFile("list.txt", "# a list\n127.0.0.1:15950\n")
	targets := p.writeFile("targets.txt", "halohub/halo:1.6 127.0.0.1:15950\n")
	const host = "127.0.0.1:17302 is a registry: name a repository too, as in 127.0.0.1:17302/halohub/halo"
	const file, notHere = "monday.tar is a file: write oci-archive:monday.tar", "oci:base is not on a registry"
	for line, want := range map[string]string{
		"copy alpine 127.0.0.1:17302":                 host + ":1.6",
		"copy 127.0.0.1:17302 alpine":                 host + ":1.6",
		"copy alpine registry.example.com":            "registry.example.com is a registry",
		"copy alpine localhost:1/x 127.0.0.1:17302":   host,
		"copy docker://127.0.0.1:17302 alpine":        host,
		"copy monday.tar localhost:1/x":               file,
		"copy alpine monday.tar":                      file,
		"inspect 127.0.0.1:17302":                     host,
		"digest 127.0.0.1:17302":                      host,
		"tags 127.0.0.1:17302":                        host,
		"verify 127.0.0.1:17302":                      host,
		"verify monday.tgz":                           "monday.tgz is a file",
		"save -o x.tar 127.0.0.1:17302":               host,
		"save -o x.tar monday.tar":                    file,
		"save -o x.tar -f " + list:                    "line 2: 127.0.0.1:15950 is a registry",
		"sync -f " + list + " localhost:1":            "line 2: 127.0.0.1:15950 is a registry",
		"sync -f " + targets:                          "line 1: 127.0.0.1:15950 is a registry",
		"pull 127.0.0.1:17302":                        host,
		"pull alpine monday.tar":                      file,
		"push 127.0.0.1:17302":                        host,
		"push oci:base":                               notHere,
		"tag alpine 127.0.0.1:17302":                  host,
		"manifest create 127.0.0.1:17302 alpine":      host,
		"manifest create halohub/halo 127.0.0.1:7302": "127.0.0.1:7302 is a registry",
		"manifest create halohub/halo monday.tar":     file,
		"manifest push 127.0.0.1:17302":               host,
		"manifest inspect 127.0.0.1:17302":            host,
		"bench push 127.0.0.1:17302":                  host,
		"bench pull oci:base":                         notHere,
	} {
		p.run(strings.Fields(line)...).want(2, want)
	}
}

// A file or folder that does not exist is the same failure whichever flag or argument names it, and
// so is a file of another kind.
func TestOneCodeForMissingAndForForeignFiles(t *testing.T) {
	c := newCopySetup(t)
	c.src = listenTLS(t, c.source) + "/src/repo:1.6"
	c.writeFile("text", "this is no archive and no audit, but a text")
	c.writeFile("list", c.src)
	c.writeFile("folder/notes.txt", "x")
	for code, lines := range map[int][]string{
		cli.ExitNotFound: {
			"digest --ca @/none SRC", "digest --insecure --cert @/none --key @/none SRC",
			"digest --insecure --cert @/text --key @/none SRC", "copy --src-ca @/none SRC DST",
			"digest --insecure --expect @/none SRC", "digest --insecure --audit @/none/a.jsonl SRC",
			"save -o @/x.tar -f @/none", "sync -f @/none DST", "save --insecure -o @/x.tar --since @/none SRC",
			"save --insecure -o @/none/x.tar SRC", "copy --src-insecure SRC oci-archive:@/none/x.tar",
			"sync --src-insecure -f @/list --state @/none/state 127.0.0.1:1",
			"serve @/none", "serve --htpasswd @/none --listen 127.0.0.1:0 @/folder",
			"serve --tls-cert @/none --tls-key @/none --listen 127.0.0.1:0 @/folder",
			"load @/none 127.0.0.1:1", "verify @/none", "copy oci:@/none DST", "copy oci-archive:@/none DST",
			"copy docker-archive:@/none DST", "audit verify @/none", "audit show @/none", "audit curl @/none",
			"audit waterfall -o @/x.svg @/none", "audit diff @/none @/none",
		},
		cli.ExitIntegrity: {
			"load @/text 127.0.0.1:1", "verify @/text", "serve --listen 127.0.0.1:0 @/text", "copy oci-archive:@/text DST",
			"copy docker-archive:@/text DST", "copy oci:@/text DST", "save -o @/x.tar oci-archive:@/text",
			"save --insecure -o @/x.tar --since @/text SRC", "load @/folder 127.0.0.1:1", "verify @/folder",
			"copy oci-archive:@/folder DST", "copy oci:@/folder DST", "serve --listen 127.0.0.1:0 @/folder",
			"audit verify @/text", "audit show @/text", "audit curl @/text", "audit waterfall -o @/x.svg @/text",
			"audit diff @/text @/text", "audit show @/folder",
		},
	} {
		for _, line := range lines {
			line = strings.NewReplacer("@", c.env["HOME"], "SRC", c.src, "DST", c.dst).Replace(line)
			c.run(strings.Fields(line)...).want(code)
		}
	}
}

// copySetup is a source registry with the image src/repo:1.6, an empty target registry, and a
// program that copies between them.
type copySetup struct {
	*program
	source, target *server
	src, dst       string // references
}

func newCopySetup(t testing.TB) *copySetup {
	t.Helper()
	c := &copySetup{program: newProgram(t), source: startServer(t), target: startServer(t)}
	c.source.pushThreePlatforms()
	c.src, c.dst = c.source.host+"/src/repo:1.6", c.target.host+"/dst/repo:1.6"
	return c
}

// runFails runs a command line that must fail, and checks that the target has no tag. SRC and DST
// in the line stand for the two references.
func (c *copySetup) runFails(line string, want wantedError) {
	c.t.Helper()
	c.run(strings.Fields(strings.NewReplacer("SRC", c.src, "DST", c.dst).Replace(line))...).wantError(want)
	if c.target.has("dst/repo", "1.6") {
		c.t.Errorf("%s: the target has the tag", line)
	}
}

func TestRegistryErrors(t *testing.T) {
	t.Parallel()
	const manifests, blobs = "^GET .*/manifests/", "^GET .*/blobs/sha256"
	bodyRule := func(body string) registry.Rule {
		return registry.Rule{Match: manifests + "1.6", Status: 200, Body: body}
	}
	for name, test := range map[string]struct {
		source, target registry.Rule
		want           wantedError
	}{
		"missing": {source: registry.Rule{Match: manifests, Status: 404,
			Body: `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`},
			want: wantedError{4, "404 Not Found: MANIFEST_UNKNOWN manifest unknown", "/src/repo lists the tag, but"}},
		"missing, HTML": {source: registry.Rule{Match: manifests, Status: 404, Body: "<html>no</html>"},
			want: wantedError{4, "/v2/src/repo/manifests/1.6: 404 Not Found", "must be pushed there again"}},
		"missing blob": {source: registry.Rule{Match: blobs, Status: 404},
			want: wantedError{4, "404 Not Found", "incomplete at its source"}},
		"no such target": {target: registry.Rule{Match: "^POST", Status: 404,
			Body: `{"errors":[{"code":"NAME_UNKNOWN","message":"project not found"}]}`},
			want: wantedError{4, "NAME_UNKNOWN project not found", "created first"}},

		"corrupt blob": {source: registry.Rule{Match: blobs, Corrupt: true},
			want: wantedError{7, ": want sha256:", "damaged at its source"}},
		"corrupt manifest": {source: registry.Rule{Match: manifests + "sha256", Corrupt: true},
			want: wantedError{7, ": want sha256:", "damaged at its source"}},
		"truncated blob": {source: registry.Rule{Match: blobs, Cut: registry.CutSilently, After: 3},
			want: wantedError{7, "is cut short: want ", "damaged at its source"}},
		"broken blob": {source: registry.Rule{Match: blobs, Cut: registry.CutResponse},
			want: wantedError{5, "EOF", "closes every connection"}},
		"truncated manifest": {source: registry.Rule{Match: manifests + "1.6", Cut: registry.CutSilently, After: 30},
			want: wantedError{7, "not valid JSON: unexpected EOF", "no proxy answers for it"}},
		"broken manifest": {source: registry.Rule{Match: manifests + "1.6", Cut: registry.CutResponse, After: 30},
			want: wantedError{5, "unexpected EOF", "closes every connection"}},
		"no answer": {source: registry.Rule{Match: manifests, Cut: registry.CutResponse},
			want: wantedError{5, "EOF", "closes every connection"}},
		"digest invalid": {target: registry.Rule{Match: "^PUT .*/blobs/", Status: 400,
			Body: `{"errors":[{"code":"DIGEST_INVALID","message":"digest invalid"}]}`},
			want: wantedError{7, "DIGEST_INVALID digest invalid", "not damaged at its source"}},

		"HTML": {source: bodyRule("<html>Welcome</html>"), want: wantedError{7, "not valid JSON: invalid character '<'",
			"check that 127.0.0.1:"}},
		"nothing": {source: bodyRule(""), want: wantedError{7, "not valid JSON: EOF", "is a registry"}},
		"too large": {source: bodyRule(`{"schemaVersion":2` + strings.Repeat(" ", 4<<20) + "}"),
			want: wantedError{1, "the manifest is larger than 4 MiB", ""}},
		"two kinds": {source: bodyRule(`{"schemaVersion":2,"manifests":[],"layers":[]}`),
			want: wantedError{7, "it has both manifests and layers", "build the image"}},
		"doubled": {source: bodyRule(`{"schemaVersion":2,"manifests":[],"manifests":[]}`),
			want: wantedError{7, `member "manifests" comes twice`, "build the image"}},
		"case": {source: bodyRule(`{"schemaVersion":2,"manifests":[],"Manifests":[]}`),
			want: wantedError{7, `member "Manifests" differs from "manifests" only in case`, "build the image"}},
		"schema 1": {source: bodyRule(`{"schemaVersion":1,"name":"repo","fsLayers":[]}`),
			want: wantedError{1, "docker schema 1 manifests are not supported", ""}},
		"path": {source: bodyRule(`{"schemaVersion":2,"manifests":[{"digest":"sha256:../../etc/passwd","size":1}]}`),
			want: wantedError{7, `invalid digest "sha256:../../etc/passwd"`, "build the image"}},
		"control": {source: registry.Rule{Match: manifests, Status: 400, Body: "\x1b[31mred\x07 alert\nsecond line"},
			want: wantedError{1, "400 Bad Request: [31mred alert", ""}},
		"endless": {source: registry.Rule{Match: manifests, Status: 400, Body: strings.Repeat("talk ", 5000)},
			want: wantedError{1, "400 Bad Request: talk talk", ""}},
		"list is list": {source: bodyRule(`[1]`), want: wantedError{7, "manifest sha256:", "build the image"}},

		"rate limit": {source: registry.Rule{Match: manifests, Status: 429,
			Body:   `{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}`,
			Header: map[string]string{"Retry-After": "7"}},
			want: wantedError{6, "429 Too Many Requests: TOOMANYREQUESTS pull rate limit", "wait, or log in"}},
		"long wait": {source: registry.Rule{Match: manifests, Status: 429,
			Header: map[string]string{"Retry-After": "86400"}},
			want: wantedError{6, "asks to wait 24h0m0s, until 20", "give --max-wait, or log in"}},
		"long wait of a 503": {source: registry.Rule{Match: manifests, Status: 503,
			Header: map[string]string{"Retry-After": "9223372036854775807"}},
			want: wantedError{6, "asks to wait 2562047h47m16s, until 2", "give --max-wait"}},
		"long wait of an upload": {target: registry.Rule{Match: "^PUT .*/blobs/", Status: 503,
			Header: map[string]string{"Retry-After": "601"}},
			want: wantedError{6, "asks to wait 10m1s, until 20", "give --max-wait"}},
		"long wait of a push": {target: registry.Rule{Match: "^PUT .*/manifests/", Status: 429,
			Header: map[string]string{"Retry-After": "Fri, 31 Dec 2999 23:59:59 GMT"}},
			want: wantedError{6, ", until 2", "give --max-wait, or log in"}},
		"target full": {target: registry.Rule{Match: "^POST", Status: 429, Body: "<html>"},
			want: wantedError{6, "429 Too Many Requests", "wait, or log in"}},
		"broken 500": {source: registry.Rule{Match: manifests, Status: 500, Body: "boom"},
			want: wantedError{1, "500 Internal Server Error: boom", " failed, not the image or the account"}},
		"denied": {source: registry.Rule{Match: manifests, Status: 403,
			Body: `{"errors":[{"code":"DENIED","message":"access denied"}]}`},
			want: wantedError{3, "403 Forbidden: DENIED access denied (as anonymous)", "--src-creds user:password"}},
		"push denied": {target: registry.Rule{Match: "^(POST|PUT) ", Status: 403,
			Body: `{"errors":[{"code":"DENIED","message":"access denied"}]}`},
			want: wantedError{3, "403 Forbidden: DENIED access denied (as anonymous)", "--dst-creds user:password"}},
		"read-only": {target: registry.Rule{Match: "^POST", Status: 405}, want: wantedError{1, "405 Method Not Allowed",
			"accepts no uploads"}},
		"too big": {target: registry.Rule{Match: "^(PUT|PATCH) .*/blobs", Status: 413, Body: "<html>"},
			want: wantedError{1, "413 Request Entity Too Large", "client_max_body_size"}},
		"no manifest": {target: registry.Rule{Match: "^PUT .*/manifests/1.6", Status: 400,
			Body: `{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}`},
			want: wantedError{1, "400 Bad Request: MANIFEST_INVALID manifest invalid", "copy --flatten --platform"}},
		"full disk": {target: registry.Rule{Match: "^PUT .*/blobs/", Status: 500, Body: "disk full"},
			want: wantedError{1, "500 Internal Server Error: disk full", "free space at 127.0.0.1:"}},
		"ftp": {source: registry.Rule{Match: blobs, Status: 307,
			Header: map[string]string{"Location": "ftp://x.example.com/"}},
			want: wantedError{5, "redirects to ftp://x.example.com/: refused", "correct its address"}},
		"loop": {source: registry.Rule{Match: blobs, Status: 307,
			Edit: func(h http.Header) { h.Set("Location", "?again") }},
			want: wantedError{5, "refused, it would be redirect 11", "correct its address"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.source.Set(test.source)
			c.target.Set(test.target)
			c.runFails("copy SRC DST", test.want)
		})
	}
}

func TestRetryAfterIsHonored(t *testing.T) {
	c := newCopySetup(t)
	c.source.Set(registry.Rule{Match: "^GET .*/manifests/1.6", Times: 1, Status: 429,
		Header: map[string]string{"Retry-After": "17"}})
	o := c.run("copy", c.src, c.dst).want(0, "answer 429 Too Many Requests; retrying in 17s")
	if len(c.waits) != 1 || c.waits[0].Seconds() != 17 {
		t.Errorf("%s waits %v", o.line, c.waits)
	}
}

// --max-wait bounds what a registry asks to wait, and --quiet does not hide when to try again.
func TestMaxWait(t *testing.T) {
	c := newCopySetup(t)
	c.source.Set(registry.Rule{Match: "^GET .*/manifests/1.6", Status: 429,
		Header: map[string]string{"Retry-After": "17"}})
	o := c.run("copy", "--quiet", "--max-wait=16s", c.src, c.dst)
	o.wantError(wantedError{6, "asks to wait 17s, until ", "try again after "})
	if len(c.waits) != 0 {
		t.Errorf("%s waits %v, want none", o.line, c.waits)
	}
	c.run("copy", "--max-wait=never", c.src, c.dst).wantError(wantedError{2,
		`--max-wait: "never" is not a time of a second or more`, ""})
}

func TestBrokenConnectionIsResumed(t *testing.T) {
	c := newCopySetup(t)
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/", Cut: registry.CutResponse, After: 3})
	c.run("copy", c.src, c.dst).want(0)
}

func TestMissingPlatform(t *testing.T) {
	c := newCopySetup(t)
	c.runFails("copy --platform linux/s390x SRC DST",
		wantedError{4, "no image for platform linux/s390x; there is linux/amd64, linux/arm/v7, linux/arm64", ""})
	c.source.pushImage("src/repo", "single", "linux/amd64", "x")
	c.src = c.source.host + "/src/repo:single"
	c.runFails("copy --platform windows/amd64 SRC DST",
		wantedError{4, "no image for platform windows/amd64; there is linux/amd64", ""})
	c.src = c.source.host + "/src/repo:1.6"
	c.runFails("copy --flatten --platform linux/amd64,linux/arm64 SRC DST",
		wantedError{2, "more than one image", "name a single platform"})
}

func TestTargetDigestIsChecked(t *testing.T) {
	c := newCopySetup(t)
	digest := string(c.source.pushThreePlatforms().Digest)
	c.dst = c.target.host + "/dst/repo@sha256:" + strings.Repeat("0", 64)
	c.runFails("copy SRC DST", wantedError{7, "the digest of the target is not that of the image, " + digest,
		"leave the digest out of the target"})
	c.dst = c.target.host + "/dst/repo@" + digest
	if o := c.run("copy", c.src, c.dst).want(0); o.stdout != c.dst+"\n" || !c.target.has("dst/repo", digest) {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}

func TestUnreachableHosts(t *testing.T) {
	c := newCopySetup(t)
	for _, host := range []string{unusedAddress(t), "no-such-host.invalid"} {
		want := wantedError{5, "connection refused", "nothing listens there"}
		if host == "no-such-host.invalid" {
			want = wantedError{5, "no such host", "check the host's name"}
		}
		for _, line := range []string{"copy HOST/x DST", "copy SRC HOST/x", "inspect HOST/x", "tags HOST/x",
			"digest HOST/x", "probe HOST",
			"manifest create DST HOST/x", "manifest inspect HOST/x", "login -u a -p b HOST"} {
			c.runFails(strings.ReplaceAll(line, "HOST", host), want)
		}
	}
}

func TestWrongSchemeHints(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	path := "/src/repo:1.6"
	plain := listenNonLoopback(t, c.source)
	secure := listenTLS(t, c.source)
	for line, want := range map[string]wantedError{
		"copy " + plain + path + " DST": {5, "server gave HTTP response to HTTPS client",
			"--src-plain-http"},
		"copy SRC " + plain + "/dst/x": {5, "server gave HTTP response to HTTPS client",
			"--dst-plain-http"},
		"inspect " + plain + path: {5,
			"server gave HTTP response to HTTPS client", "give --plain-http"},
		"copy " + secure + path + " DST": {5,
			"certificate signed by unknown authority", "--src-ca FILE or /etc/docker/certs.d/" + secure +
				"/ca.crt, or give --src-insecure"},
		"copy SRC " + secure + "/dst/x": {5,
			"certificate signed by unknown authority", "--dst-ca FILE"},
		"inspect " + secure + path: {5,
			"certificate signed by unknown authority", "--ca FILE"},
		"copy --src-plain-http " + secure + path + " DST": {5,
			"400 Bad Request: Client sent an HTTP request to an HTTPS server", "leave out --src-plain-http"},
		"copy --dst-plain-http SRC " + secure + "/dst/x": {5,
			"400 Bad Request", "leave out --dst-plain-http"},
		"digest --plain-http " + secure + path: {5,
			"400 Bad Request", "leave out --plain-http"},
		"copy --src-ca /nonexistent/ca.pem " + secure + path + " DST": {4,
			"/nonexistent/ca.pem: no such file", ""},
		"copy --src-cert /nonexistent/c.pem --src-key /nonexistent/k.pem " + secure + path + " DST": {4,
			"/nonexistent/c.pem: no such file", ""},
	} {
		c.runFails(line, want)
	}
	c.run("copy", "--src-plain-http", "--dst-insecure", plain+path, c.dst).want(0)
	c.run("copy", "--dst-insecure", plain+path, secure+"/dst/x", "--src-plain-http").want(0)
	c.run("digest", secure+path, "--insecure").want(0)
}

// nginx asks for a client certificate after the handshake, with an error page.
func TestMissingClientCertificateHint(t *testing.T) {
	c := newCopySetup(t)
	asking := listenTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>\r\n</html>")
	}))
	for line, flags := range map[string]string{
		"copy SRC " + asking + "/dst/x --dst-insecure": "--dst-cert FILE --dst-key FILE",
		"copy " + asking + "/x DST --src-insecure":     "--src-cert FILE --src-key FILE",
		"tags --insecure " + asking + "/x":             "--cert FILE --key FILE",
	} {
		c.runFails(line, wantedError{5, "400 Bad Request: No required SSL certificate was sent", flags})
	}
}

// A run whose result cannot be written, as on a full disk or a closed pipe, must fail.
func TestWriteErrorFailsTheRun(t *testing.T) {
	c := newCopySetup(t)
	c.stdout = failingWriter{}
	for _, line := range []string{"copy " + c.src + " " + c.dst, "inspect " + c.src, "inspect --raw " + c.src,
		"inspect --json " + c.src,
		"digest " + c.src, "tags " + c.source.host + "/src/repo", "version", "help", "copy -h"} {
		c.run(strings.Fields(line)...).wantError(wantedError{1, "writing the result: no space left", ""})
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestBrokenDockerConfig(t *testing.T) {
	c := newCopySetup(t)
	guarded := listen(t, requirePassword(c.source))
	file := c.writeFile(".docker/config.json", `{"auths":{`+secret)
	c.run("copy", c.src, c.dst).want(0) // no credentials are needed
	c.run("digest", guarded+"/src/repo:1.6").
		wantError(wantedError{3, file + ": invalid JSON", "correct that file, or give --creds"})
	c.run("login", "-u", user, "-p", password, guarded).wantError(wantedError{1, file + ": invalid JSON", ""})
	c.run("logout", guarded).wantError(wantedError{1, file + ": invalid JSON", ""})

	c.writeFile(".docker/config.json", `{"auths":{"`+guarded+`":{"auth":"`+secret+`%%"}}}`)
	c.run("digest", guarded+"/src/repo:1.6").wantError(wantedError{3, file + ": entry", "correct that file"})

	c.writeFile(".docker/config.json", `{"credsStore":"nothere"}`)
	c.run("digest", guarded+"/src/repo:1.6").wantError(wantedError{3, "docker-credential-nothere is not installed", ""})
	c.run("login", "-u", user, "-p", password, guarded).
		wantError(wantedError{3, "docker-credential-nothere is not installed", ""})

	if err := os.Chmod(filepath.Dir(file), 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Dir(file), 0o700)
	if _, err := os.ReadFile(file); err == nil {
		return // root may read it all the same
	}
	c.run("digest", guarded+"/src/repo:1.6").wantError(wantedError{3, "permission denied", "correct that file"})
}

func TestWithoutHome(t *testing.T) {
	c := newCopySetup(t)
	delete(c.env, "HOME")
	c.run("copy", c.src, c.dst).want(0)
	for _, line := range []string{"create x SRC", "push x", "inspect x", "annotate x SRC", "rm x"} {
		c.run(strings.Fields("manifest " + strings.ReplaceAll(line, "SRC", c.src))...).
			wantError(wantedError{1, "set HOME or DOCKER_CONFIG", ""})
	}
}

func TestInterruptedCopy(t *testing.T) {
	c := newCopySetup(t)
	c.ctx = interruptedContext()
	c.runFails("copy SRC DST", wantedError{130, "transship copy: interrupted",
		"no tag points at an incomplete image"})
}

// A device has no end, and is no file of certificates or accounts.
func TestDevicesAsCertificatesAndAccounts(t *testing.T) {
	c := newCopySetup(t)
	for _, flags := range []string{"--ca /dev/zero", "--cert /dev/zero --key /dev/zero"} {
		c.do("digest " + flags + " registry.invalid/repo:1").
			wantError(wantedError{2, "/dev/zero: it is neither a file nor a pipe", "certificates and keys are PEM files"})
	}
	file := c.writeFile(".docker/config.json", "{}")
	if err := errors.Join(os.Remove(file), os.Symlink("/dev/zero", file)); err != nil {
		t.Fatal(err)
	}
	guarded := listen(t, requirePassword(c.source))
	c.run("digest", guarded+"/src/repo:1.6").wantError(wantedError{2, "it is neither a file nor a pipe", "correct that file"})
}
