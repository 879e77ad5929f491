package main

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

func TestRefusals(t *testing.T) {
	v := newVoyage(t)
	for name, test := range map[string]struct {
		host, args string
		want       complaint
	}{
		"basic, nobody":         {listen(t, needsPassword(v.source)), "", complaint{3, "401 Unauthorized: UNAUTHORIZED authentication required (as anonymous)", ", or give --src-creds user:password"}},
		"basic, wrong password": {listen(t, needsPassword(v.source)), "--src-creds captain:" + secret, complaint{3, "(as captain from --src-creds)", "check the user name and the password of --src-creds"}},
		"token, nobody":         {listen(t, &harbour{next: v.source}), "", complaint{3, "/token answered 401 Unauthorized to anonymous", ", or give --src-creds user:password"}},
		"token, wrong password": {listen(t, &harbour{next: v.source}), "--src-creds captain:" + secret, complaint{3, `answered 401 Unauthorized to user "captain" from --src-creds`, "check the user name and the password of --src-creds"}},
		"expired token":         {listen(t, &harbour{next: v.source, public: true, expired: true}), "", complaint{3, "401 Unauthorized: UNAUTHORIZED authentication required (as anonymous)", "transship login 127.0.0.1:"}},
		"expired, with account": {listen(t, &harbour{next: v.source, expired: true}), "--src-creds " + user + ":" + password, complaint{3, "(as captain from --src-creds)", "--src-creds"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := &voyage{program: newProgram(t), source: v.source, target: v.target, dst: v.dst, src: test.host + "/halohub/halo:1.6"}
			v.fails("copy "+test.args+" SRC DST", test.want)
		})
	}
}

func TestPushIsRefused(t *testing.T) {
	v := newVoyage(t)
	for name, guarded := range map[string]string{
		"basic":  listen(t, needsPassword(v.target)),
		"token":  listen(t, &harbour{next: v.target}),
		"public": listen(t, &harbour{next: v.target, public: true}), // anybody may pull
	} {
		t.Run(name, func(t *testing.T) {
			v := &voyage{program: newProgram(t), source: v.source, target: v.target, src: v.src, dst: guarded + "/hczjl/halo:1.6"}
			v.fails("copy SRC DST", complaint{3, "", "transship login " + guarded + ", or give --dst-creds user:password"})
			v.fails("copy --dst-creds captain:"+secret+" SRC DST", complaint{3, "captain", "check the user name and the password of --dst-creds"})
		})
	}
}

// Two accounts on one registry, one for each side.
func TestTwoAccounts(t *testing.T) {
	v := newVoyage(t)
	guarded := listen(t, &harbour{next: v.source})
	src, dst := guarded+"/halohub/halo:1.6", guarded+"/hczjl/halo:1.6"
	good, bad := user+":"+password, "mate:"+secret
	v.run("copy", "--src-creds", good, "--dst-creds", good, src, dst).want(0)
	v.run("copy", "--src-creds", good, "--dst-creds", bad, src, dst+".1").complains(complaint{3, `user "mate" from --dst-creds`, "--dst-creds"})
	v.run("copy", "--src-creds", bad, "--dst-creds", good, src, dst+".1").complains(complaint{3, `user "mate" from --src-creds`, "--src-creds"})
}

func TestAccountsFromStandardInput(t *testing.T) {
	v := newVoyage(t)
	src, dst := listen(t, &harbour{next: v.source})+"/halohub/halo:1.6", listen(t, needsPassword(v.target))+"/hczjl/halo:1.6"
	good, bad := user+":"+password, "mate:"+secret
	v.stdin = good + "\n" + good + "\n"
	v.run("copy", "--src-creds", "-", "--dst-creds", "-", src, dst).want(0)
	v.stdin = good + "\r\n" + bad
	v.run("copy", "--dst-creds=-", "--src-creds=-", src, dst+".1").complains(complaint{3, "(as mate from --dst-creds)", "--dst-creds"})
	v.stdin = good
	v.run("copy", "--src-creds", "-", "--dst-creds", "-", src, dst).complains(complaint{2, "--dst-creds -: standard input has no line for it", ""})
	v.stdin = secret + "\n"
	v.run("digest", "--creds", "-", src).complains(complaint{2, "--creds: credentials need the form user:password", ""})
}

