package registry_test

import (
	"context"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

func TestBasic(t *testing.T) {
	check := func(_ context.Context, user, password string) bool { return user == "user" && password == "secret:" }
	c := serve(t, &registry.Basic{Handler: &registry.Handler{}, Realm: `a "realm"`, Check: check})
	for _, resp := range []response{
		c.do("GET", "/v2/", ""),
		c.do("HEAD", "/v2/x/blobs/"+digest("x"), ""),
		c.do("POST", "/v2/x/blobs/uploads/", ""),
		c.do("GET", "/v2/Bad/tags/list", ""),
		c.do("GET", "/other", ""),
		c.do("GET", "/v2/", "", "Authorization: Basic dXNlcjpzZWNyZXQ="), // user:secret
		c.do("GET", "/v2/", "", "Authorization: Basic x"),
		c.do("GET", "/v2/", "", "Authorization: Bearer dXNlcjpzZWNyZXQ6"),
	} {
		resp.want(t, 401, "UNAUTHORIZED").wantHeader(t, `WWW-Authenticate: Basic realm="a \"realm\""`,
			"Docker-Distribution-API-Version: registry/2.0")
	}
	resp := c.do("GET", "/v2/", "", "Authorization: Basic dXNlcjpzZWNyZXQ6") // user:secret:
	resp.want(t, 200, "").wantHeader(t, "WWW-Authenticate:")

	all := func(context.Context, string, string) bool { return true }
	c = serve(t, &registry.Basic{Handler: &registry.Handler{}, Check: all})
	c.do("GET", "/v2/", "").want(t, 401, "UNAUTHORIZED")
}
