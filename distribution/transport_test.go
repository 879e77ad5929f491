package distribution_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/distribution/wire"
)

// hostOf starts a server and returns its host.
func hostOf(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// recorded returns a Record and the calls that it has reported, each as its row, status and error.
func recorded() (*wire.Recorder, *[]wire.Call) {
	var calls []wire.Call
	return &wire.Recorder{OnCall: func(c wire.Call) { calls = append(calls, c) }}, &calls
}

func noSleep(context.Context, time.Duration) error { return nil }

func TestTransportZeroOptions(t *testing.T) {
	host := hostOf(t, &registry.Handler{})
	transport := distribution.NewTransport(distribution.Options{})
	check(t, transport.Client(host).Ping(t.Context()))
	if first, again := transport.Client(host), transport.Client(host); first != again {
		t.Error("a host has two clients")
	}
}

// Record stands below auth and Retry and above Policy: it sees each attempt, and the calls that are
// refused.
func TestTransportOrder(t *testing.T) {
	isUser := func(_ context.Context, user, password string) bool { return user == "u" && password == "p" }
	faults := &registry.Faults{Handler: &registry.Basic{Handler: &registry.Handler{}, Check: isUser}}
	faults.Set(registry.Rule{Times: 1, Status: http.StatusServiceUnavailable})
	host := hostOf(t, faults)
	record, calls := recorded()
	var waits int
	transport := distribution.NewTransport(distribution.Options{
		Credentials: auth.Static{Username: "u", Password: "p"},
		UserAgent:   "test/1",
		Record:      record,
		Rules:       &wire.PolicyRules{ReadOnly: true},
		OnWait:      func(wire.RetryWait) { waits++ },
		Sleep:       noSleep,
	})
	repo, ref, err := transport.Image(host+"/a:1", auth.Pull, auth.Push)
	check(t, err)
	if ref != "1" {
		t.Errorf("got reference %q", ref)
	}
	check(t, transport.Client(host).Ping(t.Context()))
	err = repo.DeleteTag(t.Context(), "1")
	var refused *wire.PolicyError
	if !errors.As(err, &refused) {
		t.Errorf("got error %v, want a *wire.PolicyError", err)
	}
	var got []int
	for _, c := range *calls {
		got = append(got, c.StatusCode)
		if agent := c.RequestHeader.Get("User-Agent"); agent != "test/1" {
			t.Errorf("%s %s: User-Agent %q", c.Method, c.URL, agent)
		}
	}
	// The try of Loopback is the first call; what is refused has no status.
	if diff := cmp.Diff([]int{503, 401, 200, 0}, got); diff != "" || waits != 1 {
		t.Errorf("%d waits; %s", waits, diff)
	}
}

func TestTransportPlan(t *testing.T) {
	handler := &registry.Faults{Handler: &registry.Handler{}}
	host := hostOf(t, handler)
	plan := &wire.Planner{}
	record, calls := recorded()
	transport := distribution.NewTransport(distribution.Options{Plan: plan, Record: record})
	repo, _, err := transport.Image(host + "/a:1")
	check(t, err)
	check(t, repo.DeleteTag(t.Context(), "1"))
	isDelete := func(c wire.PlannedCall) bool { return c.Method == http.MethodDelete && c.Write }
	planned := slices.ContainsFunc(plan.Calls(), isDelete)
	if !planned || handler.Count("^DELETE") != 0 {
		t.Errorf("planned %v, and %d calls went out", plan.Calls(), handler.Count("^DELETE"))
	}
	if slices.ContainsFunc(*calls, func(c wire.Call) bool { return c.Method == http.MethodDelete }) {
		t.Error("a planned call was recorded")
	}
}

func TestTransportChecksRedirects(t *testing.T) {
	host := hostOf(t, http.RedirectHandler("ftp://storage.example/x", http.StatusTemporaryRedirect))
	transport := distribution.NewTransport(distribution.Options{})
	err := transport.Client(host).Ping(t.Context())
	var refused *wire.RedirectError
	if !errors.As(err, &refused) {
		t.Errorf("got error %v, want a *wire.RedirectError", err)
	}
}

func TestTransportWarnings(t *testing.T) {
	host := hostOf(t, answer(200, "", `Warning: 299 - "old"`))
	var got []string
	transport := distribution.NewTransport(distribution.Options{OnWarning: func(text string) { got = append(got, text) }})
	check(t, transport.Client(host).Ping(t.Context()))
	if diff := cmp.Diff([]string{"old"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTransportTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(&registry.Handler{})
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes fail here
	server.StartTLS()
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "https://")
	err := distribution.NewTransport(distribution.Options{}).Client(host).Ping(t.Context())
	var request *distribution.RequestError
	if !errors.As(err, &request) {
		t.Errorf("an unknown CA: got error %v", err)
	}
	insecure := distribution.NewTransport(distribution.Options{TLS: wire.TLSOptions{Insecure: true}})
	check(t, insecure.Client(host).Ping(t.Context()))
}

func TestTransportRepository(t *testing.T) {
	transport := distribution.NewTransport(distribution.Options{})
	ref, err := reference.Parse("halo:1.6")
	check(t, err)
	repo := transport.Repository(ref, auth.Pull, auth.Push)
	got := []string{repo.Client.Host, repo.Name, repo.Image, repo.Scope.String()}
	want := []string{"registry-1.docker.io", "library/halo", "halo:1.6", "repository:library/halo:pull,push"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if repo := transport.Repository(ref); !repo.Scope.Empty() {
		t.Errorf("without actions: scope %s", repo.Scope)
	}
	var syntax *reference.SyntaxError
	if _, _, err := transport.Image("Halo"); !errors.As(err, &syntax) {
		t.Errorf("got error %v, want a *reference.SyntaxError", err)
	}
}

func TestOptionsFromEnv(t *testing.T) {
	system := []string{"/etc/docker/certs.d", "/etc/containers/certs.d"}
	for _, test := range []struct {
		env  map[string]string
		dirs []string
	}{
		{nil, system},
		{map[string]string{"HOME": "/home/u"}, append(slices.Clip(system), filepath.Join("/home/u", ".docker", "certs.d"))},
		{map[string]string{"HOME": "/home/u", "DOCKER_CONFIG": "/d"}, append(slices.Clip(system), filepath.Join("/d", "certs.d"))},
	} {
		o := distribution.OptionsFromEnv(func(name string) string { return test.env[name] })
		if diff := cmp.Diff(test.dirs, o.CertsDirs); diff != "" || o.Credentials == nil {
			t.Errorf("%v: credentials %v; %s", test.env, o.Credentials, diff)
		}
	}
}
