package registry_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/hczjl/transship/distribution/registry"
)

// A registry in memory, for a test or a demonstration.
func ExampleHandler() {
	server := httptest.NewServer(&registry.Handler{})
	defer server.Close()

	resp, err := http.Get(server.URL + "/v2/_catalog")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Printf("%s %s", resp.Status, body)
	// Output: 200 OK {"repositories":[]}
}

// A registry that rejects the first request with 429.
func ExampleFaults() {
	faults := &registry.Faults{Handler: &registry.Handler{}}
	faults.Set(registry.Rule{Times: 1, Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "1"}})
	server := httptest.NewServer(faults)
	defer server.Close()

	for range 2 {
		resp, err := http.Get(server.URL + "/v2/")
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	fmt.Println(faults.Count("^GET /v2/"), "requests")
	// Output:
	// 429 Too Many Requests
	// 200 OK
	// 2 requests
}
