package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
)

// What record cannot carry of a client is on the record with its answer, and is said in a line. That is the
// client's doing, and no failure of the run.
func TestRecordDeclines(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	file := filepath.Join(p.env["HOME"], "run.jsonl")
	r := p.start("record", "--audit", file, s.host)
	calls := []struct{ request, status, url, said string }{
		{"GET /v2/a?token=" + secret + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "501", "http://AT/v2/a?token=REDACTED",
			"failed: GET http://AT/v2/a?token=REDACTED: another protocol than HTTP cannot be recorded"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", "http://AT/*", "failed: PRI http://AT/*: HTTP/2 without TLS cannot be recorded"},
		{"GET http://x/v2/ HTTP/1.1\r\nHost: x\r\n\r\n", "400", "http://x/v2/", "failed: GET http://x/v2/: this is a registry, and no proxy"},
		{"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", "400", "http://x:443", "failed: CONNECT http://x:443: this is a registry, and no proxy"},
		{"GET /-/https/evil.example/x HTTP/1.1\r\nHost: x\r\n\r\n", "404", "http://AT/-/https/evil.example/x", ""},
		{"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", "200", "http://AT/v2/", ""},
	}
	for _, c := range calls {
		if got := r.raw(t, c.request); got != c.status {
			t.Errorf("%q is answered with %s, want %s", c.request, got, c.status)
		}
	}
	o := r.stop().want(0)
	_, entries := readAudit(t, file)
	if len(entries) != len(calls) || strings.Count(o.stderr, "failed: ") != 4 || len(s.Requests()) != 2 {
		t.Fatalf("%d calls are on the record, and %d reached the registry:\n%s", len(entries), len(s.Requests()), o.stderr)
	}
	for i, c := range calls {
		at := strings.NewReplacer("AT", s.host)
		if e := entries[i]; e.URL != at.Replace(c.url) || strconv.Itoa(e.Status) != c.status {
			t.Errorf("on the record is %s %s: %d", e.Method, e.URL, e.Status)
		}
		if !strings.Contains(o.stderr, at.Replace(c.said)) {
			t.Errorf("%q is not said:\n%s", at.Replace(c.said), o.stderr)
		}
	}
}

// A redirect loop is the client's to end. Each of its calls is on the record, and the run does not fail.
func TestRecordRedirectLoop(t *testing.T) {
	t.Parallel()
	var registry, storage string
	around := func(to *string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+*to+r.URL.Path, http.StatusTemporaryRedirect)
		})
	}
	registry, storage = listen(t, around(&storage)), listen(t, around(&registry))
	p := newProgram(t)
	file := filepath.Join(p.env["HOME"], "run.jsonl")
	r := p.start("record", "--audit", file, registry)
	p.run("digest", r.host+"/a:1").wantError(wantedError{5, "refused, it would be redirect 11 of one request", "a registry must not redirect there"})
	r.stop().want(0)
	_, entries := readAudit(t, file)
	hosts := map[string]int{}
	for _, e := range entries {
		hosts[strings.Split(e.URL, "/")[2]]++
		if e.Status != http.StatusTemporaryRedirect {
			t.Errorf("%+v", e)
		}
	}
	if hosts[registry] < 5 || hosts[storage] < 5 || len(hosts) != 2 {
		t.Errorf("the calls by host are %v", hosts)
	}
}

