package main

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

// The secrets of these tests. Each contains the constant secret, so that checkOutput looks for all
// of them.
const (
	refreshToken = "refresh-" + secret
	accessToken  = "access-" + secret
	signature    = "signature%2F" + secret // as in a URL
	cookie       = "cookie-" + secret
)

// checkNoSecrets checks that a text contains no secret in any encoding.
func checkNoSecrets(t *testing.T, where, text string) {
	t.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	for _, never := range []string{secret, password, basic, strings.TrimRight(basic, "="), url.QueryEscape(basic),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString([]byte(user + ":" + secret))} {
		if at := strings.Index(text, never); at >= 0 {
			t.Errorf("%s has %q: ...%s...", where, never, text[max(0, at-100):min(len(text), at+100)])
		}
	}
}

// leakyRegistry is a registry that repeats credentials in headers and error messages, sets cookies,
// redirects to signed URLs, and sends unusual challenges.
type leakyRegistry struct {
	next      http.Handler
	challenge string // WWW-Authenticate, with HOST for the registry; "" requires no credentials
	token     string // body of the token server's answer, or "moved" or "refused"; "" is the access token
	fail      string // answer requests with this in their path with 403 and the credentials received
}

// ServeHTTP implements http.Handler.
func (g *leakyRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	authorization := r.Header.Get("Authorization")
	name, pass, _ := r.BasicAuth()
	said := strings.Join([]string{authorization, name, pass, r.FormValue("refresh_token"), r.FormValue("password")},
		" ")
	for _, name := range []string{"Server", "Via", "X-Echo", "Docker-Distribution-Api-Version", "Etag"} {
		w.Header().Set(name, said)
	}
	w.Header().Set("Warning", `299 - "you said `+said+`"`)
	w.Header().Set("Set-Cookie", "session="+cookie)
	w.Header().Set("X-Amz-Security-Token", secret)
	switch {
	case r.URL.Path == "/token":
		g.serveToken(w, said)
	case g.challenge != "" && authorization == "":
		w.Header().Set("WWW-Authenticate", strings.ReplaceAll(g.challenge, "HOST", r.Host))
		w.WriteHeader(http.StatusUnauthorized)
	case g.fail != "" && strings.Contains(r.URL.Path, g.fail):
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":"you said %s","detail":%q}]}`, said, said)
	default:
		g.next.ServeHTTP(w, r)
	}
}

