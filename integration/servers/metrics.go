package servers

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// metrics tell when the access log of a distribution registry is complete.
//
// The registry writes the line of a request when its handler returns. A short answer is still in a buffer then, so the
// line is written before the client sees the answer. The end of a long one can reach the client earlier; that happens
// with GET of a blob or manifest only. The registry's own counters know about those: no such request may be in flight,
// and the log must have as many of them as were counted.
type metrics struct {
	log, url string
	client   *http.Client
}

// settle waits until the log is complete.
func (m metrics) settle(t testing.TB) {
	t.Helper()
	Eventually(t, func() error { return m.complete(t) })
}

// complete reports what is missing.
func (m metrics) complete(t testing.TB) error {
	t.Helper()
	text, err := fetchText(m.client, m.url)
	if err != nil {
		return err
	}
	counted := sums(text)
	logged := map[string]int{}
	for _, e := range readEntries(t, m.log) {
		if h := streamed.FindStringSubmatch(e.Path); h != nil && e.Method == http.MethodGet {
			logged[h[1]]++
		}
	}
	for _, handler := range []string{"blob", "manifest"} {
		if n := counted["registry_http_in_flight_requests "+handler]; n > 0 {
			return fmt.Errorf("%d requests for a %s are under way", n, handler)
		}
		if n := counted["registry_http_requests_total "+handler]; logged[handler] < n {
			return fmt.Errorf("the access log has %d of %d requests for a %s", logged[handler], n, handler)
		}
	}
	return nil
}

// streamed matches the paths of the handlers blob and manifest.
var streamed = regexp.MustCompile(`^/v2/.+/(blob|manifest)s/[^/]+$`)

// series matches a line of the registry's metrics that counts or gauges requests, GETs only where it tells methods.
var series = regexp.MustCompile(
	`(?m)^(registry_http_(?:in_flight_requests|requests_total))\{(?:code="\d+",)?handler="(\w+)"(?:,method="get")?\} (\d+)$`)

// sums adds the values of series, by name and handler.
func sums(text string) map[string]int {
	total := map[string]int{}
	for _, m := range series.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[3]) // the expression admits digits only
		total[m[1]+" "+m[2]] += n
	}
	return total
}

func fetchText(client *http.Client, url string) (string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var text strings.Builder
	_, err = io.Copy(&text, resp.Body)
	return text.String(), err
}
