package wire

import (
	"context"
	"errors"
	"strings"
	"testing"
)

const expectedDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func expectation(t *testing.T, text string) *ExpectedCalls {
	t.Helper()
	e, err := ParseExpectation(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Each test makes its calls, "METHOD URL". All are expected, but perhaps the last.
func TestRulesExpectCalls(t *testing.T) {
	const post, mount = "POST /v2/{name}/blobs/uploads/", "POST /v2/{name}/blobs/uploads/?mount={digest}&from={name}"
	tests := map[string]struct {
		list    string
		calls   string // separated by commas
		refused string // why the last call is, empty if it is not
		missing string // error of Missing, empty for none
	}{
		"in the list's order": {
			list:  "GET /v2/{name}/manifests/{tag}\n\nHEAD /v2/{name}/manifests/{tag}",
			calls: "GET http://r/v2/a/b/manifests/1.6, HEAD http://r/v2/c/manifests/1.6",
		},
		"other reference": {
			list: "GET /v2/{name}/manifests/{tag}", calls: "GET http://r/v2/a/manifests/" + expectedDigest,
			refused: "it is not expected; expected is line 1, GET /v2/{name}/manifests/{tag}",
		},
		"other method": {
			list: "GET /v2/", calls: "HEAD http://r/v2/", refused: "it is not expected; expected is line 1, GET /v2/",
		},
		"too often": {
			list: "GET /v2/", calls: "GET http://r/v2/, GET http://r/v2/",
			refused: "it is not expected; no more calls are",
		},
		"any order in a level": {
			list:  "# a comment\nGET /a\nGET /b # another\n---\nGET /c",
			calls: "GET http://r/b, GET http://r/a, GET http://r/c",
		},
		"a level too early": {
			list: "GET /a\nGET /b\n\n\nGET /c", calls: "GET http://r/a, GET http://r/c",
			refused: "it is not expected; expected is line 2, GET /b",
		},
		"a level too late": {
			list: "GET /a *\n---\nGET /b\n---\nGET /c", calls: "GET http://r/b, GET http://r/a",
			refused: "it is not expected; expected is line 5, GET /c",
		},
		"times": {
			list:  "GET /a x2\nGET /b *",
			calls: "GET http://r/a, GET http://r/b, GET http://r/b, GET http://r/a",
		},
		"not often enough": {
			list: "GET /a x3\nGET /b *", calls: "GET http://r/a",
			missing: "policy expect: line 1, GET /a, was made 1 of 3 times",
		},
		"never made": {
			list: "GET /a\n\nGET /b", calls: "GET http://r/a",
			missing: "policy expect: line 3, GET /b, was made 0 of 1 times",
		},
		"hosts": {
			list:  "GET r.example/a\nGET *.example/b\nGET https://r.example:5000/c",
			calls: "GET http://r.example/a, GET http://x.example/b, GET http://r.example:5000/c",
		},
		"other host": {
			list: "GET r.example/a", calls: "GET http://x.example/a",
			refused: "it is not expected; expected is line 1, GET r.example/a",
		},
		"most precise line first": {
			list: post + " *\n" + mount + "\nGET *",
			calls: "POST http://r/v2/a/blobs/uploads/?mount=sha256%3Aab&from=b/c, " +
				"POST http://r/v2/a/blobs/uploads/, GET http://r/any/path",
		},
		"missing parameter": {
			list: "POST /u/?mount={digest}", calls: "POST http://r/u/",
			refused: "it is not expected; expected is line 1, POST /u/?mount={digest}",
		},
		"session": {
			list:  "PUT /v2/{name}/blobs/uploads/{session}?digest={digest}",
			calls: "PUT http://r/v2/a/blobs/uploads/x-y_z=?_state=s&digest=" + expectedDigest,
		},
		"literal dot": {
			list: "GET /a.b", calls: "GET http://r/axb", refused: "it is not expected; expected is line 1, GET /a.b",
		},
	}
	for name, test := range tests {
		rules := &PolicyRules{Expect: expectation(t, test.list)}
		calls := strings.Split(test.calls, ", ")
		for i, c := range calls {
			method, address, _ := strings.Cut(c, " ")
			reason, want := "", ""
			if err := rules.check(newRequest(t, method, address, nil)); err != nil {
				reason = err.Reason
			}
			if i == len(calls)-1 {
				want = test.refused
			}
			if reason != want {
				t.Errorf("%s: %s: %q, want %q", name, c, reason, want)
			}
		}
		missing := ""
		if err := rules.Missing(); err != nil {
			missing = err.Error()
		}
		if test.refused == "" && missing != test.missing {
			t.Errorf("%s: missing %q, want %q", name, missing, test.missing)
		}
	}
}

// An attempt that Retry repeats needs no line of its own. Any other repeated call does.
func TestRulesExpectRepeatedAttempts(t *testing.T) {
	rules := &PolicyRules{Expect: expectation(t, "GET /a\n---\nGET /b")}
	get := func(path string, attempt int) *PolicyError {
		ctx := context.WithValue(t.Context(), attemptKey{}, attempt)
		return rules.check(newRequest(t, "GET", "http://r"+path, nil).WithContext(ctx))
	}
	for _, err := range []*PolicyError{get("/a", 1), get("/a", 2), get("/b", 1), get("/b", 2), get("/a", 3)} {
		if err != nil {
			t.Error(err)
		}
	}
	if get("/c", 2) == nil || get("/b", 1) == nil || rules.Missing() != nil {
		t.Error("a call that is not listed is allowed")
	}
}

func TestParseExpectationRejectsBadLines(t *testing.T) {
	for text, want := range map[string]string{
		"GET":                                `line 1: want METHOD PATH and an optional count, got "GET"`,
		"\n\nget /a":                         `line 3: "get" is not a method: want one of GET HEAD`,
		"GET /a\nGET a":                      `line 2: "a" has no path`,
		"GET /a 3":                           `line 1: "3" is not a count: want x and a number, such as x3, or * for any`,
		"GET /a x0":                          `line 1: "x0" is not a count: want x and a number, such as x3, or * for any`,
		"GET /a x1 y":                        `line 1: want METHOD PATH and an optional count, got "GET /a x1 y"`,
		"GET /v2/{repo}/tags/list":           `line 1: {repo} is none of {name}, {digest}, {tag}, {session}`,
		"GET /a?b={}":                        `line 1: {} is none of {name}, {digest}, {tag}, {session}`,
		"GET a*b/c":                          `line 1: "a*b" is no host such as`,
		"GET /" + strings.Repeat("a", 1<<17): `line 1: it is longer than 65536 bytes`,
		"":                                   `line 1: the list ends without a call`,
		"\n# nothing\n---\n":                 `line 3: the list ends without a call`,
		"FETCH /a":                           `line 1: "FETCH" is not a method: want one of GET HEAD`,
		"GET /a x-1":                         `line 1: "x-1" is not a count`,
		"GET /a x99999999999999999999":       `line 1: "x99999999999999999999" is not a count`,
		"GET /a X3":                          `line 1: "X3" is not a count`,
		strings.Repeat("x", 5000):            `line 1: want METHOD PATH and an optional count, got "xxxxx`,
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
		rules := &PolicyRules{Expect: e}
		rules.check(newRequest(t, "GET", "https://registry.example/v2/a/manifests/1", nil))
		rules.Missing()
	})
}