// endless is a body that has no end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A body without end, of an answer or a request, ends at --max-bytes or with its client.
func TestRecordEndlessBody(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 10)
	at := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" { // record asks for the scheme before it sends a body
			return
		}
		defer func() { ended <- struct{}{} }()
		if r.Method != http.MethodGet {
			io.Copy(io.Discard, r.Body)
			return
		}
		io.Copy(w, endless{})
	}))
	for _, method := range []string{http.MethodGet, http.MethodPatch} {
		p := newProgram(t)
		file := filepath.Join(p.env["HOME"], "run.jsonl")
		r := p.start("record", "--max-bytes", "4MiB", "--audit", file, at)
		if n, err := callEndless(t, method, r.url+"/v2/a/blobs/uploads/1", 64<<20); err == nil || n > 4<<20 {
			t.Fatalf("%s: the client got %d bytes, and %v", method, n, err)
		}
		r.wait().want(cli.ExitRefused, "policy max-bytes refuses "+method, "its body was cut off at the bound of 4194304 bytes")
		<-ended
		if e := lastEntry(t, file); e.Method != method || e.Error == "" {
			t.Errorf("%s: on the record is %+v", method, e)
		}
		p = newProgram(t)
		file = filepath.Join(p.env["HOME"], "run.jsonl")
		r = p.start("record", "--audit", file, at)
		_, _ = callEndless(t, method, r.url+"/v2/a/blobs/uploads/1", 4<<20)
		<-ended
		r.stop().want(0)
		if e := lastEntry(t, file); e.Method != method || e.Request.Bytes+e.Response.Bytes < 4<<20 || e.Response.Digest != "" {
			t.Errorf("%s: on the record is %+v", method, e)
		}
	}
}

// lastEntry returns the last call of an audit.
func lastEntry(t *testing.T, file string) audit.Entry {
	t.Helper()
	_, entries := readAudit(t, file)
	if len(entries) == 0 {
		t.Fatal("nothing is on the record")
	}
	return entries[len(entries)-1]
}

// An answer that breaks off is on the record with its error, and is said in a line.
func TestRecordBrokenAnswer(t *testing.T) {
	t.Parallel()
	at := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/a/blobs/x" {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "too little")
		}
	}))
	p := newProgram(t)
	file := filepath.Join(p.env["HOME"], "run.jsonl")
	r := p.start("record", "--audit", file, at)
	if n, err := callEndless(t, http.MethodGet, r.url+"/v2/a/blobs/x", 1000); err == nil {
		t.Errorf("the client got %d bytes as a whole", n)
	}
	o := r.stop().want(0, "failed: GET http://"+at+"/v2/a/blobs/x: unexpected EOF")
	if e := lastEntry(t, file); e.Error != "unexpected EOF" || strings.Count(o.stderr, "failed: ") != 1 {
		t.Errorf("on the record is %+v\n%s", e, o.stderr)
	}
}

// callEndless sends a body without end and reads one, and goes after it has read or sent that much.
func callEndless(t *testing.T, method, url string, most int64) (int64, error) {
	t.Helper()
	var body io.Reader
	if method != http.MethodGet {
		body = io.MultiReader(io.LimitReader(endless{}, most), iotest.ErrReader(errors.New("the client goes")))
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, errors.New(resp.Status)
	}
	return io.Copy(io.Discard, io.LimitReader(resp.Body, most))
}

// raw sends a request as it is, and returns the status of the answer.
func (s *runningServe) raw(t *testing.T, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(line)[1]
}

// A run that lasts until it is stopped fails if its policies do: also if a call was expected and not made, and a command
// goes on after a refused call.
func TestStoppedRecordHasAVerdict(t *testing.T) {
	t.Parallel()
	p, s := newProgram(t), startServer(t)
	file := filepath.Join(p.env["HOME"], "run.jsonl")
	expected := p.writeFile("calls.txt", "GET /v2/a/tags/list\n")
	p.start("record", "--audit", file, "--expect", expected, s.host).stop().want(cli.ExitRefused, "GET /v2/a/tags/list, was made 0 of 1 times")

	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	script := `curl -s http://192.0.2.9/v2/; echo; trap 'exit 0' TERM; while :; do sleep 0.1; done # "listen"`
	r := p.start("record", "--audit", file, "--allow-host", "example.com", "--", sh, "-c", script)
	if !strings.Contains(r.url, "policy allow-host refuses") {
		t.Errorf("the command got %s", r.url)
	}
	r.stop().want(cli.ExitRefused, "policy allow-host refuses GET http://192.0.2.9/v2/")
}
