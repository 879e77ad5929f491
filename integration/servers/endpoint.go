package servers

import (
	"fmt"
	"net/http"

	"github.com/hczjl/transship/integration/fixture"
)

// harness is the user agent of this package's own requests, which Calls leaves out.
const harness = "transship-harness"

// Endpoint is where a registry can be reached.
type Endpoint struct {
	Host   string       // host:port, as it stands in an image reference
	URL    string       // scheme://host:port
	Client *http.Client // may do everything here: it has the credentials, trusts the CA, shows the client certificate
}

// Repository reaches a repository of the registry, to push a fixture or to verify what is there.
func (e Endpoint) Repository(name string) fixture.Repository {
	return fixture.Repository{Client: e.Client, URL: e.URL, Name: name}
}

// instance is a header that every answer of a server bears: the server's folder. It tells the server from another one
// that has taken its port.
const instance = "X-Test-Server"

// answers reports an error unless the server at e is there and its header says want.
func (e Endpoint) answers(header, want string) error {
	resp, err := e.Client.Get(e.URL + "/v2/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if got := resp.Header.Get(header); got != want {
		return fmt.Errorf("%s is another server: %s is %q, want %q", e.URL, header, got, want)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s/v2/: %s", e.URL, resp.Status)
	}
	return nil
}

// transport signs requests as the harness's own and lets authorize add credentials.
type transport struct {
	base      http.RoundTripper
	authorize func(*http.Request) // may be nil
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", harness)
	if t.authorize != nil {
		t.authorize(req)
	}
	return t.base.RoundTrip(req)
}
