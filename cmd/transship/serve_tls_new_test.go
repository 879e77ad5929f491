package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// --tls-new makes a certificate that clients with its CA trust, and says where they need that.
func TestServeTLSNew(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	path, dir := p.saveBundle("x.tar", s.host+"/x:1"), filepath.Join(p.env["HOME"], "certs")
	ca := filepath.Join(dir, "ca.crt")
	r := p.startServe("--tls-new", dir, path)
	p.run("digest", r.host+"/x:1").want(cli.ExitNetwork, "certificate")
	p.run("digest", "--ca", ca, r.host+"/x:1").want(0)
	r.stop().want(0, "--tls-new made a certificate for ", "copy "+ca+" to the clients, as\n",
		"/etc/docker/certs.d/"+r.host+"/ca.crt\n", `[host."https://`+r.host+`"]`, "update-ca-certificates")
	before, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}

	r = p.startServe("--tls-new", dir, "--tls-name", "far.example", path)
	p.run("digest", "--ca", ca, r.host+"/x:1").want(0)
	o := r.stop().want(0, "--tls-new made a certificate for ", "far.example", "try: docker pull far.example:")
	if strings.Contains(o.stderr, "warning") {
		t.Error(o.stderr)
	}
	if after, err := os.ReadFile(ca); err != nil || string(after) != string(before) {
		t.Errorf("the CA has changed: %v", err)
	}
	p.startServe("--tls-new", dir, path).stop().want(0, "--tls-new keeps a certificate for ")
	if o := p.startServe("--quiet", "--tls-new", dir, path).stop().want(0); o.stderr != "" {
		t.Errorf("quiet: %s", o.stderr)
	}
}

func TestServeTLSNewErrors(t *testing.T) {
	p := newProgram(t)
	dir := p.writeEmptyLayout()
	cert, key := p.writeCertificate("a")
	certs := filepath.Join(p.env["HOME"], "certs")
	p.writeFile("notes/notes.txt", "x")
	notes, link := filepath.Join(p.env["HOME"], "notes"), filepath.Join(p.env["HOME"], "link")
	if err := os.Symlink(notes, link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		flags   string
		code    int
		message string
	}{
		{"--tls-new " + certs + " --tls-cert " + cert + " --tls-key " + key, cli.ExitUsage, "--tls-cert gives one"},
		{"--tls-new " + certs + " --insecure-listen 127.0.0.1:0", cli.ExitUsage, "is plain HTTP, without TLS"},
		{"--tls-name far.example", cli.ExitUsage, "--tls-name is for the certificate that --tls-new makes"},
		{"--tls-new " + certs + " --tls-name far.example:5000", cli.ExitUsage, "is neither a host's name nor an IP address"},
		{"--tls-new " + certs + " --tls-name=", cli.ExitUsage, "is neither a host's name"},
		{"--tls-new " + certs + " --tls-name a,,b", cli.ExitUsage, "is neither a host's name"},
		{"--tls-new=", cli.ExitUsage, "--tls-new needs the name of a folder"},
		{"--tls-new " + notes, cli.ExitFailed, "it is not empty and has no ca.crt: there is notes.txt"},
		{"--tls-new " + link, cli.ExitIntegrity, "it is a link"},
		{"--tls-new " + cert, cli.ExitFailed, "it is no folder"},
	} {
		p.run(append([]string{"serve", dir}, strings.Fields(test.flags)...)...).want(test.code, test.message)
		if fileExists(certs) {
			t.Fatalf("%s has made a folder", test.flags)
		}
	}
}
