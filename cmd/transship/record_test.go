package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/wire"
)

// farRegistry is a registry whose token server and storage are on other hosts.
type farRegistry struct {
	*server
	host, tokens, storage string
}

func startFarRegistry(t *testing.T) *farRegistry {
	f := &farRegistry{server: startServer(t)}
	guard := &tokenRegistry{next: f.redirectBlobs()}
	f.tokens = listen(t, guard)
	f.storage = listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("X-Amz-Signature") != secret {
			http.Error(w, "not signed", http.StatusForbidden)
			return
		}
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/storage")
		f.Handler.ServeHTTP(w, r)
	}))
	f.host = listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		challenged := &challengeElsewhere{ResponseWriter: w, from: f.host, to: f.tokens}
		guard.ServeHTTP(challenged, r)
	}))
	return f
}

// redirectBlobs redirects reads of blobs to the storage.
func (f *farRegistry) redirectBlobs() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/sha256:") {
			http.Redirect(w, r, "http://"+f.storage+"/storage"+r.URL.Path+"?X-Amz-Signature="+secret, http.StatusTemporaryRedirect)
			return
		}
		f.Faults.ServeHTTP(w, r)
	})
}

// challengeElsewhere names another token server in a challenge.
type challengeElsewhere struct {
	http.ResponseWriter
	from, to string
}

func (c *challengeElsewhere) WriteHeader(status int) {
	header := c.Header()
	if challenge := header.Get("WWW-Authenticate"); challenge != "" {
		header.Set("WWW-Authenticate", strings.Replace(challenge, "http://"+c.from, "http://"+c.to, 1))
	}
	c.ResponseWriter.WriteHeader(status)
}

// A registry that records passes everything on: the client finds token server and storage through it,
// its calls are the record's, and no secret is written.
func TestRecordRegistry(t *testing.T) {
	t.Parallel()
	f, p := startFarRegistry(t), newProgram(t)
	list := f.pushThreePlatforms()
	home := p.env["HOME"]
	record, own := filepath.Join(home, "record.jsonl"), filepath.Join(home, "own.jsonl")
	r := p.start("record", "--audit", record, f.host)
	account := user + ":" + password
	p.run("copy", "--src-creds", account, "--ranges", "1", "--audit", own, r.host+"/src/repo:1.6", "oci:"+home+"/folder:1.6").
		want(0, "3 images; blobs: 7 sent")
	pushed := p.run("copy", "--dst-creds", account, "oci:"+home+"/folder:1.6", r.host+"/new:1").want(0, "3 images; blobs: 7 ")
	if !strings.Contains(pushed.stdout, string(list.Digest)) {
		t.Errorf("pushed is %s, want %s", pushed.stdout, list.Digest)
	}
	if o := p.run("tags", "--creds", account, r.host+"/new").want(0); o.stdout != "1\n" {
		t.Error(o.stdout)
	}
	if o := r.stop().want(0, "recording the calls to "+f.host); strings.Contains(o.stderr, "failed") {
		t.Error(o.stderr)
	}
	_, recorded := readAudit(t, record)
	_, calls := readAudit(t, own)
	var first []audit.Entry
	for _, e := range recorded {
		if !strings.Contains(e.URL, "/new/") && !strings.Contains(e.URL, "folder") {
			first = append(first, e)
		}
	}
	for _, e := range calls {
		if !strings.HasPrefix(e.URL, r.url+"/") {
			t.Errorf("the client called %s itself", e.URL)
		}
	}
	rows := map[string]int{}
	for _, e := range recorded {
		rows[e.Row+" "+strings.Split(e.URL, "/")[2]]++
		if e.Row == wire.RowRedirect && (e.Why.RedirectOf == 0 || e.Response.Digest == "") {
			t.Errorf("a blob from the storage: %+v", e)
		}
	}
	if rows[wire.RowRedirect+" "+f.storage] != 7 || rows[wire.RowToken+" "+f.tokens] == 0 || rows["end-6 "+f.host] == 0 {
		t.Errorf("the rows are %v", rows)
	}
	if len(first) < len(calls) {
		t.Errorf("%d calls of the client, and %d on the record", len(calls), len(first))
	}
	text, err := os.ReadFile(record)
	if err != nil || strings.Contains(string(text), secret) {
		t.Errorf("a secret is on the record, or %v", err)
	}
}

