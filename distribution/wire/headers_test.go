package wire

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeadersSetsDefaults(t *testing.T) {
	header := func(agent string, encoding ...string) http.Header {
		h := http.Header{"User-Agent": {agent}}
		if len(encoding) > 0 {
			h["Accept-Encoding"] = encoding
		}
		return h
	}
	const agent = "transship/1.2.3"
	tests := map[string]struct {
		agent, method string
		header, want  http.Header
	}{
		"GET":              {agent, "GET", nil, header(agent, "identity")},
		"no method":        {agent, "", nil, header(agent, "identity")},
		"HEAD":             {"", "HEAD", http.Header{}, header("transship", "identity")},
		"PUT":              {"", "PUT", http.Header{"X": {"y"}}, http.Header{"User-Agent": {"transship"}, "X": {"y"}}},
		"own":              {"", "GET", header("own", "gzip"), header("own", "gzip")},
		"empty User-Agent": {"", "PUT", http.Header{"User-Agent": nil}, http.Header{"User-Agent": nil}},
	}
	for name, test := range tests {
		req := newRequest(t, test.method, "https://registry.example/", nil)
		req.Method = test.method
		req.Header = test.header
		before := test.header.Clone()
		headers := &Headers{UserAgent: test.agent, Base: responder(func(r *http.Request) *http.Response {
			if diff := cmp.Diff(test.want, r.Header); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", name, diff)
			}
			return answer(r, 200, "")
		})}
		if _, err := headers.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, req.Header); diff != "" {
			t.Errorf("%s: the caller's request was changed (-want +got):\n%s", name, diff)
		}
	}
}
