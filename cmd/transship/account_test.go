package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

func TestPullDeniedHints(t *testing.T) {
	c := newCopySetup(t)
	for name, test := range map[string]struct {
		host, args string
		want       wantedError
	}{
		"basic, nobody": {listen(t, requirePassword(c.source)), "",
			wantedError{3, "401 Unauthorized: UNAUTHORIZED authentication required (as anonymous)",
				", or give --src-creds user:password"}},
		"basic, wrong password": {listen(t, requirePassword(c.source)), "--src-creds user:" + secret,
			wantedError{3, "(as user from --src-creds)", "check the user name and the password of --src-creds"}},
		"token, nobody": {listen(t, &tokenRegistry{next: c.source}), "",
			wantedError{3, "/token answered 401 Unauthorized to anonymous", ", or give --src-creds user:password"}},
		"token, wrong password": {listen(t, &tokenRegistry{next: c.source}), "--src-creds user:" + secret,
			wantedError{3, `answered 401 Unauthorized to user "user" from --src-creds`,
				"check the user name and the password of --src-creds"}},
		"expired token": {listen(t, &tokenRegistry{next: c.source, public: true, expired: true}), "",
			wantedError{3, "401 Unauthorized: UNAUTHORIZED authentication required (as anonymous)",
				"transship login 127.0.0.1:"}},
		"expired, with account": {listen(t, &tokenRegistry{next: c.source, expired: true}),
			"--src-creds " + user + ":" + password, wantedError{3, "(as user from --src-creds)", "--src-creds"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &copySetup{program: newProgram(t), source: c.source, target: c.target, dst: c.dst,
				src: test.host + "/src/repo:1.6"}
			c.runFails("copy "+test.args+" SRC DST", test.want)
		})
	}
}

func TestPushDeniedHints(t *testing.T) {
	c := newCopySetup(t)
	for name, guarded := range map[string]string{
		"basic":  listen(t, requirePassword(c.target)),
		"token":  listen(t, &tokenRegistry{next: c.target}),
		"public": listen(t, &tokenRegistry{next: c.target, public: true}), // anonymous clients may pull
	} {
		t.Run(name, func(t *testing.T) {
			c := &copySetup{program: newProgram(t), source: c.source, target: c.target, src: c.src,
				dst: guarded + "/dst/repo:1.6"}
			c.runFails("copy SRC DST",
				wantedError{3, "", "transship login " + guarded + ", or give --dst-creds user:password"})
			c.runFails("copy --dst-creds user:"+secret+" SRC DST",
				wantedError{3, "from --dst-creds", "check the user name and the password of --dst-creds"})
		})
	}
}

// Source and target on one registry may use different accounts.
func TestTwoAccountsOnOneRegistry(t *testing.T) {
	c := newCopySetup(t)
	guarded := listen(t, &tokenRegistry{next: c.source})
	src, dst := guarded+"/src/repo:1.6", guarded+"/dst/repo:1.6"
	good, bad := user+":"+password, "other:"+secret
	c.run("copy", "--src-creds", good, "--dst-creds", good, src, dst).want(0)
	c.run("copy", "--src-creds", good, "--dst-creds", bad, src, dst+".1").
		wantError(wantedError{3, `user "other" from --dst-creds`, "--dst-creds"})
	c.run("copy", "--src-creds", bad, "--dst-creds", good, src, dst+".1").
		wantError(wantedError{3, `user "other" from --src-creds`, "--src-creds"})
}

func TestCredentialsFromStdin(t *testing.T) {
	c := newCopySetup(t)
	src, dst := listen(t, &tokenRegistry{next: c.source})+"/src/repo:1.6", listen(t, requirePassword(c.target))+
		"/dst/repo:1.6"
	good, bad := user+":"+password, "other:"+secret
	c.stdin = good + "\n" + good + "\n"
	c.run("copy", "--src-creds", "-", "--dst-creds", "-", src, dst).want(0)
	c.stdin = good + "\r\n" + bad
	c.run("copy", "--dst-creds=-", "--src-creds=-", src, dst+".1").
		wantError(wantedError{3, "(as other from --dst-creds)", "--dst-creds"})
	c.stdin = good
	c.run("copy", "--src-creds", "-", "--dst-creds", "-", src, dst).
		wantError(wantedError{2, "--dst-creds -: standard input has no more lines", ""})
	c.stdin = secret + "\n"
	c.run("digest", "--creds", "-", src).
		wantError(wantedError{2, "--creds: credentials need the form user:password", ""})
}

