package servers

import (
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