// A call that a policy refuses is answered with 403 and does not go out; so are all after it.
func TestRecordPolicies(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	file := filepath.Join(p.env["HOME"], "run.har")
	r := p.start("record", "--read-only", "--audit", file, s.host)
	p.run("digest", r.host+"/src/repo:1.6").want(0)
	s.ResetRequests()
	resp, err := http.Post(r.url+"/v2/x/blobs/uploads/", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(string(body), `"code":"DENIED","message":"policy read-only refuses`) {
		t.Errorf("%s: %s", resp.Status, body)
	}
	r.wait().want(cli.ExitRefused, "policy read-only refuses POST")
	if n := len(s.Requests()); n > 0 {
		t.Errorf("%d calls went out", n)
	}
}

// The proxy of a command records its calls over TLS, and the command's exit code is kept.
func TestRecordCommand(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	home := p.env["HOME"]
	free := listenNonLoopback(t, http.NotFoundHandler())
	ip, _, _ := net.SplitHostPort(free)
	far := p.start("serve", "--writable", "--listen", ip+":0", "--tls-new", home+"/certs", home+"/folder")
	ca := home + "/certs/ca.crt"
	s := startServer(t)
	list := s.pushThreePlatforms()
	p.run("copy", "--dst-ca", ca, s.host+"/src/repo:1.6", far.host+"/src/repo:1.6").want(0)
	for _, test := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"digest", far.host + "/src/repo:1.6"}, 0, string(list.Digest)},
		{[]string{"digest", far.host + "/src/repo:no"}, cli.ExitNotFound, "exit status 4"},
	} {
		file := filepath.Join(home, "run.jsonl")
		temporary := t.TempDir()
		cmd, stderr := newProcess(t, append([]string{"record", "--audit", file, "--ca", ca, "--", os.Args[0]}, test.args...)...)
		cmd.Env = append(cmd.Env, "TMPDIR="+temporary)
		stdout, _ := cmd.Output() // the exit code says the same
		if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(stdout)+stderr.String(), test.text) {
			t.Errorf("%s\nends with %d\n%s%s", cmd, code, stdout, stderr)
		}
		if left, _ := os.ReadDir(temporary); len(left) > 0 {
			t.Errorf("%s stays behind", left[0].Name())
		}
		_, entries := readAudit(t, file)
		if len(entries) == 0 || !strings.HasPrefix(entries[0].URL, "https://"+far.host+"/") {
			t.Errorf("%s\nrecords %+v", cmd, entries)
		}
	}
}

// What a command line does wrong is said in one line.
func TestRecordBadInput(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	file := filepath.Join(p.env["HOME"], "run.har")
	for line, want := range map[string]wantedError{
		"record AT":                            {2, "there is nothing to record in", "--audit FILE"},
		"record --audit FILE":                  {2, "want HOST|-- COMMAND [ARG...], got 0 arguments", "usage: transship record"},
		"record --audit FILE AT crane ls":      {2, "want one HOST, got 3 arguments", "a command comes after --"},
		"record --audit FILE AT -- crane":      {2, s.host + " stands before -- COMMAND", "give a HOST to record"},
		"record --audit FILE --listen=x -- y":  {2, "--listen is for a HOST", "leave it out"},
		"record --audit FILE --listen AT AT":   {5, "cannot listen on " + s.host + ": ", "another program uses that port"},
		"record --audit FILE --listen :0 x.y":  {2, ":0 is not a loopback address", "--tls-new DIR"},
		"record --audit FILE oci:folder":       {2, "oci:folder is not a registry", ""},
		"record --audit FILE -- no-such-one x": {127, "no-such-one: there is no such program", ""},
		"record --audit FILE -- /":             {126, "it cannot be run: ", ""},
		"record --audit FILE --creds a:b AT":   {2, "unknown flag --creds", "transship record -h"},
		"record --audit FILE --ca none AT":     {4, "TLS for " + s.host + ": none: no such file", ""},
		"record --audit FILE --ca none -- y":   {4, "TLS for registries: none: no such file", ""},
		"record --audit FILE AT/v2/repo":       {2, "is not the host of a registry", "give a host such as"},
	} {
		p.run(strings.Fields(strings.NewReplacer("AT", s.host, "FILE", file).Replace(line))...).wantError(want)
	}
	r := p.start("record", "--audit", file, s.host)
	p.run("record", "--audit", file, s.host).want(cli.ExitFailed, "audit file "+file+": another run is writing to it",
		"hint: give this run a file of its own")
	r.stop().want(0)
}
