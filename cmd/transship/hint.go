package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
)

// hint says what to try, in one line; "" where there is nothing to say.
func (a *app) hint(err error) string {
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return usage.hint
	case isIntegrity(err):
		return a.integrityHint(err)
	case isRateLimit(err):
		return "wait, or log in: registries allow accounts more than anonymous users"
	case isAuth(err):
		return a.authHint(err)
	case as[*distribution.Error](err):
		return a.answerHint(err)
	case isNetwork(err):
		return a.networkHint(err)
	}
	return ""
}

func (a *app) integrityHint(err error) string {
	if as[*blob.MismatchError](err) {
		return "the content is damaged at its source or on the way; if it happens again, have the image pushed anew there"
	}
	return ""
}

// authHint says how to be somebody else.
func (a *app) authHint(err error) string {
	if as[*auth.HelperError](err) {
		return "see credsStore and credHelpers in docker's config.json"
	}
	s, host := a.sideOf(err)
	name := strings.TrimSuffix(host, ":443")
	if host == "registry-1.docker.io" {
		name = "docker.io"
	}
	hint := fmt.Sprintf("log in with: transship login %s; or give --%s user:password", name, s.flag("creds"))
	if errors.Is(err, distribution.Denied) || errors.Is(err, fs.ErrPermission) {
		hint += "; the repository may also not exist, or not be yours"
	}
	return hint
}

// answerHint is for statuses that say more than their text does.
func (a *app) answerHint(err error) string {
	var answer *distribution.Error
	errors.As(err, &answer)
	s, _ := a.sideOf(err)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(answer.URL, "/manifests/"):
		return "check the name and the tag; transship tags REPOSITORY lists what is there"
	case answer.StatusCode == http.StatusRequestEntityTooLarge:
		return "a proxy before the registry limits requests: raise its limit (nginx: client_max_body_size)"
	case answer.StatusCode == http.StatusBadRequest && strings.Contains(string(answer.Body), "HTTP request"):
		return fmt.Sprintf("the registry wants TLS: leave out --%s", s.flag("plain-http"))
	}
	return ""
}

// networkHint tells the usual reasons apart.
func (a *app) networkHint(err error) string {
	s, host := a.sideOf(err)
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dns *net.DNSError
	switch {
	case as[*wire.CertificateError](err):
		return "check the file; certificates and keys are PEM, and each certificate needs its key"
	case as[*wire.RedirectError](err):
		return "a registry must not lead there; if it is yours, mend its address in its configuration"
	case errors.As(err, &unknown):
		return fmt.Sprintf("trust its CA with --%s FILE or certs.d/%s/ca.crt, or use --%s", s.flag("ca"), host, s.flag("insecure"))
	case errors.As(err, &name), errors.As(err, &invalid):
		return fmt.Sprintf("use the name that the certificate is for, or --%s", s.flag("insecure"))
	case wire.IsPlainHTTP(err):
		return fmt.Sprintf("the registry speaks HTTP without TLS: use --%s", s.flag("plain-http"))
	case errors.As(err, &dns):
		return "check the host's name and the DNS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check host and port, and that the registry runs"
	}
	return "check the network; HTTPS_PROXY and NO_PROXY are followed"
}

// sideOf finds the side that an error is about by the host in it, or else the last side.
func (a *app) sideOf(err error) (*side, string) {
	text := err.Error()
	for _, s := range a.sides {
		if s.host != "" && strings.Contains(text, s.host) {
			return s, s.host
		}
	}
	if len(a.sides) == 0 {
		return &side{}, "HOST"
	}
	last := a.sides[len(a.sides)-1]
	return last, last.host
}
