package wire

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRedactHeaderRemovesSecrets(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"Content-Type", "application/json", "application/json"},
		{"docker-content-digest", "sha256:1", "sha256:1"},
		{"Authorization", "Bearer secret", "Bearer REDACTED"},
		{"Authorization", "Basic c2VjcmV0", "Basic REDACTED"},
		{"Authorization", "secret", "REDACTED"},
		{"Authorization", "AWS4-HMAC-SHA256 secret", "REDACTED"},
		{"Proxy-Authorization", "Basic c2VjcmV0", "Basic REDACTED"},
		{"Cookie", "a=secret", "REDACTED"},
		{"Set-Cookie", "a=secret", "REDACTED"},
		{"X-Amz-Security-Token", "secret", "REDACTED"},
		{"X-Api-Key", "secret", "REDACTED"},
		{"X-Empty", "", ""},
		{"Location", "/u/1?_state=secret&digest=sha256:1", "/u/1?_state=REDACTED&digest=sha256:1"},
		{"Location", "https://u:secret@s.example/x?sig=secret#secret", "https://REDACTED@s.example/x?sig=REDACTED"},
		{"Location", "https://s.example/%zz?sig=secret", "REDACTED"},
		{"Referer", "https://s.example/x?sig=secret", "https://s.example/x?sig=REDACTED"},
		{"Link", `</v2/a/tags/list?n=1&last=b&t=secret>; rel="next"`, `</v2/a/tags/list?n=1&last=b&t=REDACTED>; rel="next"`},
		{"Link", `<a?x=secret>;rel=next, <b>`, `<a?x=REDACTED>; rel="next", <b>`},
		{"Link", `<a>; rel="next"; token=secret`, "REDACTED"},
		{"Www-Authenticate", `Bearer realm="https://a.example/token",service="r",scope="repository:a:pull"`,
			`Bearer realm="https://a.example/token",service="r",scope="repository:a:pull"`},
		{"Www-Authenticate", `Basic realm="Registry Realm"`, `Basic realm="Registry Realm"`},
		{"Www-Authenticate", `Bearer realm="https://u:secret@a.example/token?sig=secret",key=secret`,
			`Bearer realm="https://REDACTED@a.example/token?sig=REDACTED",REDACTED`},
		{"Www-Authenticate", `Bearer secret`, `REDACTED`},
		{"Www-Authenticate", `Negotiate c2VjcmV0==`, `Negotiate REDACTED`},
		{"Www-Authenticate", `Bearer realm="unclosed, token="secret`, `Bearer realm="unclosed, token=" REDACTED`},
		{"Www-Authenticate", `Basic realm="a", Bearer realm="b"`, `Basic realm="a", Bearer realm="b"`},
	}
	for _, test := range tests {
		h := http.Header{test.name: {test.value}}
		got := RedactHeader(h)
		name := http.CanonicalHeaderKey(test.name)
		if diff := cmp.Diff(http.Header{name: {test.want}}, got); diff != "" {
			t.Errorf("%s: %s\n%s", test.name, test.value, diff)
		}
		if h[test.name][0] != test.value {
			t.Errorf("%s: the caller's header was changed", test.name)
		}
	}
}

func FuzzRedactHeader(f *testing.F) {
	f.Add(`Bearer realm="x",a=`, `"`)
	f.Add(`Bearer realm="https://`, `@x"`)
	f.Add(`<a?b=`, `>; rel="next"`)
	f.Add(`<a>; rel="`, `"`)
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "Zq7secret"
		for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Other"} {
			if got := RedactHeader(http.Header{name: {before + secret + after}}); strings.Contains(got.Get(name), secret) {
				t.Errorf("%s %q shows the secret", name, before+secret+after)
			}
		}
		for _, name := range []string{"Location", "Link", "Www-Authenticate"} {
			RedactHeader(http.Header{name: {before + after}})
		}
	})
}