func TestAccountFromTheConfiguration(t *testing.T) {
	v := newVoyage(t)
	src := listen(t, &harbour{next: v.source})
	entry := func(pass string) string {
		return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, src, base64.StdEncoding.EncodeToString([]byte(user+":"+pass)))
	}
	file := v.write(".docker/config.json", entry(password))
	v.run("copy", "-v", src+"/halohub/halo:1.6", v.dst).want(0)
	v.write(".docker/config.json", entry(secret))
	v.run("digest", src+"/halohub/halo:1.6").complains(complaint{3, `user "captain" from ` + file, "log in again: transship login " + src})
	v.env["DOCKER_CONFIG"] = v.env["HOME"] + "/elsewhere"
	v.write("elsewhere/config.json", entry(password))
	v.run("digest", src+"/halohub/halo:1.6").want(0)
}

// What is given for one registry does not go to another that the command meets.
func TestCredentialsStayWithTheirRegistry(t *testing.T) {
	v := newVoyage(t)
	other := listen(t, needsPassword(v.source))
	v.run("manifest", "create", "--creds", user+":"+password, v.target.host+"/hczjl/halo:1.6", other+"/halohub/halo:1.6").
		complains(complaint{3, "(as anonymous)", "transship login " + other})
	v.run("manifest", "create", "--creds", user+":"+password, other+"/hczjl/halo:1.6", other+"/halohub/halo:1.6").want(0)
}

func TestTokenServerThatIsOfNoUse(t *testing.T) {
	for name, test := range map[string]struct {
		rule registry.Rule
		want complaint
	}{
		"out of order": {registry.Rule{On: "^GET /token", Status: 503, Body: "<html>"}, complaint{1, "/token answered 503 Service Unavailable", ""}},
		"rate limited": {registry.Rule{On: "^GET /token", Status: 429}, complaint{6, "/token answered 429 Too Many Requests", "wait, or log in"}},
		"talks":        {registry.Rule{On: "^GET /token", Status: 200, Body: "hello"}, complaint{3, "no token from token server", ""}},
		"not there":    {registry.Rule{On: "^GET /token", Cut: registry.CutAnswer}, complaint{5, "/token", "closed again and again"}},
		"elsewhere":    {registry.Rule{On: "^GET /v2", Status: 401, Header: map[string]string{"WWW-Authenticate": `Bearer realm="ftp://x.example.com/token"`}}, complaint{3, "401 Unauthorized", "transship login"}},
		"no challenge": {registry.Rule{On: "^GET /v2", Status: 401}, complaint{3, "401 Unauthorized", "transship login"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			f := &registry.Faults{Handler: &harbour{next: v.source, public: true}}
			f.Set(test.rule)
			v.src = listen(t, f) + "/halohub/halo:1.6"
			v.fails("copy SRC DST", test.want)
		})
	}
}

// Both sides on one registry ask for one token, for all that the copy does there.
func TestOneTokenForBothSides(t *testing.T) {
	v := newVoyage(t)
	f := &registry.Faults{Handler: &harbour{next: v.source, public: true}}
	host := listen(t, f)
	v.write(".docker/config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte(user+":"+password))))
	v.run("copy", host+"/halohub/halo:1.6", host+"/hczjl/halo:1.6").want(0)
	if n := f.Count("^GET /token"); n != 1 || f.Count("^GET /token.*scope=repository%3Ahalohub%2Fhalo%3Apull&scope=repository%3Ahczjl%2Fhalo%3Apull%2Cpush") != 1 {
		t.Errorf("%d tokens: %v", n, f.Requests())
	}
}
