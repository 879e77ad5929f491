package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestErrorText(t *testing.T) {
	tests := []struct {
		err  Error
		want string
	}{
		{
			Error{Host: "ghcr.io", Realm: "https://ghcr.io/token", Scope: Repository("a", Pull), Status: 401,
				Message: "bad password", User: "bob", Source: "/home/bob/.docker/config.json"},
			`ghcr.io: token server https://ghcr.io/token answered 401 Unauthorized to user "bob" from /home/bob/.docker/config.json for repository:a:pull: bad password`,
		},
		{Error{Host: "ghcr.io", Status: 403}, `ghcr.io: the registry answered 403 Forbidden to anonymous`},
		{
			Error{Host: "ghcr.io", Realm: "https://x/token", Status: 200, User: tokenUser, Err: errors.New("no JSON")},
			`ghcr.io: no token from token server https://x/token (token): no JSON`,
		},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestServerMessage(t *testing.T) {
	tests := []struct{ body, want string }{
		{`{"details":"incorrect username or password"}`, "incorrect username or password"},
		{`{"errors":[{"code":"UNAUTHORIZED","message":"access denied"}]}`, "access denied"},
		{`{"errors":[{"code":"UNAUTHORIZED"}]}`, "UNAUTHORIZED"},
		{`{"error":"invalid_grant","error_description":"token expired"}`, "token expired"},
		{`{"error":"invalid_grant"}`, "invalid_grant"},
		{`{"error":{"a":1},"message":"no"}`, "no"},
		{`{"errors":"x","message":"no"}`, "no"},
		{`{"errors":[7,{"message":""},{"message":"no"}]}`, "no"},
		{`["no"]`, ""},
		{`{"errors`, ""},
		{"401 Unauthorized\n\x1b[31mgo  away\x00", "401 Unauthorized [31mgo away"},
		{"<html><body>no</body></html>", ""},
		{"", ""},
		{strings.Repeat("ä", 400), strings.Repeat("ä", maxMessage) + "..."},
		{"\xff\xfe", "?"},
	}
	for _, test := range tests {
		if got := serverMessage([]byte(test.body)); got != test.want {
			t.Errorf("serverMessage(%q) = %q, want %q", test.body, got, test.want)
		}
	}
}

func TestCredentialStringHasNoSecret(t *testing.T) {
	full := Credential{
		Username: "bob", Password: "sesame", IdentityToken: "sesame", RegistryToken: "sesame", Source: "here"}
	for _, c := range []Credential{full, {IdentityToken: "sesame"}, {RegistryToken: "sesame"}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			for _, value := range []any{c, Static(c), &c, []Credential{c}} {
				if text := fmt.Sprintf(verb, value); strings.Contains(text, "sesame") {
					t.Errorf("%s of %T: %s", verb, value, text)
				}
			}
		}
	}
	if got, want := full.String(), `user "bob" from here`; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
	if anonymous := (Credential{Source: "here"}); !anonymous.Anonymous() || full.Anonymous() {
		t.Error("Anonymous is wrong")
	}
	if got := (Credential{Source: "here"}).String(); got != "anonymous" {
		t.Errorf("an anonymous credential is %q", got)
	}
}

func TestParseUserPass(t *testing.T) {
	tests := []struct {
		text string
		want Credential
		ok   bool
	}{
		{"bob:sesame", Credential{Username: "bob", Password: "sesame"}, true},
		{"bob:se:sa:me\n", Credential{Username: "bob", Password: "se:sa:me"}, true},
		{"bob:sesame\r\n", Credential{Username: "bob", Password: "sesame"}, true},
		{`_json_key:{"a": "b"}`, Credential{Username: "_json_key", Password: `{"a": "b"}`}, true},
		{"", Credential{}, false},
		{"sesame", Credential{}, false},
		{":sesame", Credential{}, false},
		{"sesame:", Credential{}, false},
		{"_json_key:{\n}\n", Credential{Username: "_json_key", Password: "{\n}"}, true},
	}
	for _, test := range tests {
		got, err := ParseUserPass(test.text)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("ParseUserPass(%q) = %v, %v", test.text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
}
