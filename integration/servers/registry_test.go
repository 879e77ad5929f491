package servers

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hczjl/transship/integration/fixture"
)

// kinds are the registries that every test of a registry runs on.
var kinds = []struct {
	name  string
	start func(testing.TB, Options) *Registry
}{
	{"cncf", CNCF},
	{"debian", Debian},
}

// setups are the options that every registry must work with.
var setups = []struct {
	name    string
	options func(testing.TB) Options
}{
	{"open", func(testing.TB) Options { return Options{} }},
	{"in memory", func(testing.TB) Options { return Options{InMemory: true} }},
	{"htpasswd", func(testing.TB) Options { return Options{Users: map[string]string{"alice": "secret"}} }},
	{"tokens", func(t testing.TB) Options { return Options{Tokens: Tokens(t, TokenOptions{})} }},
	{"client certificates", func(t testing.TB) Options {
		return Options{TLS: NewCertificates(t), ClientCertificates: true}
	}},
	{"relative URLs", func(testing.TB) Options { return Options{RelativeURLs: true} }},
}

// A registry keeps the real image and its OCI twin byte for byte.
func TestRegistryKeepsImages(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		for _, setup := range setups {
			t.Run(kind.name+"/"+setup.name, func(t *testing.T) {
				t.Parallel()
				repository := kind.start(t, setup.options(t)).Repository("dst/klibc")
				for tag, im := range map[string]fixture.Image{"docker": fixture.Real(), "oci": fixture.Real().OCI()} {
					if err := repository.Push(t.Context(), im, tag); err != nil {
						t.Fatal(err)
					}
					if err := repository.Verify(t.Context(), im, tag); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// A registry refuses requests without credentials.
func TestRegistryRefuses(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		for setup, o := range map[string]Options{
			"htpasswd": {Users: map[string]string{"alice": "secret"}},
			"tokens":   {Tokens: Tokens(t, TokenOptions{})},
		} {
			t.Run(kind.name+"/"+setup, func(t *testing.T) {
				t.Parallel()
				r := kind.start(t, o)
				resp, err := http.Get(r.URL + "/v2/")
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
					t.Errorf("without credentials: %s, %q", resp.Status, resp.Header)
				}
			})
		}
	}
}

// The access log has every call of a client, and none of the harness.
func TestCalls(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			r := kind.start(t, Options{})
			im := fixture.Synthetic(fixture.Spec{Layers: []int64{3 << 20}})
			if err := r.Repository("big").Push(t.Context(), im, "1"); err != nil {
				t.Fatal(err)
			}
			if calls := r.Calls(t); len(calls) != 0 {
				t.Fatalf("calls of the harness:\n%s", calls)
			}
			client := fixture.Repository{Client: http.DefaultClient, URL: r.URL, Name: "big"}
			if err := client.Verify(t.Context(), im, "1"); err != nil {
				t.Fatal(err)
			}
			if _, err := http.Get(r.URL + "/v2/_catalog?n=3&last=a%2Fb"); err != nil {
				t.Fatal(err)
			}
			calls := r.Calls(t)
			want := []int{1, len(im.Blobs), 1 + len(im.Manifests)}
			got := []int{len(calls.With("GET", "_catalog")), len(calls.With("GET", "/blobs/")), len(calls.With("", "/manifests/"))}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%s", diff, calls)
			}
			last := Call{"GET", "/v2/_catalog", "n=3&last=a%2Fb", 200}
			if diff := cmp.Diff(last, calls[len(calls)-1]); diff != "" {
				t.Error(diff)
			}
			if got := last.Param("last"); got != "a/b" {
				t.Errorf("parameter %q", got)
			}
			r.ForgetCalls(t)
			if calls := r.Calls(t); len(calls) != 0 {
				t.Errorf("calls after ForgetCalls:\n%s", calls)
			}
		})
	}
}

// The log is complete only when a blob in transit has arrived, since its line comes last.
func TestCallsWait(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			r := kind.start(t, Options{})
			im := fixture.Synthetic(fixture.Spec{Layers: []int64{32 << 20}}) // more than sockets buffer
			if err := r.Repository("big").Push(t.Context(), im, "1"); err != nil {
				t.Fatal(err)
			}
			path := "/v2/big/blobs/" + im.Blobs[1].Digest.String()
			resp, err := http.Get(r.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if err := r.metrics.complete(t); err == nil {
				t.Error("the log counts as complete while a blob is on its way")
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Calls{{"GET", path, "", 200}}, r.Calls(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A registry with client certificates fails the handshake of clients without one.
func TestRegistryWantsClientCertificate(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			c := NewCertificates(t)
			r := kind.start(t, Options{TLS: c, ClientCertificates: true})
			config := &tls.Config{RootCAs: c.Pool}
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
			resp, err := client.Get(r.URL + "/v2/")
			if err == nil {
				resp.Body.Close()
				t.Errorf("it answered %s", resp.Status)
			}
		})
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	r := Debian(t, Options{})
	r.Kill()
	if resp, err := http.Get(r.URL + "/v2/"); err == nil {
		resp.Body.Close()
		t.Errorf("it still answers %s", resp.Status)
	}
}

// A registry accepts an artifact with a subject.
func TestRegistryKeepsReferrers(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			repository := kind.start(t, Options{}).Repository("dst/klibc")
			im := fixture.Real().OCI()
			artifact := fixture.Referrer(im.Root().Descriptor, "application/vnd.example.sbom", "sbom")
			for _, pushed := range []fixture.Image{im, artifact} {
				if err := repository.Push(t.Context(), pushed); err != nil {
					t.Fatal(err)
				}
			}
			if err := repository.Verify(t.Context(), artifact, artifact.Root().Digest.String()); err != nil {
				t.Error(err)
			}
		})
	}
}
