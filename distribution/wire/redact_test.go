package wire

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestRedactRemovesSecretsOfURL(t *testing.T) {
	tests := []struct{ url, want string }{
		{"https://r.example/v2/", "https://r.example/v2/"},
		{"https://user:secret@r.example:5000/v2/", "https://REDACTED@r.example:5000/v2/"},
		{"https://secret@r.example/v2/", "https://REDACTED@r.example/v2/"},
		{"https://r.example/v2/a/?mount=sha256:1&from=b", "https://r.example/v2/a/?mount=sha256:1&from=b"},
		{"https://r.example/u/1?_state=secret&digest=sha256%3A1", "https://r.example/u/1?_state=REDACTED&digest=sha256%3A1"},
		{"https://r.example/t?scope=repository%3Aa%3Apull&service=r&account=me&client_id=secret",
			"https://r.example/t?scope=repository%3Aa%3Apull&service=r&account=me&client_id=REDACTED"},
		{"https://r.example/?n=1&last=b&artifactType=c&tag=d&digest-algorithm=sha512",
			"https://r.example/?n=1&last=b&artifactType=c&tag=d&digest-algorithm=sha512"},
		{"https://cdn.example/x?X-Amz-Signature=secret&X-Amz-Date=secret#secret",
			"https://cdn.example/x?X-Amz-Signature=REDACTED&X-Amz-Date=REDACTED"},
		{"https://cdn.example/x?secret", "https://cdn.example/x?REDACTED"},
		{"https://cdn.example/x?digest", "https://cdn.example/x?digest"},
		{"https://cdn.example/x?sig=&&a=secret", "https://cdn.example/x?sig=&&a=REDACTED"},
		{"https://cdn.example/x?digest=1;sig=secret", "https://cdn.example/x?digest=1;sig=REDACTED"},
		{"https://cdn.example/x?Digest=secret", "https://cdn.example/x?Digest=REDACTED"},
		{"https://cdn.example/x?%64igest=1&%zz=secret", "https://cdn.example/x?%64igest=1&%zz=REDACTED"},
		{"https://cdn.example/x?sig=secret=secret", "https://cdn.example/x?sig=REDACTED"},
	}
	for _, test := range tests {
		u, err := url.Parse(test.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := Redact(u); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.url, got, test.want)
		}
		if u.String() != test.url {
			t.Errorf("%s was changed to %s", test.url, u)
		}
	}
	if got := Redact(nil); got != "" {
		t.Errorf("nil: %q", got)
	}
}

func TestRedactErrorRemovesSecretsOfURLs(t *testing.T) {
	inner := &url.Error{Op: "Get", URL: "https://u:secret@cdn.example/x?sig=secret", Err: io.ErrUnexpectedEOF}
	err := RedactError(inner)
	if want := `Get "https://REDACTED@cdn.example/x?sig=REDACTED": unexpected EOF`; err.Error() != want {
		t.Errorf("%s, want %s", err, want)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(inner.URL, "secret") {
		t.Error("the cause is lost, or the original was changed")
	}
	err = RedactError(&url.Error{Op: "Get", URL: "https://%zz?secret", Err: io.EOF})
	if err.Error() != `Get "REDACTED": EOF` {
		t.Error(err)
	}
	location := errors.New(`failed to parse Location header "https://h/?sig=secret": bad`)
	err = RedactError(&url.Error{Op: "Get", URL: "https://h/", Err: location})
	if strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if RedactError(io.EOF) != io.EOF || RedactError(nil) != nil {
		t.Error("another error was changed")
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("digest=sha256:1&sig=x", "u")
	f.Add("a;b=c&&=d", "")
	f.Add("%64igest=%zz", "user")
	f.Fuzz(func(t *testing.T, query, user string) {
		const secret = "Zq7secret"
		u := &url.URL{Scheme: "https", Host: "r.example", RawQuery: query + "&sig=" + secret}
		u.User = url.UserPassword(user, secret)
		if got := Redact(u); strings.Contains(got, secret) {
			t.Fatalf("%q shows the secret", got)
		}
	})
}

// What a record replaces in headers must not give an ordinary password away.
func TestOrdinarySecretLeavesNoGap(t *testing.T) {
	const version = "registry/2.0"
	for password, want := range map[string]string{
		"registry": version, "2.0": version, "src": version, "registry/2.0-x": version, "sesame": version,
	} {
		req, _ := http.NewRequest(http.MethodGet, "https://r.example/v2/src/repo/tags/list", nil)
		req.SetBasicAuth("user", password)
		header := http.Header{
			"Docker-Distribution-Api-Version": {version},
			"Server":                          {"user:" + password}, "Via": {password},
		}
		got := secretsOf(req).redactHeader(header)
		if got.Get("Docker-Distribution-Api-Version") != want || got.Get("Server") != redacted {
			t.Errorf("%s: got %v", password, got)
		}
		if shown := got.Get("Via") == password; shown != IsOrdinaryText(password, "src") {
			t.Errorf("%s: the header Via has %s", password, got.Get("Via"))
		}
	}
}
