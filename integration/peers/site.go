package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/integration/servers"
	"github.com/hczjl/transship/integration/wan"
)

// site is a registry that tools copy from or to.
type site struct {
	servers.Endpoint // as the harness reaches it

	dir    string                              // where it keeps its content
	calls  func() int                          // of tools since the last forget
	forget func()                              // begins to count anew
	empty  func() error                        // removes all that it holds
	over   func(servers.Link) servers.Endpoint // as tools reach it over a link
}

// pair are the two registries of a work.
type pair struct{ from, to *site }

// cncf starts two CNCF distribution registries; links are carried by toxiproxy.
func cncf(t testing.TB, toxiproxy string, o servers.Options) pair {
	return pair{cncfSite(t, toxiproxy, o), cncfSite(t, toxiproxy, o)}
}

// remote are two CNCF distribution registries with TLS, one at each end of a long link.
type remote struct {
	link      *wan.Link
	near, far *site
}

// overLink starts the registries of a long link. Where the machine cannot have one, it is nil and says so.
func overLink(t testing.TB, certificates *servers.Certificates, log func(string, ...any)) *remote {
	link, err := wan.New(t)
	if errors.Is(err, wan.ErrMissing) {
		log("works over a real path are skipped: %v", err)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	at := func(end *wan.End) *site { return cncfSite(t, "", servers.Options{TLS: certificates, At: end}) }
	return &remote{link, at(link.Near), at(link.Far)}
}

// sites are the registries of a work.
func (r *remote) sites(w work) pair {
	if w.up {
		return pair{r.near, r.far}
	}
	return pair{r.far, r.near}
}

func cncfSite(t testing.TB, toxiproxy string, o servers.Options) *site {
	r := servers.CNCF(t, o)
	links := map[servers.Link]servers.Endpoint{{}: r.Endpoint}
	return &site{
		Endpoint: r.Endpoint,
		dir:      r.Dir,
		calls:    func() int { return len(r.Calls(t)) },
		forget:   func() { r.ForgetCalls(t) },
		empty:    func() error { return os.RemoveAll(filepath.Join(r.Dir, "data")) }, // it remembers nothing of it
		over: func(l servers.Link) servers.Endpoint {
			if _, ok := links[l]; !ok {
				links[l] = servers.Far(t, toxiproxy, r.Endpoint, l)
			}
			return links[l]
		},
	}
}

// embedded starts a registry of this project in memory, in this process. It is for a work that changes nothing: it is
// never emptied, and there is no link before it.
func embedded(t testing.TB) *site {
	var calls atomic.Int64
	handler := &registry.Handler{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	e := servers.Endpoint{Host: strings.TrimPrefix(server.URL, "http://"), URL: server.URL, Client: server.Client()}
	return &site{
		Endpoint: e,
		calls:    func() int { return int(calls.Load()) },
		forget:   func() { calls.Store(0) },
		empty:    func() error { return nil },
		over:     func(servers.Link) servers.Endpoint { return e },
	}
}
