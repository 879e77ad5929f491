package servers

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// metrics tell when the access log of a distribution registry is complete.
//
// The registry writes the line of a request when its handler returns. A short answer is still in a buffer then, so the
// line is written before the client sees the answer. The end of a long one can reach the client earlier; that happens
// with GET of a blob or manifest only. The registry's own counters know about those: no such request may be in flight,
// and the log must have as many of them as were counted.
type metrics struct {
	log, url string
}

// settle waits until the log is complete.
func (m metrics) settle(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		err := m.complete(t)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func (m metrics) complete(t testing.TB) error {
	t.Helper()
	text, err := fetchText(m.url)
	if err != nil {
		return err
	}
	entries := readEntries(t, m.log)
	for handler, path := range streamed {
		if n := sum(text, `registry_http_in_flight_requests\{handler="`+handler+`"\}`); n > 0 {
			return fmt.Errorf("%d requests to %s are still under way", n, handler)
		}
		want := sum(text, `registry_http_requests_total\{code="\d+",handler="`+handler+`",method="get"\}`)
		if got := count(entries, path); got < want {
			return fmt.Errorf("the access log has %d of %d requests to %s", got, want, handler)
		}
	}
	return nil
}

// streamed are the handlers, by their names in the metrics, with the paths they serve.
var streamed = map[string]*regexp.Regexp{
	"blob":     regexp.MustCompile(`^/v2/.+/blobs/[a-z0-9]+:`),
	"manifest": regexp.MustCompile(`^/v2/.+/manifests/`),
}

// count counts the GETs of paths.
func count(entries []entry, path *regexp.Regexp) int {
	n := 0
	for _, e := range entries {
		if e.Method == http.MethodGet && path.MatchString(e.Path) {
			n++
		}
	}
	return n
}

// sum adds the values of the series in a Prometheus text that an expression matches.
func sum(text, series string) int {
	total := 0.0
	for _, m := range regexp.MustCompile(`(?m)^`+series+` (\S+)$`).FindAllStringSubmatch(text, -1) {
		n, _ := strconv.ParseFloat(m[1], 64) // Prometheus writes numbers only
		total += n
	}
	return int(total)
}

func fetchText(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var text strings.Builder
	_, err = io.Copy(&text, resp.Body)
	return text.String(), err
}
