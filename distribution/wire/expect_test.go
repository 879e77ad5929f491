package wire

import (
	"context"
	"errors"
	"strings"
	"testing"
)

const expectedDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func expectation(t *testing.T, text string) *Expectation {
	t.Helper()
	e, err := ParseExpectation(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Each test makes calls, "METHOD URL", of which the last is refused where it is marked so.
func TestExpect(t *testing.T) {
	tests := map[string]struct {
		list    string
		calls   string
		refused string // why the last call is
		missing string
	}{
		"as listed":            {"GET /v2/{name}/manifests/{tag}\n\nHEAD /v2/{name}/manifests/{tag}", "GET http://r/v2/a/b/manifests/1.6, HEAD http://r/v2/c/manifests/1.6", "", ""},
		"another call":         {"GET /v2/{name}/manifests/{tag}", "GET http://r/v2/a/manifests/" + expectedDigest, "it is not expected; line 1 is, GET /v2/{name}/manifests/{tag}", ""},
		"another method":       {"GET /v2/", "HEAD http://r/v2/", "it is not expected; line 1 is, GET /v2/", ""},
		"once too often":       {"GET /v2/", "GET http://r/v2/, GET http://r/v2/", "it is not expected, and nothing more is", ""},
		"any order in a level": {"# a comment\nGET /a\nGET /b # another\n---\nGET /c", "GET http://r/b, GET http://r/a, GET http://r/c", "", ""},
		"a level too early":    {"GET /a\nGET /b\n\n\nGET /c", "GET http://r/a, GET http://r/c", "it is not expected; line 2 is, GET /b", ""},
		"a level too late":     {"GET /a *\n---\nGET /b\n---\nGET /c", "GET http://r/b, GET http://r/a", "it is not expected; line 5 is, GET /c", ""},
		"times":                {"GET /a x2\nGET /b *", "GET http://r/a, GET http://r/b, GET http://r/b, GET http://r/a", "", ""},
		"times missing":        {"GET /a x3\nGET /b *", "GET http://r/a", "", "policy expect: line 1, GET /a, was made 1 of 3 times"},
		"never made":           {"GET /a\n\nGET /b", "GET http://r/a", "", "policy expect: line 3, GET /b, was made 0 of 1 times"},
		"an empty list":        {"\n# nothing\n---\n", "GET http://r/a", "it is not expected, and nothing more is", ""},
		"hosts":                {"GET r.example/a\nGET *.example/b\nGET https://r.example:5000/c", "GET http://r.example/a, GET http://x.example/b, GET http://r.example:5000/c", "", ""},
		"another host":         {"GET r.example/a", "GET http://x.example/a", "it is not expected; line 1 is, GET r.example/a", ""},
		"the precise line first": {"POST /v2/{name}/blobs/uploads/ *\nPOST /v2/{name}/blobs/uploads/?mount={digest}&from={name}\nGET *",
			"POST http://r/v2/a/blobs/uploads/?mount=sha256%3Aab&from=b/c, POST http://r/v2/a/blobs/uploads/, GET http://r/any/where", "", ""},
		"a query is missing": {"POST /u/?mount={digest}", "POST http://r/u/", "it is not expected; line 1 is, POST /u/?mount={digest}", ""},
		"sessions":           {"PUT /v2/{name}/blobs/uploads/{session}?digest={digest}", "PUT http://r/v2/a/blobs/uploads/x-y_z=?_state=s&digest=" + expectedDigest, "", ""},
		"literally":          {"GET /a.b", "GET http://r/axb", "it is not expected; line 1 is, GET /a.b", ""},
	}
	for name, test := range tests {
		rules := &Rules{Expect: expectation(t, test.list)}
		calls := strings.Split(test.calls, ", ")
		for i, c := range calls {
			method, address, _ := strings.Cut(c, " ")
			err := rules.admit(newRequest(t, method, address, nil))
			reason := ""
			if err != nil {
				reason = err.Reason
			}
			want := ""
			if i == len(calls)-1 {
				want = test.refused
			}
			if reason != want {
				t.Errorf("%s: %s: %q, want %q", name, c, reason, want)
			}
		}
		if missing := rules.Missing(); test.refused == "" && (missing == nil) != (test.missing == "") || missing != nil && test.missing != "" && missing.Error() != test.missing {
			t.Errorf("%s: missing %v, want %q", name, missing, test.missing)
		}
	}
}

// An attempt that Retry makes again needs no line of its own; any other repetition does.
func TestExpectRetries(t *testing.T) {
	rules := &Rules{Expect: expectation(t, "GET /a\n---\nGET /b")}
	get := func(path string, attempt int) *PolicyError {
		ctx := context.WithValue(t.Context(), attemptKey{}, attempt)
		return rules.admit(newRequest(t, "GET", "http://r"+path, nil).WithContext(ctx))
	}
	for _, err := range []*PolicyError{get("/a", 1), get("/a", 2), get("/b", 1), get("/b", 2), get("/a", 3)} {
		if err != nil {
			t.Error(err)
		}
	}
	if get("/c", 2) == nil || get("/b", 1) == nil || rules.Missing() != nil {
		t.Error("what is not listed passes")
	}
}

func TestExpectBadLines(t *testing.T) {
	for text, want := range map[string]string{
		"GET":                                `line 1: want METHOD PATH, and perhaps how often, got "GET"`,
		"\n\nget /a":                         `line 3: "get" is no method such as GET`,
		"GET /a\nGET a":                      `line 2: "a" has no path`,
		"GET /a 3":                           `line 1: "3" is not how often: want x and a number, such as x3, or * for any`,
		"GET /a x0":                          `line 1: "x0" is not how often: want x and a number, such as x3, or * for any`,
		"GET /a x1 y":                        `line 1: want METHOD PATH, and perhaps how often, got "GET /a x1 y"`,
		"GET /v2/{repo}/tags/list":           `line 1: {repo} is none of {name}, {digest}, {tag}, {session}`,
		"GET /a?b={}":                        `line 1: {} is none of {name}, {digest}, {tag}, {session}`,
		"GET a*b/c":                          `line 1: "a*b" is no host such as`,
		"GET /" + strings.Repeat("a", 1<<17): `line 1: bufio.Scanner: token too long`,
	} {
		_, err := ParseExpectation(strings.NewReader(text))
		var bad *ExpectError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseExpectation(f *testing.F) {
	f.Add("GET /v2/{name}/blobs/{digest}?a=* x3\n---\n# c\nPUT *.example:5000/x *")
	f.Add("GET [::1]:5/{tag}")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseExpectation(strings.NewReader(text))
		if err != nil {
			return
		}
		rules := &Rules{Expect: e}
		rules.admit(newRequest(t, "GET", "https://registry.example/v2/a/manifests/1", nil))
		rules.Missing()
	})
}
