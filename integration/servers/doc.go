// Package servers runs real registries, proxies and container tools for integration tests. Each function that starts
// something takes the test, picks free ports on loopback, waits until the program answers, keeps its logs in a temporary
// folder, shows them when the test fails, and stops the program when the test ends.
//
// Registries: [CNCF] (distribution v3, built from its module by `go tool`) and [Debian] (docker-registry 2.8), both with
// [Options] for htpasswd, tokens ([Tokens]) and TLS ([NewCertificates]); [Nginx] stands in front of either. What a client
// asked them is in [Registry.Calls], exactly; the harness's own requests are left out of it. [Serve] is the program's own.
//
// Clients: [Transship], [Docker], [Engine] (dockerd), [Podman], [Skopeo] and [Crane]; each is a [Program].
//
// A test then reads like this:
//
//	from, to := servers.CNCF(t, servers.Options{}), servers.Debian(t, servers.Options{})
//	im := fixture.Real()
//	if err := from.Repository("src/repo").Push(t.Context(), im, "1.6"); err != nil {
//		t.Fatal(err)
//	}
//	transship, _ := servers.Transship(t)
//	transship.Output(t, "copy", from.Host+"/src/repo:1.6", to.Host+"/dst/repo:1.6")
//	if err := to.Repository("dst/repo").Verify(t.Context(), im, "1.6"); err != nil {
//		t.Error(err)
//	}
//	if calls := from.Calls(t); len(calls) > len(im.Manifests)+len(im.Blobs) {
//		t.Errorf("%d calls:\n%s", len(calls), calls)
//	}
//
// A program that the machine lacks makes the test skip with a sentence that names its Debian package; with
// TRANSSHIP_REQUIRE_ALL=1 in the environment it fails instead.
package servers
