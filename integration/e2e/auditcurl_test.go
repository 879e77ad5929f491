package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// scriptVariable returns the variable for a host in a script of audit curl.
func scriptVariable(kind, host string) string {
	return kind + "_" + strings.NewReplacer(".", "_", ":", "_").Replace(host)
}

// The script made of a cold copy's audit repeats the copy: run by a shell with curl in an empty
// folder, with an empty registry as the target, it pushes every byte.
func TestAuditCurlRepeatsCopy(t *testing.T) {
	t.Parallel()
	curl, shell := servers.Find(t, "curl", "curl"), servers.Find(t, "sh", "dash")
	const account = "alice:secret"
	for name, options := range map[string]func(t *testing.T) servers.Options{
		"open":     func(*testing.T) servers.Options { return servers.Options{} },
		"relative": func(*testing.T) servers.Options { return servers.Options{RelativeURLs: true} },
		"htpasswd": func(*testing.T) servers.Options { return servers.Options{Users: users} },
		"tokens": func(t *testing.T) servers.Options {
			return servers.Options{Tokens: servers.Tokens(t, servers.TokenOptions{Users: users})}
		},
		"TLS": func(t *testing.T) servers.Options { return servers.Options{TLS: servers.NewCertificates(t)} },
	} {
		for kind, start := range kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				o := options(t)
				from, to, fresh := start(t, o), start(t, o), start(t, o)
				im := fixture.Real()
				if name != "open" { // each call is a run of curl
					im = im.Only("linux/arm64")
				}
				source := push(t, from, im, "src/repo", "1.6")
				transship, _ := servers.Transship(t)
				dir := t.TempDir()
				file := filepath.Join(dir, "audit.jsonl")
				args := []string{"--audit", file, source, to.Host + "/dst/repo:1.6"}
				env := []string{"PATH=" + filepath.Dir(curl) + ":" + os.Getenv("PATH"), "HOME=" + dir}
				if o.Users != nil || o.Tokens != nil {
					args = append(args, "--src-creds", account, "--dst-creds", account)
				}
				if o.TLS != nil {
					args = append(args, "--src-ca", o.TLS.CAFile, "--dst-ca", o.TLS.CAFile)
					env = append(env, "CURL_CA_BUNDLE="+o.TLS.CAFile)
				}
				runCopy(t, transship, im, args...)
				writeFile(t, dir, "run.sh", transship.Output(t, "audit", "curl", file))

				env = append(env, scriptVariable("HOST", to.Host)+"="+fresh.URL)
				for _, host := range []string{from.Host, to.Host, tokenHost(o)} {
					env = append(env, scriptVariable("USERPASS", host)+"="+account)
				}
				empty := t.TempDir()
				sh := servers.Program{Path: shell, Env: env, Dir: empty}
				if got := sh.Run(t, filepath.Join(dir, "run.sh")); got.Exit != 0 {
					t.Fatalf("exit %d\n%s%s", got.Exit, got.Stdout, got.Stderr)
				}
				verify(t, fresh, im, "dst/repo", "1.6")
			})
		}
	}
}

// The script also repeats a large blob that was fetched in parallel ranges and sent in chunks.
func TestAuditCurlOfRangesAndChunks(t *testing.T) {
	t.Parallel()
	servers.Find(t, "curl", "curl")
	from, to, fresh := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{}),
		servers.CNCF(t, servers.Options{})
	im := fixture.Synthetic(fixture.Spec{Layers: []int64{34 << 20}})
	source := push(t, from, im, "big", "1")
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "audit.jsonl")
	runCopy(t, transship, im, "--ranges", "4", "--chunk-size", "8MiB", "--audit", file, source, to.Host+"/big:1")
	parts := 0
	for _, e := range readAudit(t, file) {
		if e.Status == http.StatusPartialContent {
			parts++
		}
	}
	if parts < 33 {
		t.Errorf("it was fetched in %d parts", parts)
	}
	writeFile(t, dir, "run.sh", transship.Output(t, "audit", "curl", file))
	sh := servers.Program{Path: servers.Find(t, "sh", "dash"), Dir: t.TempDir(), Env: []string{
		"PATH=" + os.Getenv("PATH"), scriptVariable("HOST", to.Host) + "=" + fresh.URL}}
	if got := sh.Run(t, filepath.Join(dir, "run.sh")); got.Exit != 0 {
		t.Fatalf("exit %d\n%s%s", got.Exit, got.Stdout, got.Stderr)
	}
	verify(t, fresh, im, "big", "1")
}

// tokenHost returns the host of the token server, or "".
func tokenHost(o servers.Options) string {
	if o.Tokens == nil {
		return ""
	}
	_, host, _ := strings.Cut(o.Tokens.Realm, "://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

// An identity token is sent by POST, whose body is not recorded.
func TestAuditCurlWithIdentityToken(t *testing.T) {
	t.Parallel()
	servers.Find(t, "curl", "curl")
	tokens := servers.Tokens(t, servers.TokenOptions{Users: users, OAuth2: true, RefreshTokens: true})
	at := servers.CNCF(t, servers.Options{Tokens: tokens})
	im := fixture.Real()
	source := push(t, at, im, "src/repo", "1.6")
	identity := tokens.RefreshToken("alice")
	transship, config := servers.Transship(t)
	writeFile(t, config, "config.json", `{"auths":{"`+at.Host+`":{"auth":"YWxpY2U6","identitytoken":"`+identity+`"}}}`)
	file := filepath.Join(t.TempDir(), "audit.har")
	transship.Output(t, "inspect", "--audit", file, source)
	script := transship.Output(t, "audit", "curl", file)
	if strings.Contains(script, identity) {
		t.Error("the script knows the token")
	}
	dir := t.TempDir()
	writeFile(t, dir, "run.sh", script)
	tokens.ForgetRequests()
	sh := servers.Program{Path: servers.Find(t, "sh", "dash"), Dir: t.TempDir(),
		Env: []string{"PATH=" + os.Getenv("PATH"),
			scriptVariable("IDENTITY", tokenHost(servers.Options{Tokens: tokens})) + "=" + identity}}
	if got := sh.Run(t, filepath.Join(dir, "run.sh")); got.Exit != 0 {
		t.Fatalf("exit %d\n%s%s\n%s", got.Exit, got.Stdout, got.Stderr, script)
	}
	wantTokens(t, "the script", tokens, tokenRequest{"POST", "alice", []string{pullSrc}})
}
