package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// writeEmptyLayout writes an image layout without images and returns its path.
func (p *program) writeEmptyLayout() string {
	p.writeFile("empty/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
	p.writeFile("empty/index.json", `{"schemaVersion":2,"manifests":[]}`)
	return filepath.Join(p.env["HOME"], "empty")
}

func TestServeListens(t *testing.T) {
	p := newProgram(t)
	dir := p.writeEmptyLayout()
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "[::1]:0"} {
		if l, err := net.Listen("tcp", address); err != nil {
			t.Logf("no %s on this machine: %v", address, err)
			continue
		} else {
			l.Close()
		}
		r := p.startServe("--listen", address, dir)
		if status, body := get(t, http.DefaultClient, r.url+"/v2/"); status != http.StatusOK || body != "{}\n" {
			t.Errorf("%s: %d %s", address, status, body)
		}
		if o := r.stop().want(0); strings.Contains(o.stderr, "warning") {
			t.Errorf("%s: %s", address, o.stderr)
		}
	}
	r := p.startServe("--insecure-listen", "0.0.0.0:0", dir)
	_, port, _ := net.SplitHostPort(r.host)
	get(t, http.DefaultClient, "http://127.0.0.1:"+port+"/v2/")
	host, _ := os.Hostname()
	r.stop().want(0, "serving 0 repositories with 0 tags at http://0.0.0.0:"+port+" (read-only)\n",
		"warning: others on the network can read and change what is sent in plain HTTP; clients must be told that the registry is insecure")
	users := p.writeFile("users", "user:$apr1$maVDpNv2$BDsxEZcZGL5nHS9zqmKyR/\n")
	p.startServe("--insecure-listen", "0.0.0.0:0", "--htpasswd", users, dir).stop().
		want(0, "plain HTTP, including passwords; clients")
	writable := p.startServe("--insecure-listen", "0.0.0.0:0", "--writable", dir)
	_, port, _ = net.SplitHostPort(writable.host)
	writable.stop().want(0, "warning: anyone who can reach the registry can push and delete; --htpasswd requires passwords",
		"try: transship copy alpine:3.20 "+net.JoinHostPort(host, port)+"/alpine:3.20\n")
}

func TestServeListenErrors(t *testing.T) {
	p := newProgram(t)
	dir := p.writeEmptyLayout()
	cert, key := p.writeCertificate("a")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct {
		flags   string
		code    int
		message []string
	}{
		{"--listen 0.0.0.0:5000", cli.ExitUsage, []string{"0.0.0.0:5000 is not a loopback address",
			"hint: give --tls-new DIR, --tls-cert and --tls-key, or --insecure-listen 0.0.0.0:5000"}},
		{"--listen :5000", cli.ExitUsage, []string{":5000 is not a loopback address"}},
		{"--listen [::]:5000", cli.ExitUsage, []string{"is not a loopback address"}},
		{"--listen 192.0.2.1:5000", cli.ExitUsage, []string{"is not a loopback address"}},
		{"--listen 5000", cli.ExitUsage, []string{`"5000" is not an address to listen on`,
			"hint: an address is HOST:PORT"}},
		{"--listen 127.0.0.1:http", cli.ExitUsage, []string{"is not an address to listen on"}},
		{"--listen 127.0.0.1:70000", cli.ExitUsage, []string{"is not an address to listen on"}},
		{"--listen 127.0.0.1:0 --insecure-listen 127.0.0.1:0", cli.ExitUsage, []string{"cannot be used together"}},
		{"--tls-cert " + cert, cli.ExitUsage, []string{"--tls-cert and --tls-key must be given together"}},
		{"--tls-key " + key, cli.ExitUsage, []string{"--tls-cert and --tls-key must be given together"}},
		{"--insecure-listen 0.0.0.0:0 --tls-cert x --tls-key y", cli.ExitUsage,
			[]string{"--insecure-listen is plain HTTP, without TLS"}},
		{"--insecure-listen nowhere.invalid:5000", cli.ExitNetwork, []string{"cannot listen on nowhere.invalid:5000",
			"hint: check the host's name"}},
		{"--insecure-listen 192.0.2.1:5000", cli.ExitNetwork, []string{"cannot listen on 192.0.2.1:5000: cannot assign",
			"hint: the address must be one of this machine"}},
		{"--listen " + taken.Addr().String(), cli.ExitNetwork,
			[]string{"cannot listen on " + taken.Addr().String() + ": address already in use",
				"hint: another program uses that port"}},
	} {
		p.run(append([]string{"serve", dir}, strings.Fields(test.flags)...)...).want(test.code, test.message...)
	}
}

