package auth

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseChallenges(t *testing.T) {
	type params = map[string]string
	tests := []struct {
		name  string
		lines []string
		want  []rawChallenge
	}{
		{"none", nil, nil},
		{"empty", []string{"", " , "}, nil},
		{"docker hub", []string{`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:samalba/my-app:pull,push"`},
			[]rawChallenge{{"bearer", params{"realm": "https://auth.docker.io/token", "service": "registry.docker.io", "scope": "repository:samalba/my-app:pull,push"}}}},
		{"several in one line", []string{`Negotiate, Basic realm="a, b", BEARER Realm = "x" , service=y`},
			[]rawChallenge{{"negotiate", params{}}, {"basic", params{"realm": "a, b"}}, {"bearer", params{"realm": "x", "service": "y"}}}},
		{"several lines", []string{`Basic realm="r"`, `Bearer realm="x"`},
			[]rawChallenge{{"basic", params{"realm": "r"}}, {"bearer", params{"realm": "x"}}}},
		{"escapes", []string{`Basic realm="a \"b\" \\c"`},
			[]rawChallenge{{"basic", params{"realm": `a "b" \c`}}}},
		{"unquoted", []string{`Bearer realm=https://h/token?a=b,service=s`},
			[]rawChallenge{{"bearer", params{"realm": "https://h/token?a=b", "service": "s"}}}},
		{"missing comma", []string{`Basic realm="Dev" charset="UTF-8"`},
			[]rawChallenge{{"basic", params{"realm": "Dev", "charset": "UTF-8"}}}},
		{"token68", []string{`Negotiate YWJj/basic==, Basic realm=x`},
			[]rawChallenge{{"negotiate", params{}}, {"basic", params{"realm": "x"}}}},
		{"scope twice", []string{`Bearer realm="x",scope="repository:a:pull",scope="repository:b:pull",realm="y"`},
			[]rawChallenge{{"bearer", params{"realm": "x", "scope": "repository:a:pull repository:b:pull"}}}},
		{"no end quote", []string{`Basic realm="GitHub`}, []rawChallenge{{"basic", params{"realm": "GitHub"}}}},
		{"backslash at the end", []string{`Basic realm="a\`}, []rawChallenge{{"basic", params{"realm": `a\`}}}},
		{"no scheme", []string{`realm="x", Basic realm=y`}, []rawChallenge{{"basic", params{"realm": "y"}}}},
	}
	for _, test := range tests {
		got := parseChallenges(test.lines)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(rawChallenge{})); diff != "" {
			t.Errorf("%s: -want +got\n%s", test.name, diff)
		}
	}
}

func TestChooseChallenge(t *testing.T) {
	at, _ := url.Parse("https://r.example.com/v2/a/tags/list")
	tests := []struct{ line, scheme, realm string }{
		{`Bearer realm="https://a.example.com/token"`, schemeBearer, "https://a.example.com/token"},
		{`Bearer realm="/token?x=y"`, schemeBearer, "https://r.example.com/token?x=y"},
		{`Bearer realm="//a.example.com/token"`, schemeBearer, "https://a.example.com/token"},
		{`Bearer realm="https://u:p@a.example.com/token#part"`, schemeBearer, "https://a.example.com/token"},
		{`Basic realm="x", Bearer realm="https://a.example.com/"`, schemeBearer, "https://a.example.com/"},
		{`Bearer realm="ftp://a.example.com/", Basic realm="x"`, schemeBasic, ""},
		{`Bearer realm="https://", Bearer realm="https://b.example.com"`, schemeBearer, "https://b.example.com"},
		{`Bearer service="x"`, schemeBearer, ""},
		{`Bearer realm="::%zz"`, schemeBearer, ""},
		{`Digest realm="x", Negotiate`, "", ""},
	}
	for _, test := range tests {
		c, ok := chooseChallenge([]string{test.line}, at)
		realm := ""
		if c.realm != nil {
			realm = c.realm.String()
		}
		if c.scheme != test.scheme || realm != test.realm || ok != (test.scheme != "") {
			t.Errorf("%s: got %q, %q, %v", test.line, c.scheme, realm, ok)
		}
	}
}

func FuzzParseChallenges(f *testing.F) {
	f.Add(`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"`)
	f.Add(`Negotiate abc==, Basic realm="a, \"b\"", Bearer realm=/token`)
	f.Add(`Bearer realm="x`)
	f.Add(`=,="\`)
	f.Fuzz(func(t *testing.T, line string) {
		for _, c := range parseChallenges([]string{line}) {
			if c.scheme == "" || c.scheme != strings.ToLower(c.scheme) {
				t.Errorf("scheme %q", c.scheme)
			}
		}
		at := &url.URL{Scheme: "https", Host: "r.example.com", Path: "/v2/"}
		c, ok := chooseChallenge([]string{line}, at)
		if ok != (c.scheme != "") {
			t.Errorf("found %v, but the challenge is %+v", ok, c)
		}
		if c.realm != nil && (c.realm.Hostname() == "" || c.realm.User != nil) {
			t.Errorf("realm %q", c.realm)
		}
	})
}