func TestCredentialsFromConfig(t *testing.T) {
	c := newCopySetup(t)
	src := listen(t, &tokenRegistry{next: c.source})
	entry := func(pass string) string {
		return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, src, base64.StdEncoding.EncodeToString([]byte(user+":"+pass)))
	}
	file := c.writeFile(".docker/config.json", entry(password))
	c.run("copy", "-v", src+"/src/repo:1.6", c.dst).want(0)
	c.writeFile(".docker/config.json", entry(secret))
	c.run("digest", src+"/src/repo:1.6").
		wantError(wantedError{3, `user "user" from ` + file, "log in again: transship login " + src})
	c.env["DOCKER_CONFIG"] = c.env["HOME"] + "/elsewhere"
	c.writeFile("elsewhere/config.json", entry(password))
	c.run("digest", src+"/src/repo:1.6").want(0)
}

// Credentials given for one registry are not sent to another one.
func TestCredentialsStayWithTheirRegistry(t *testing.T) {
	c := newCopySetup(t)
	other := listen(t, requirePassword(c.source))
	c.run("manifest", "create", "--creds", user+":"+password, c.target.host+"/dst/repo:1.6", other+"/src/repo:1.6").
		wantError(wantedError{3, "(as anonymous)", "transship login " + other})
	c.run("manifest", "create", "--creds", user+":"+password, other+"/dst/repo:1.6", other+"/src/repo:1.6").want(0)
}

func TestTokenServerErrors(t *testing.T) {
	for name, test := range map[string]struct {
		rule registry.Rule
		want wantedError
	}{
		"out of order": {registry.Rule{Match: "^GET /token", Status: 503, Body: "<html>"},
			wantedError{1, "/token answered 503 Service Unavailable", ""}},
		"rate limited": {registry.Rule{Match: "^GET /token", Status: 429},
			wantedError{6, "/token answered 429 Too Many Requests", "wait, or log in"}},
		"talks": {registry.Rule{Match: "^GET /token", Status: 200, Body: "hello"},
			wantedError{3, "no token from token server", ""}},
		"not there": {registry.Rule{Match: "^GET /token", Cut: registry.CutResponse},
			wantedError{5, "/token", "closes every connection"}},
		"elsewhere": {registry.Rule{Match: "^GET /v2", Status: 401,
			Header: map[string]string{"WWW-Authenticate": `Bearer realm="ftp://x.example.com/token"`}},
			wantedError{3, "401 Unauthorized", "transship login"}},
		"no challenge": {registry.Rule{Match: "^GET /v2", Status: 401},
			wantedError{3, "401 Unauthorized", "transship login"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			f := &registry.Faults{Handler: &tokenRegistry{next: c.source, public: true}}
			f.Set(test.rule)
			c.src = listen(t, f) + "/src/repo:1.6"
			c.runFails("copy SRC DST", test.want)
		})
	}
}

// A copy within one registry needs one token, which covers both repositories.
func TestOneTokenForBothSides(t *testing.T) {
	c := newCopySetup(t)
	f := &registry.Faults{Handler: &tokenRegistry{next: c.source, public: true}}
	host := listen(t, f)
	c.writeFile(".docker/config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host,
		base64.StdEncoding.EncodeToString([]byte(user+":"+password))))
	c.run("copy", host+"/src/repo:1.6", host+"/dst/repo:1.6").want(0)
	if n := f.Count("^GET /token"); n != 1 ||
		f.Count("^GET /token.*scope=repository%3Adst%2Frepo%3Apull%2Cpush&scope=repository%3Asrc%2Frepo%3Apull") != 1 {
		t.Errorf("%d tokens: %v", n, f.Requests())
	}
}

func TestTokenServerOnAnotherHost(t *testing.T) {
	c := newCopySetup(t)
	h := &tokenRegistry{next: c.source}
	elsewhere := listen(t, h)
	realm := "http://" + elsewhere + "/token"
	named := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&realmWriter{w, realm}, r)
	})
	plain, secure := listen(t, named), listenTLS(t, named)
	good := user + ":" + password
	says := "the credentials for " + plain + " go to its token server " + realm + "\n"
	o := c.run("copy", "-v", "--src-creds", good, plain+"/src/repo:1.6", c.dst).want(0)
	if strings.Count(o.stderr, says) != 1 {
		t.Errorf("-v does not say once %q:\n%s", says, o.stderr)
	}
	c.run("digest", "--vv", "--creds", good, plain+"/src/repo:1.6").want(0, says)
	if o := c.run("digest", "--creds", good, plain+"/src/repo:1.6").want(0); o.stderr != "" {
		t.Errorf("without -v it prints %s", o.stderr)
	}
	c.run("digest", "--insecure", "--creds", good, secure+"/src/repo:1.6").want(0) // both are on loopback
	realm = "http://10.1.2.3/token"
	c.run("digest", "--insecure", "--creds", good, secure+"/src/repo:1.6").
		wantError(wantedError{3, "refused: the registry uses https, but its token server " + realm + " does not",
			"by an https URL"})
}

// realmWriter sets the realm of a challenge.
type realmWriter struct {
	http.ResponseWriter
	realm string
}

// WriteHeader implements http.ResponseWriter.
func (w *realmWriter) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q", w.realm))
	}
	w.ResponseWriter.WriteHeader(status)
}