// serve speaks HTTP/2 over TLS, and refuses TLS below 1.2.
func TestServeTLS(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	cert, key := p.writeCertificate("a")
	r := p.startServe("--tls-cert", cert, "--tls-key", key, "--listen", "127.0.0.1:0",
		p.saveBundle("x.tar", s.host+"/src/repo:1.6"))
	pool := x509.NewCertPool()
	if pem, err := os.ReadFile(cert); err != nil || !pool.AppendCertsFromPEM(pem) {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: pool}}}
	resp, err := client.Get(r.url + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Proto != "HTTP/2.0" || !strings.HasPrefix(r.url, "https://127.0.0.1:") {
		t.Errorf("%s: %s", r.url, resp.Proto)
	}
	old := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if conn, err := tls.Dial("tcp", r.host, old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
	p.run("copy", "--src-ca", cert, r.host+"/src/repo:1.6", startServer(t).host+"/x:1").want(0)
	client.CloseIdleConnections()
	r.stop().want(0, "TLS handshake error")
	if !fileExists(cert) {
		t.Error("no certificate")
	}
}

// A renewed certificate is used without a restart. While the files are no pair, as between the two
// writes of a renewal, the one before stays.
func TestServeReadsCertificateAgain(t *testing.T) {
	p := newProgram(t)
	cert, key := p.writeCertificate("a")
	newCert, newKey := p.writeCertificate("b")
	r := p.startServe("--tls-cert", cert, "--tls-key", key, "--listen", "127.0.0.1:0", p.writeEmptyLayout())
	served := func() []byte {
		t.Helper()
		conn, err := tls.Dial("tcp", r.host, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Raw
	}
	first := served()
	if err := os.Rename(newCert, cert); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !bytes.Equal(served(), first) {
			t.Error("a certificate without its key is used")
		}
	}
	if err := os.Rename(newKey, key); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(served(), first) {
		t.Error("the renewed certificate is not used")
	}
	o := r.stop().want(0, "warning: ", "private key does not match public key", "the certificate read before stays in use")
	if strings.Count(o.stderr, "does not match") != 1 {
		t.Errorf("it is said more than once:\n%s", o.stderr)
	}
}

func TestServeCertificateErrors(t *testing.T) {
	p := newProgram(t)
	dir := p.writeEmptyLayout()
	cert, key := p.writeCertificate("a")
	_, other := p.writeCertificate("b")
	text := p.writeFile("text", "hello")
	for _, test := range []struct{ cert, key, message string }{
		{cert, other, "private key does not match public key"},
		{text, key, "failed to find any PEM data"},
		{cert, text, "failed to find any PEM data"},
	} {
		p.run("serve", "--tls-cert", test.cert, "--tls-key", test.key, dir).
			want(cli.ExitNetwork, test.message, "hint: certificates and keys are PEM files")
	}
	p.run("serve", "--tls-cert", cert+"x", "--tls-key", key, dir).want(cli.ExitNotFound, cert+"x: no such file")
	p.run("serve", "--tls-cert", cert, "--tls-key", key+"x", dir).want(cli.ExitNotFound, key+"x: no such file")
}

// serve accepts only the users of the password file, and rereads the file when it changes.
func TestServeChecksPasswords(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	path := p.saveBundle("x.tar", s.host+"/x:1")
	const apr1, bcrypt = "$apr1$maVDpNv2$BDsxEZcZGL5nHS9zqmKyR/",
		"$2y$05$cFY7XX85DaNOmC7GROaUJebKewi11RsbfRHYMKiYR2bKjuNzlPF0e"
	users := p.writeFile("users", "# users\nuser:"+bcrypt+"\n")
	r := p.startServe("-v", "--htpasswd", users, path)
	p.run("digest", "--creds", "user:password", r.host+"/x:1").want(0)
	p.run("digest", "--creds", "user:"+secret, r.host+"/x:1").want(cli.ExitAuth, "check the user name and the password")
	p.run("digest", r.host+"/x:1").want(cli.ExitAuth)
	p.run("login", "-u", "user", "-p", "password", r.host).want(0)
	if status, body := get(t, http.DefaultClient, r.url+"/v2/"); status != 401 ||
		body != `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`+"\n" {
		t.Errorf("%d %s", status, body)
	}
	p.writeFile("users", "user:"+bcrypt+"\nother:"+apr1+"\n")
	p.run("digest", "--creds", "other:password", r.host+"/x:1").want(0)
	p.writeFile("users", "user:"+bcrypt+"\nother:"+secret+"\n")
	p.run("digest", "--creds", "other:password", r.host+"/x:1").want(0)
	r.stop().want(0, "warning: password file "+users+", line 2: ", "the users read before stay valid", ` user "user"`,
		"try: docker login "+r.host+" && docker pull "+r.host+"/x:1\n")
	p.writeFile("users", "user:"+bcrypt+"\n")
	empty := p.startServe("--htpasswd", users, "--writable", filepath.Join(p.env["HOME"], "empty"))
	empty.stop().want(0, "try: transship login "+empty.host+" && transship copy alpine:3.20 "+empty.host+"/alpine:3.20\n")

	for content, says := range map[string]string{
		"user:" + bcrypt + "\nother:" + secret: "password file " + users +
			", line 2: the password is not hashed by bcrypt or $apr1$",
		"":                          "there is no user in it",
		"user:$2y$17$" + bcrypt[7:]: "line 1: the bcrypt hash has a cost of 17",
	} {
		p.writeFile("users", content)
		p.run("serve", "--htpasswd", users, path).want(cli.ExitAuth, says, "hint: htpasswd -B FILE USER")
	}
	p.run("serve", "--htpasswd", users+"x", path).want(cli.ExitNotFound, users+"x: no such file")
}

// startUpload begins an upload and sends a part of its body. finish sends the rest and returns the
// answer's status line.
func startUpload(t *testing.T, r *runningServe) (finish func() string) {
	t.Helper()
	resp, err := http.Post(r.url+"/v2/x/blobs/uploads/", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	in := bufio.NewReader(conn)
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
		resp.Header.Get("Location"))
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} { // then it reads the body
		if line, err := in.ReadString('\n'); line != want {
			t.Fatalf("got %q, %v", line, err)
		}
	}
	io.WriteString(conn, "some")
	return func() string {
		io.WriteString(conn, " more")
		line, _ := in.ReadString('\n')
		return strings.TrimSpace(line)
	}
}

