package servers

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hczjl/transship/integration/fixture"
)

const pull = "repository:dst/klibc:pull"

// ask sends a token request as a client would: the parameters in the query of a GET or in the form
// of a POST.
func ask(t *testing.T, s *TokenServer, method, user, password string, params url.Values) (int, tokenReply) {
	t.Helper()
	to, body := s.Realm+"?"+params.Encode(), ""
	if method == http.MethodPost {
		to, body = s.Realm, params.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var reply tokenReply
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, reply
}

func TestTokenServer(t *testing.T) {
	t.Parallel()
	users := map[string]string{"alice": "secret"}
	scope := url.Values{"service": {"x"}, "scope": {pull}}
	with := func(pairs ...string) url.Values {
		v := url.Values{"service": {"x"}, "scope": {pull}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	tests := []struct {
		name           string
		options        TokenOptions
		method         string
		user, password string
		params         url.Values
		status         int
		refresh        bool
	}{
		{"anonymous", TokenOptions{}, "GET", "", "", scope, 200, false},
		{"user", TokenOptions{Users: users}, "GET", "alice", "secret", scope, 200, false},
		{"wrong password", TokenOptions{Users: users}, "GET", "alice", "guess", scope, 401, false},
		{"unknown user", TokenOptions{}, "GET", "alice", "", scope, 401, false},
		{"refresh token not offered", TokenOptions{Users: users}, "GET", "alice", "secret", with("offline_token", "true"), 200, false},
		{"refresh token", TokenOptions{Users: users, RefreshTokens: true}, "GET", "alice", "secret", with("offline_token", "true"), 200, true},
		{"POST off", TokenOptions{Users: users}, "POST", "", "", with("grant_type", "password", "username", "alice", "password", "secret"), 404, false},
		{"POST", TokenOptions{Users: users, OAuth2: true}, "POST", "", "", with("grant_type", "password", "username", "alice", "password", "secret"), 200, false},
		{"POST, wrong password", TokenOptions{Users: users, OAuth2: true}, "POST", "", "", with("grant_type", "password", "username", "alice", "password", "guess"), 401, false},
		{"POST, offline", TokenOptions{Users: users, OAuth2: true, RefreshTokens: true}, "POST", "", "", with("grant_type", "password", "username", "alice", "password", "secret", "access_type", "offline"), 200, true},
		{"POST, unknown refresh token", TokenOptions{OAuth2: true}, "POST", "", "", with("grant_type", "refresh_token", "refresh_token", "guess"), 401, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Tokens(t, test.options)
			status, reply := ask(t, s, test.method, test.user, test.password, test.params)
			if status != test.status {
				t.Fatalf("status %d, want %d", status, test.status)
			}
			if got := reply.RefreshToken != ""; got != test.refresh {
				t.Errorf("refresh token %q", reply.RefreshToken)
			}
			if (reply.AccessToken != "") != (status == http.StatusOK) {
				t.Errorf("access token %q with status %d", reply.AccessToken, status)
			}
		})
	}
}

// Token requests are recorded.
func TestTokenRequests(t *testing.T) {
	t.Parallel()
	s := Tokens(t, TokenOptions{Users: map[string]string{"alice": "secret"}, OAuth2: true})
	query := url.Values{"service": {"x"}, "scope": {pull, "repository:a/b:pull,push"}}
	ask(t, s, http.MethodGet, "alice", "secret", query)
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {s.RefreshToken("alice")},
		"scope":         {pull + " repository:a/b:pull,push"},
	}
	ask(t, s, http.MethodPost, "", "", form)
	scopes := []string{pull, "repository:a/b:pull,push"}
	want := []TokenRequest{
		{Method: "GET", User: "alice", Scopes: scopes, Params: query, Status: 200},
		{Method: "POST", User: "alice", Scopes: scopes, Params: form, Status: 200},
	}
	if diff := cmp.Diff(want, s.Requests()); diff != "" {
		t.Error(diff)
	}
	s.ForgetRequests()
	if got := s.Requests(); len(got) != 0 {
		t.Errorf("after ForgetRequests: %v", got)
	}
}

// The registry verifies what tokens allow and when they expire.
func TestRegistryVerifiesTokens(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options TokenOptions
		user    string
		scope   string
		status  int
	}{
		{"pull", TokenOptions{Users: map[string]string{"alice": "secret"}}, "alice", pull, 200},
		{"anonymous pull", TokenOptions{Anonymous: []string{"pull"}}, "", pull, 200},
		{"nothing for anonymous", TokenOptions{}, "", pull, 401},
		{"push only", TokenOptions{Users: map[string]string{"alice": "secret"}}, "alice", "repository:dst/klibc:push", 401},
		{"another repository", TokenOptions{Users: map[string]string{"alice": "secret"}}, "alice", "repository:other:pull", 401},
		{"expired", TokenOptions{Users: map[string]string{"alice": "secret"}, Lifetime: time.Nanosecond}, "alice", pull, 401},
	}
	for _, kind := range kinds {
		for _, test := range tests {
			t.Run(kind.name+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				s := Tokens(t, test.options)
				r := kind.start(t, Options{Tokens: s})
				if err := r.Repository("dst/klibc").Push(t.Context(), fixture.Real(), "1"); err != nil {
					t.Fatal(err)
				}
				_, reply := ask(t, s, http.MethodGet, test.user, "secret", url.Values{"scope": {test.scope}})
				req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, r.URL+"/v2/dst/klibc/manifests/1", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Accept", fixture.DockerList)
				req.Header.Set("Authorization", "Bearer "+reply.Token)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != test.status {
					t.Errorf("%s, want %d: %s", resp.Status, test.status, resp.Header.Get("WWW-Authenticate"))
				}
			})
		}
	}
}
