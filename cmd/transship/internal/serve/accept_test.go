package serve

import (
	"net/http"
	"testing"
)

func TestPrefersHTML(t *testing.T) {
	for accept, want := range map[string]bool{
		"":    false,
		"*/*": false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8": true,
		"text/plain":                        false,
		"text/plain, text/html":             true,
		"text/plain, text/html;q=0.5":       false,
		"text/html;q=0":                     false,
		"text/html;q=x":                     true,
		"application/json":                  false,
		"text/*":                            false,
		",;;text/html;;q=,, text/html;q=.3": true,
	} {
		if got := prefersHTML(http.Header{"Accept": {accept}}); got != want {
			t.Errorf("%q: got %v", accept, got)
		}
	}
}
