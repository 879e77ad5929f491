package e2e

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

const (
	pullSrc = "repository:src/repo:pull"
	pushDst = "repository:dst/repo:pull,push"
)

// tokenRequest is the part of a token request that tests compare.
type tokenRequest struct {
	Method, User string
	Scopes       []string
}

func tokenRequests(tokens *servers.TokenServer) []tokenRequest {
	var all []tokenRequest
	for _, r := range tokens.Requests() {
		scopes := slices.Clone(r.Scopes)
		slices.Sort(scopes)
		all = append(all, tokenRequest{r.Method, r.User, scopes})
	}
	return all
}

func wantTokens(t *testing.T, what string, tokens *servers.TokenServer, want ...tokenRequest) {
	t.Helper()
	if diff := cmp.Diff(want, tokenRequests(tokens)); diff != "" {
		t.Errorf("%s: token requests: %s", what, diff)
	}
}

// Each side needs one token: for pull at the source, for pull and push at the target.
func TestOneTokenPerSide(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := servers.Tokens(t, servers.TokenOptions{Users: users})
			here := servers.Tokens(t, servers.TokenOptions{Users: users})
			from, to := start(t, servers.Options{Tokens: there}), start(t, servers.Options{Tokens: here})
			im := sharedLayersImage()
			source := push(t, from, im, "src/repo", "1.6")
			transship, config := servers.Transship(t)
			servers.WriteAuths(t, config, map[string]string{from.Host: "alice:secret", to.Host: "bob:pass:word"})
			for range 2 {
				there.ForgetRequests()
				here.ForgetRequests()
				runCopy(t, transship, im, source, to.Host+"/dst/repo:1.6")
				wantTokens(t, "source", there, tokenRequest{"GET", "alice", []string{pullSrc}})
				wantTokens(t, "target", here, tokenRequest{"GET", "bob", []string{pushDst}})
			}
			verify(t, to, im, "dst/repo", "1.6")
		})
	}
}

// A token costs one additional call on each side: the one that is answered with the challenge.
func TestTokenCostsOneCall(t *testing.T) {
	t.Parallel()
	tokens := servers.Tokens(t, servers.TokenOptions{Users: users})
	o := servers.Options{Tokens: tokens}
	from, to := servers.CNCF(t, o), servers.CNCF(t, o)
	im := fixture.Real()
	source := push(t, from, im, "src/repo", "1.6")
	transship, _ := servers.Transship(t)
	from.ForgetCalls(t)
	to.ForgetCalls(t)
	runCopy(t, transship, im, "--src-creds=alice:secret", "--dst-creds=alice:secret", source, to.Host+"/dst/repo:1.6")
	images, blobs := len(im.Manifests)-1, len(im.Blobs)
	wantCalls(t, "source", from.Calls(t), 1+images+blobs+1, map[string]int{
		"GET manifest no": 1, "GET manifest ok": 1 + images, "GET blob ok": blobs,
	})
	wantCalls(t, "target", to.Calls(t), 1+2*blobs+images+1+1, map[string]int{
		"HEAD manifest no": 2, // the challenge, and that there is no such tag
		"POST mount ok":    blobs, "PUT upload ok": blobs, "PUT manifest ok": images + 1,
	})
}

// On one registry one token serves both sides, mounts included.
func TestOneTokenForBothSides(t *testing.T) {
	t.Parallel()
	tokens := servers.Tokens(t, servers.TokenOptions{Users: users})
	at := servers.CNCF(t, servers.Options{Tokens: tokens})
	im := fixture.Real()
	source := push(t, at, im, "src/repo", "1.6")
	transship, config := servers.Transship(t)
	servers.WriteAuths(t, config, map[string]string{at.Host: "alice:secret"})
	at.ForgetCalls(t)
	runCopy(t, transship, im, source, at.Host+"/dst/repo:1.6")
	wantTokens(t, "both", tokens, tokenRequest{"GET", "alice", []string{pushDst, pullSrc}})
	if n := len(at.Calls(t).With("GET", "/blobs/")); n > 0 {
		t.Errorf("%d blobs were fetched that could be mounted", n)
	}
	verify(t, at, im, "dst/repo", "1.6")
}

