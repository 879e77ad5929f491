package wire_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hczjl/transship/distribution/wire"
)

// The whole chain except auth, which is above Retry, and Plan, which answers writes itself.
func Example() {
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "{}")
	}))
	defer registry.Close()
	host := strings.TrimPrefix(registry.URL, "http://")

	hosts := &wire.Transport{
		Registry:  host,
		CertsDirs: []string{"/etc/docker/certs.d", "/etc/containers/certs.d"},
	}
	policy := &wire.Policy{
		Base:  &wire.Timeout{Base: hosts},
		Rules: &wire.PolicyRules{ReadOnly: true},
	}
	record := &wire.Recorder{
		Base: policy,
		OnCall: func(c wire.Call) {
			fmt.Println(c.Sequence, c.Attempt, c.Method, strings.Replace(c.URL, host, "HOST", 1), c.StatusCode, c.Received)
		},
	}
	headers := &wire.Headers{Base: record, UserAgent: "transship/1.0.0"}
	limit := &wire.Limiter{Base: &wire.Loopback{Base: headers}, Congestion: new(wire.Congestion)}
	client := &http.Client{
		Transport:     &wire.Retry{Base: limit},
		CheckRedirect: wire.RedirectRules{}.CheckRedirect,
	}

	resp, err := client.Get("https://" + host + "/v2/?state=secret")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	// Output: 1 1 GET http://HOST/v2/?state=REDACTED 200 2
}
