package image

import (
	"strings"
	"testing"
)

// Docker Hub and GitHub refuse the catalog to everybody: no login helps.
func TestNoCatalogHintNamesTheAPIOfHostedRegistries(t *testing.T) {
	for _, test := range []struct{ host, prefix, want string }{
		{"docker.io", "", "https://hub.docker.com/v2/namespaces/NAMESPACE/repositories"},
		{"docker.io", "halohub", "/namespaces/halohub/repositories"},
		{"ghcr.io", "", "/users/OWNER/packages?package_type=container"},
		{"ghcr.io", "team/app", "/users/team/packages"},
		{"registry.example.com", "team", "transship login registry.example.com changes"},
	} {
		got := NoCatalogHint(test.host, test.prefix)
		if !strings.Contains(got, test.want) || strings.Contains(got, "login") != (test.host == "registry.example.com") {
			t.Errorf("%s: %s", test.host, got)
		}
	}
}
