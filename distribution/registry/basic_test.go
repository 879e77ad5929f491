package registry_test

import (
	"context"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

func TestBasic(t *testing.T) {
	check := func(_ context.Context, user, password string) bool { return user == "captain" && password == "anchor:" }
	c := serve(t, &registry.Basic{Handler: &registry.Handler{}, Realm: `a "port"`, Check: check})
	for _, a := range []answer{
		c.do("GET", "/v2/", ""),
		c.do("HEAD", "/v2/x/blobs/"+digest("x"), ""),
		c.do("POST", "/v2/x/blobs/uploads/", ""),
		c.do("GET", "/v2/Bad/tags/list", ""),
		c.do("GET", "/elsewhere", ""),
		c.do("GET", "/v2/", "", "Authorization: Basic Y2FwdGFpbjphbmNob3I="), // captain:anchor
		c.do("GET", "/v2/", "", "Authorization: Basic x"),
		c.do("GET", "/v2/", "", "Authorization: Bearer Y2FwdGFpbjphbmNob3I6"),
	} {
		a.want(t, 401, "UNAUTHORIZED").header(t, `WWW-Authenticate: Basic realm="a \"port\""`, "Docker-Distribution-API-Version: registry/2.0")
	}
	c.do("GET", "/v2/", "", "Authorization: Basic Y2FwdGFpbjphbmNob3I6").want(t, 200, "").header(t, "WWW-Authenticate:")

	all := func(context.Context, string, string) bool { return true }
	c = serve(t, &registry.Basic{Handler: &registry.Handler{}, Check: all})
	c.do("GET", "/v2/", "").want(t, 401, "UNAUTHORIZED")
}
