package run

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
)

// failedRemote is the remote that an error is about, and the host that the error names.
type failedRemote struct {
	*Remote
	host string // "" if the error names none and the remote has none
}

// name returns the host as users write it.
func (f failedRemote) name() string { return cli.RegistryName(f.host) }

// remoteOf returns the remote that an error is about. If several match, or none does because the
// host is a registry's storage, a GET is the source's and anything else the target's.
func (r *Run) remoteOf(err error) failedRemote {
	if len(r.remotes) == 0 {
		return failedRemote{Remote: &Remote{run: r}}
	}
	host, method := errorHost(err)
	var matching []*Remote
	for _, m := range r.remotes {
		if m.Host != "" && (m.Host == host || host == "" && strings.Contains(err.Error(), m.Host)) {
			matching = append(matching, m)
		}
	}
	if len(matching) == 0 {
		matching = r.remotes
	}
	m := matching[len(matching)-1]
	if method == http.MethodGet {
		m = matching[0]
	}
	return failedRemote{m, cmp.Or(host, m.Host)}
}

// errorHost returns the host that an error names and the method of the failed call, "" if unknown.
func errorHost(err error) (host, method string) {
	var answer *distribution.Error
	var untrue *distribution.NotStoredError
	var kept *distribution.NotDeletedError
	var request *distribution.RequestError
	var refused *auth.Error
	var credentials *auth.CredentialsError
	var certificate *wire.CertificateError
	switch {
	case errors.As(err, &untrue):
		return hostOf(untrue.URL), untrue.Method
	case errors.As(err, &kept):
		return hostOf(kept.URL), kept.Method
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