func (g *leakyRegistry) serveToken(w http.ResponseWriter, said string) {
	switch g.token {
	case "":
		fmt.Fprintf(w, `{"token":%q,"access_token":%q,"refresh_token":%q}`, accessToken, accessToken, refreshToken)
	case "moved":
		w.Header().Set("Location", "http://[::1/?signature="+signature)
		w.WriteHeader(http.StatusFound)
	case "refused":
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"details":"you said %s"}`, said)
	default:
		fmt.Fprint(w, g.token)
	}
}

// writeHelper installs a credential helper that prints answer.
func writeHelper(t *testing.T, p *program, name, answer string) {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no shell for a credential helper")
	}
	path := p.writeFile("docker-credential-"+name, "#!/bin/sh\ncat > /dev/null\necho '"+answer+"'\n")
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(path)+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// TestSecretsStaySecret passes secrets in every way that the program accepts them, and searches
// standard output, standard error and the audits for them, at every verbosity.
func TestSecretsStaySecret(t *testing.T) {
	const bearer = `Bearer realm="http://HOST/token?signature=` + signature +
		`",service="r",scope="repository:src/repo:pull"`
	account := func(members string) string { return `{"auths":{"HOST":{` + members + `}}}` }
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	given := "--src-creds " + user + ":" + password + " "
	for name, test := range map[string]struct {
		server leakyRegistry
		rules  []registry.Rule // of the source
		config string          // docker's config.json; HOST in it is the source
		helper string          // output of a credential helper
		args   string          // SRC and DST in it are the references, HOST the source
		code   int
	}{
		"flag, basic": {server: leakyRegistry{challenge: `Basic realm="r"`},
			args: given + "SRC DST"},
		"flag, token": {server: leakyRegistry{challenge: bearer},
			args: given + "SRC DST"},
		"file": {server: leakyRegistry{challenge: bearer}, config: account(`"auth":"` + basic + `"`), args: "SRC DST"},
		"file, identity token": {server: leakyRegistry{challenge: bearer},
			config: account(`"identitytoken":"` + refreshToken + `"`), args: "SRC DST"},
		"file, registry token": {server: leakyRegistry{challenge: bearer},
			config: account(`"registrytoken":"` + accessToken + `"`), args: "SRC DST"},
		"helper": {server: leakyRegistry{challenge: bearer}, config: `{"credHelpers":{"HOST":"test"}}`,
			helper: `{"Username":"` + user + `","Secret":"` + password + `"}`, args: "SRC DST"},
		"helper, identity token": {server: leakyRegistry{challenge: bearer}, config: `{"credHelpers":{"HOST":"test"}}`,
			helper: `{"Username":"<token>","Secret":"` + refreshToken + `"}`, args: "SRC DST"},
		"helper, broken": {server: leakyRegistry{challenge: bearer}, config: `{"credHelpers":{"HOST":"test"}}`,
			helper: `{"Username":7,"Secret":"` + password + `"}`, args: "SRC DST", code: 3},
		"file, broken": {server: leakyRegistry{challenge: bearer}, config: `{"auths":{"HOST":{"auth":"` + basic + `"}`,
			args: "SRC DST", code: 3},
		"refused": {server: leakyRegistry{challenge: bearer, fail: "manifests"}, args: given + "SRC DST", code: 3},
		"refused, basic": {server: leakyRegistry{challenge: `Basic realm="r"`, fail: "blobs"},
			args: given + "SRC DST", code: 3},
		"refused, identity": {server: leakyRegistry{challenge: bearer, fail: "manifests"},
			config: account(`"identitytoken":"` + refreshToken + `"`), args: "SRC DST", code: 3},
		"no token": {server: leakyRegistry{challenge: bearer, token: "refused"}, args: given + "SRC DST", code: 3},
		"no token, identity": {server: leakyRegistry{challenge: bearer, token: "refused"},
			config: account(`"identitytoken":"` + refreshToken + `"`), args: "SRC DST", code: 3},
		"token is no JSON": {server: leakyRegistry{challenge: bearer, token: accessToken},
			args: given + "SRC DST", code: 3},
		"token server moved": {server: leakyRegistry{challenge: bearer, token: "moved"},
			args: given + "SRC DST", code: 5},
		"token server not there": {server: leakyRegistry{challenge: strings.Replace(bearer, "HOST", "127.0.0.1:1", 1)},
			args: given + "SRC DST", code: 5},
		"odd challenges": {server: leakyRegistry{challenge: `Negotiate ` + basic + `, Bearer realm="http://` + user +
			":" + password + `@HOST/token?` + signature +
			`",key="` + secret + `",service=r`}, args: given + "SRC DST"},
		"challenge of no use": {server: leakyRegistry{challenge: `Bearer ` + accessToken},
			args: given + "SRC DST", code: 3},
		"signed storage": {rules: []registry.Rule{{Match: "^GET .*/blobs/", Status: 307, Header: map[string]string{
			"Location": "http://HOST/storage/blob?X-Amz-Signature=" + signature + "&digest=x"}}},
			args: "SRC DST", code: 4},
		"storage without sense": {rules: []registry.Rule{{Match: "^GET .*/blobs/", Status: 307, Header: map[string]string{
			"Location": "http://" + user + ":" + password + "@[::1/?sig=" + signature}}}, args: "SRC DST", code: 5},
		"storage with a password": {rules: []registry.Rule{{Match: "^GET .*/blobs/", Status: 307,
			Header: map[string]string{
				"Location": "http://" + user + ":" + password + "@127.0.0.1:1/?sig=" + signature}}},
			args: "SRC DST", code: 5},
		"storage of another kind": {rules: []registry.Rule{{Match: "^GET .*/blobs/", Status: 307,
			Header: map[string]string{
				"Location": "ftp://storage.example/?sig=" + signature}}}, args: "SRC DST", code: 5},
		"cached elsewhere": {rules: []registry.Rule{{Match: "^GET .*/manifests/1.6", Header: map[string]string{
			"Content-Location": "/x?sig=" + signature, "Link": "</x?sig=" + signature + `>; rel="next"`}}},
			args: "SRC DST"},
		"a range of another kind": {server: leakyRegistry{challenge: bearer}, rules: []registry.Rule{
			{Match: "^GET .*/blobs/", Times: 1, Cut: registry.CutResponse, After: 3},
			{Match: "^GET .*/blobs/", Status: 206, Header: map[string]string{"Content-Range": "Bearer " + accessToken}}},
			args: given + "--jobs 1 SRC DST", code: 1},
		"password in a reference": {args: user + ":" + password + "@HOST/src/repo:1.6 DST", code: 2},
		"password in a URL":       {args: "https://" + user + ":" + password + "@HOST/src/repo:1.6 DST", code: 2},
		"password of an odd flag": {args: "--src-cred " + user + ":" + password + " SRC DST", code: 2},
		"password without its flag": {args: "--src-creds=" + user + ":" + password,
			code: 2},
		"password that is no pair": {args: "--src-creds " + secret + " SRC DST",
			code: 2},
		"a policy, tokens": {server: leakyRegistry{challenge: bearer}, args: given + "--max-calls 2 SRC DST", code: 9},
		"a policy, signed addresses": {rules: []registry.Rule{{Match: "^GET .*/blobs/", Status: 307,
			Header: map[string]string{"Location": "https://storage.example/x?sig=" + signature}}},
			args: "--allow-host 127.0.0.1 SRC DST", code: 9},
	} {
		t.Run(name, func(t *testing.T) {
			if test.helper == "" { // helpers are looked up in $PATH of the process
				t.Parallel()
			}
			for i, how := range []string{"-v", "--vv", "--audit=HOME/a.jsonl", "--audit=HOME/a.har", "-q"} {
				c := newCopySetup(t)
				g := test.server
				g.next = c.source
				host := listen(t, &g)
				c.source.Set(rulesForHost(host, test.rules)...)
				c.target.Set(registry.Rule{Match: "^P", Edit: func(h http.Header) { signLocation(h) }})
				c.writeFile(".docker/config.json", strings.ReplaceAll(cmp.Or(test.config, "{}"), "HOST", host))
				if test.helper != "" {
					writeHelper(t, c.program, "test", test.helper)
					c.env["PATH"] = os.Getenv("PATH")
				}
				words := strings.NewReplacer("SRC", host+"/src/repo:1.6", "DST", c.dst, "HOST", host).Replace(test.args)
				o := c.run(append([]string{"copy", strings.ReplaceAll(how, "HOME", c.env["HOME"])},
					strings.Fields(words)...)...)
				if o.code != test.code {
					t.Errorf("exit %d, want %d\n%s", o.code, test.code, o.stderr)
				}
				checkNoSecrets(t, how+", standard output", o.stdout)
				checkNoSecrets(t, how+", standard error", o.stderr)
				files, _ := filepath.Glob(c.env["HOME"] + "/a.*")
				for _, file := range files {
					text, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					checkNoSecrets(t, how+", audit", string(text))
				}
				if wanted := i == 2 || i == 3; wanted != (len(files) > 0) && test.code != 2 {
					t.Errorf("%s: files %v", how, files)
				}
			}
		})
	}
}

