package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
)

// place is the registry that an error is about, and the side of the command that it is on.
type place struct {
	*side
	host string // "" where the error does not say
}

// name is the registry as a user calls it.
func (p place) name() string {
	switch p.host {
	case "":
		return "HOST"
	case "registry-1.docker.io":
		return "docker.io"
	}
	return strings.TrimSuffix(p.host, ":443")
}

// isRegistry tells whether a place is a registry of this run, as far as an error says: it may be the storage behind one.
func (a *app) isRegistry(at place) bool {
	if at.host == "" || at.side.host == "" || at.host == at.side.host {
		return true
	}
	a.shared.mu.Lock()
	defer a.shared.mu.Unlock()
	for _, s := range a.shared.sessions {
		if s.has(at.host) {
			return true
		}
	}
	return false
}

// about finds the place of an error. Where both sides are on one registry, reading is the source's side; so it is with
// a host that is none of theirs, such as the storage behind a registry.
func (a *app) about(err error) place {
	if len(a.sides) == 0 {
		return place{side: &side{}}
	}
	host, method := errorHost(err)
	var on []*side
	for _, s := range a.sides {
		if s.host != "" && (s.host == host || host == "" && strings.Contains(err.Error(), s.host)) {
			on = append(on, s)
		}
	}
	if len(on) == 0 {
		on = a.sides
	}
	at := on[len(on)-1]
	if method == http.MethodGet {
		at = on[0]
	}
	if host == "" {
		host = at.host
	}
	return place{at, host}
}

// errorHost returns the host that an error names, and the method of the call that failed.
func errorHost(err error) (host, method string) {
	var answer *distribution.Error
	var request *distribution.RequestError
	var refused *auth.Error
	var credentials *auth.CredentialsError
	var certificate *wire.CertificateError
	switch {
	case errors.As(err, &answer):
		return hostOf(answer.URL), answer.Method
	case errors.As(err, &request):
		return hostOf(request.URL), request.Method
	case errors.As(err, &refused):
		return refused.Host, ""
	case errors.As(err, &credentials):
		return credentials.Host, ""
	case errors.As(err, &certificate):
		return certificate.Host, ""
	}
	return "", ""
}

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}