// Two accounts on one registry have separate tokens, and mounts use the target's account.
func TestTwoAccountsOnOneRegistry(t *testing.T) {
	t.Parallel()
	tokens := servers.Tokens(t, servers.TokenOptions{Users: users})
	at := servers.CNCF(t, servers.Options{Tokens: tokens})
	im := fixture.Real()
	source := push(t, at, im, "src/repo", "1.6")
	transship, _ := servers.Transship(t)
	runCopy(t, transship, im, "--src-creds=alice:secret", "--dst-creds=bob:pass:word", source, at.Host+"/dst/repo:1.6")
	verify(t, at, im, "dst/repo", "1.6")
	wantTokens(t, "both", tokens,
		tokenRequest{"GET", "bob", []string{pushDst}},
		tokenRequest{"GET", "alice", []string{pullSrc}},
		tokenRequest{"GET", "bob", []string{pushDst, pullSrc}})
}

// A public repository is pulled with a token requested without an account.
func TestAnonymousToken(t *testing.T) {
	t.Parallel()
	tokens := servers.Tokens(t, servers.TokenOptions{Anonymous: []string{"pull"}})
	from, to := servers.Debian(t, servers.Options{Tokens: tokens}), servers.Debian(t, servers.Options{})
	im := fixture.Real()
	source := push(t, from, im, "src/repo", "1.6")
	transship, _ := servers.Transship(t)
	runCopy(t, transship, im, source, to.Host+"/dst/repo:1.6")
	verify(t, to, im, "dst/repo", "1.6")
	wantTokens(t, "source", tokens, tokenRequest{"GET", "", []string{pullSrc}})
	wantRefused(t, transship.Run(t, "copy", to.Host+"/dst/repo:1.6", from.Host+"/new/repo:1.6"), exitAuth, from.Host,
		"--dst-creds")
	wantAbsent(t, from, "new/repo", "1.6")
}

// An identity token, which docker login stores, is used by POST.
func TestIdentityToken(t *testing.T) {
	t.Parallel()
	tokens := servers.Tokens(t, servers.TokenOptions{Users: users, OAuth2: true, RefreshTokens: true})
	at := servers.Debian(t, servers.Options{Tokens: tokens})
	im := fixture.Real()
	source := push(t, at, im, "src/repo", "1.6")
	transship, config := servers.Transship(t)
	writeFile(t, config, "config.json", `{"auths":{"`+at.Host+`":{"auth":"YWxpY2U6","identitytoken":"`+
		tokens.RefreshToken("alice")+`"}}}`)
	runCopy(t, transship, im, source, at.Host+"/dst/repo:1.6")
	wantTokens(t, "both", tokens, tokenRequest{"POST", "alice", []string{pushDst, pullSrc}})
	verify(t, at, im, "dst/repo", "1.6")

	writeFile(t, config, "config.json", `{"auths":{"`+at.Host+`":{"auth":"YWxpY2U6","identitytoken":"expired"}}}`)
	got := transship.Run(t, "copy", source, at.Host+"/new/repo:1.6")
	wantRefused(t, got, exitAuth, at.Host, "transship login "+at.Host)
	wantAbsent(t, at, "new/repo", "1.6")
}

// A wrong password is sent to the token server only once, so that the account is not locked.
func TestWrongPasswordIsSentOnce(t *testing.T) {
	t.Parallel()
	tokens := servers.Tokens(t, servers.TokenOptions{Users: users})
	at := servers.Debian(t, servers.Options{Tokens: tokens})
	source := push(t, at, fixture.Real(), "src/repo", "1.6")
	transship, _ := servers.Transship(t)
	wantRefused(t, transship.Run(t, "copy", "--src-creds=alice:guess", source, "oci:"+filepath.Join(t.TempDir(), "x")),
		exitAuth, at.Host, "alice")
	wantTokens(t, "copy", tokens, tokenRequest{"GET", "alice", []string{pullSrc}})
	tokens.ForgetRequests()
	wantRefused(t, transship.Run(t, "login", "-u", "alice", "-p", "guess", at.Host), exitAuth, at.Host, "alice")
	wantTokens(t, "login", tokens, tokenRequest{"GET", "alice", []string{}})
}

