package run

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
)

// failingSide is the registry that an error is about, and the remote of the command that it belongs to.
type failingSide struct {
	*Remote
	host string // "" where the error does not say
}

// name is the registry as a user calls it.
func (f failingSide) name() string { return cli.RegistryName(f.host) }

// isRegistry reports whether it is a registry of this run, as far as an error says: it may be the storage behind one.
func (f failingSide) isRegistry() bool {
	return f.host == "" || f.Remote.Host == "" || f.host == f.Remote.Host || f.run.transports.knows(f.host)
}

// about finds the side that an error is about. Where both sides are on one registry, reading is the source's side; so it is with
// a host that is none of theirs, such as the storage behind a registry.
func (r *Run) about(err error) failingSide {
	if len(r.remotes) == 0 {
		return failingSide{Remote: &Remote{run: r}}
	}
	host, method := errorHost(err)
	var on []*Remote
	for _, s := range r.remotes {
		if s.Host != "" && (s.Host == host || host == "" && strings.Contains(err.Error(), s.Host)) {
			on = append(on, s)
		}
	}
	if len(on) == 0 {
		on = r.remotes
	}
	at := on[len(on)-1]
	if method == http.MethodGet {
		at = on[0]
	}
	if host == "" {
		host = at.Host
	}
	return failingSide{at, host}
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