// rulesForHost returns the rules with HOST in their headers replaced.
func rulesForHost(host string, rules []registry.Rule) []registry.Rule {
	out := slices.Clone(rules)
	for i, rule := range rules {
		out[i].Header = map[string]string{}
		for name, value := range rule.Header {
			out[i].Header[name] = strings.ReplaceAll(value, "HOST", host)
		}
	}
	return out
}

// signLocation adds a secret query to the Location of an upload.
func signLocation(h http.Header) {
	if location := h.Get("Location"); strings.Contains(location, "/uploads/") {
		h.Set("Location", location+"?_state="+signature+"&"+secret)
	}
}

// A proxy's password from the environment is never printed.
func TestProxyPasswordsStaySecret(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.pushThreePlatforms()
	var authorization string
	proxy := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization = r.Header.Get("Proxy-Authorization")
		w.Header().Set("Via", authorization)
		(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", s.host
		}}).ServeHTTP(w, r)
	}))
	for name, test := range map[string]struct {
		proxy string
		code  int
	}{
		"through it":   {"http://" + user + ":" + password + "@" + proxy, 0},
		"another kind": {"gopher://" + user + ":" + password + "@" + proxy, 0},
		"not there":    {"http://" + user + ":" + password + "@" + unusedAddress(t), cli.ExitNetwork},
	} {
		for _, how := range []string{"-v", "--vv", "--audit=HOME/a.jsonl", "--audit=HOME/a.har"} {
			if name != "through it" && how != "--vv" {
				continue // one is enough: starting a process takes time
			}
			home := t.TempDir()
			cmd, stderr := newProcess(t, "digest", "--plain-http", strings.ReplaceAll(how, "HOME", home),
				"registry.test/src/repo:1.6")
			cmd.Env = append(cmd.Env, "HTTP_PROXY="+test.proxy)
			out, _ := cmd.Output()
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("%s: exit %d, want %d\n%s", name, code, test.code, stderr)
			}
			text, _ := os.ReadFile(filepath.Join(home, "a"+filepath.Ext(how)))
			checkNoSecrets(t, name+" "+how, string(out)+stderr.String()+string(text))
		}
	}
	if !strings.HasPrefix(authorization, "Basic ") {
		t.Errorf("the proxy was sent %q", authorization)
	}
}