// A token that expires during an upload is renewed before: only the first call is refused, and no
// byte is sent twice.
func TestTokenExpiresDuringUpload(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"one PUT each": nil, "chunks": {"--chunk-size=256KiB"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The client is told 2 s; expiry times are whole seconds.
			tokens := servers.Tokens(t, servers.TokenOptions{Users: users, Lifetime: 2900 * time.Millisecond})
			from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{Tokens: tokens})
			slow := startRelay(t, to.Host, relayOptions{rate: 1 << 20})
			im := fixture.Synthetic(fixture.Spec{Seed: 21, Layers: []int64{3 << 20, 3 << 20, 1000}})
			source := push(t, from, im, "src/repo", "1.6")
			transship, _ := servers.Transship(t)
			target := slow.host + "/dst/repo:1.6"
			runCopy(t, transship, im,
				append([]string{"--jobs=1", "--dst-creds=alice:secret", source, target}, flags...)...)
			verify(t, to, im, "dst/repo", "1.6")

			if n := len(tokens.Requests()); n < 3 {
				t.Errorf("%d token requests for a copy of three lifetimes", n)
			}
			for _, r := range tokenRequests(tokens) {
				if diff := cmp.Diff([]string{pushDst}, r.Scopes); diff != "" {
					t.Error(diff)
				}
			}
			n := countCalls(to.Calls(t))
			if n["HEAD manifest no"] != 2 ||
				n["PATCH upload no"]+n["PUT upload no"]+n["POST mount no"]+n["POST upload ok"] > 0 {
				t.Errorf("calls were refused or uploads begun anew: %v", n)
			}
		})
	}
}

// The manifest commands need one token each: for pull at create, for push at push.
func TestManifestTokens(t *testing.T) {
	t.Parallel()
	tokens := servers.Tokens(t, servers.TokenOptions{Users: users})
	at := servers.CNCF(t, servers.Options{Tokens: tokens})
	im := fixture.Real()
	r := pushPlatforms(t, at, im, "dst/repo")
	transship, config := servers.Transship(t)
	servers.WriteAuths(t, config, map[string]string{at.Host: "alice:secret"})
	steps := r.steps()
	run(t, transship, steps[:1])
	wantTokens(t, "create", tokens, tokenRequest{"GET", "alice", []string{"repository:dst/repo:pull"}})
	tokens.ForgetRequests()
	run(t, transship, steps[1:])
	wantTokens(t, "push", tokens, tokenRequest{"GET", "alice", []string{pushDst}})
	verify(t, at, im, "dst/repo", "1.6")
}

// Credentials for the list's registry are not sent to the other registries that the list names.
func TestCredentialsStayWithTheirRegistry(t *testing.T) {
	t.Parallel()
	here := servers.Tokens(t, servers.TokenOptions{Users: users})
	there := servers.Tokens(t, servers.TokenOptions{Anonymous: []string{"pull"}})
	at, other := servers.CNCF(t, servers.Options{Tokens: here}), servers.CNCF(t, servers.Options{Tokens: there})
	im := fixture.Real()
	image := push(t, other, im.Only("linux/amd64"), "src/repo", "amd64")
	transship, _ := servers.Transship(t)
	list := at.Host + "/dst/repo:1.6"
	transship.Output(t, "manifest", "create", "--creds=alice:secret", list, image)
	transship.Output(t, "manifest", "push", "--creds=alice:secret", list)
	wantTokens(t, "the other registry", there, tokenRequest{"GET", "", []string{pullSrc}},
		tokenRequest{"GET", "", []string{pullSrc}})
	wantTokens(t, "the list's registry", here, tokenRequest{"GET", "alice", []string{pushDst}})
	only := im.Only("linux/amd64").Root().Digest.String()
	verify(t, at, im.Only("linux/amd64"), "dst/repo", only)
}