// A stopped server finishes the requests under way and accepts no new ones.
func TestServeFinishesRequestsOnStop(t *testing.T) {
	p := newProgram(t)
	r := p.startServe("--writable", filepath.Join(p.env["HOME"], "x"))
	finish := startUpload(t, r)
	stopped := make(chan result, 1)
	go func() { stopped <- r.stop() }()
	r.waitForLog(t, "stopping: requests in progress have 10s")
	refused := func() bool {
		conn, err := net.Dial("tcp", r.host)
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	eventually(t, refused, func() string { return "new connections are taken" })
	if got := finish(); got != "HTTP/1.1 202 Accepted" {
		t.Errorf("the request ends with %s", got)
	}
	(<-stopped).want(0)
}

// The first signal stops the server with exit code 0. A second one ends it at once, also during a
// request.
func TestServeSignals(t *testing.T) {
	t.Parallel()
	for _, twice := range []bool{false, true} {
		cmd, stderr := newProcess(t, "serve", "--writable", "--listen", "127.0.0.1:0", filepath.Join(t.TempDir(), "x"))
		log := &lockedBuffer{}
		cmd.Stderr = io.MultiWriter(stderr, log)
		urls := make(chan string, 1)
		cmd.Stdout = firstLine(urls)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r := &runningServe{url: <-urls, log: log}
		if twice {
			startUpload(t, r)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if twice {
			r.waitForLog(t, "stopping: ")
			// Not os.Interrupt again: where the tests run in the background of a script, it is ignored.
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		err := cmd.Wait()
		if state := cmd.ProcessState; twice == state.Success() || twice && state.Exited() {
			t.Errorf("twice %v: %s, %v: %s", twice, state, err, stderr)
		}
	}
}

// A certificate that clients refuse is said at the start, and served all the same: it may be renewed any time.
func TestServeWithAnExpiredCertificate(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	cert, key := p.writeCertificateUntil("a", time.Now().Add(-time.Hour))
	r := p.startServe("--tls-cert", cert, "--tls-key", key, "--listen", "127.0.0.1:0", p.writeEmptyLayout())
	r.stop().want(0, "warning: the certificate in "+cert+" has expired on ")
}
