package wire

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeaders(t *testing.T) {
	tests := map[string]struct {
		agent, method string
		header, want  http.Header
	}{
		"GET":          {"transship/1.2.3", "GET", nil, http.Header{"User-Agent": {"transship/1.2.3"}, "Accept-Encoding": {"identity"}}},
		"no method":    {"transship/1.2.3", "", nil, http.Header{"User-Agent": {"transship/1.2.3"}, "Accept-Encoding": {"identity"}}},
		"HEAD":         {"", "HEAD", http.Header{}, http.Header{"User-Agent": {"transship"}, "Accept-Encoding": {"identity"}}},
		"PUT":          {"", "PUT", http.Header{"X": {"y"}}, http.Header{"User-Agent": {"transship"}, "X": {"y"}}},
		"own":          {"", "GET", http.Header{"User-Agent": {"own"}, "Accept-Encoding": {"gzip"}}, http.Header{"User-Agent": {"own"}, "Accept-Encoding": {"gzip"}}},
		"own is empty": {"", "PUT", http.Header{"User-Agent": nil}, http.Header{"User-Agent": nil}},
	}
	for name, test := range tests {
		req := newRequest(t, test.method, "https://registry.example/", nil)
		req.Method = test.method
		req.Header = test.header
		before := test.header.Clone()
		headers := &Headers{UserAgent: test.agent, Base: roundTripper(func(r *http.Request) (*http.Response, error) {
			if diff := cmp.Diff(test.want, r.Header); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", name, diff)
			}
			return answer(r, 200, ""), nil
		})}
		if _, err := headers.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, req.Header); diff != "" {
			t.Errorf("%s: the caller's request was changed (-want +got):\n%s", name, diff)
		}
	}
}
