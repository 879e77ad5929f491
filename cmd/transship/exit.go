package main

import (
	"errors"
	"io/fs"
	"net/http"
	"os/exec"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// The exit codes. Scripts rely on them: they never change their meaning.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitAuth        = 3
	exitNotFound    = 4
	exitNetwork     = 5
	exitRateLimited = 6
	exitIntegrity   = 7
	exitPartly      = 8
	exitRefused     = 9
	exitInterrupted = 130
)

// exitMeaning is one row of the table of exit codes.
type exitMeaning struct {
	code    int
	meaning string
}

// exitMeanings is the table, as the overview and the README show it.
func exitMeanings() []exitMeaning {
	return []exitMeaning{
		{exitDone, "done"},
		{exitFailed, "another failure"},
		{exitUsage, "usage: the command line cannot be understood"},
		{exitAuth, "authentication or authorization"},
		{exitNotFound, "not found: image, tag, platform, file, local list"},
		{exitNetwork, "network or TLS"},
		{exitRateLimited, "rate limited by the registry"},
		{exitIntegrity, "integrity: content is not what its digest, size or format says"},
		{exitPartly, "some of several failed"},
		{exitRefused, "refused by a policy of this run"},
		{exitInterrupted, "interrupted"},
	}
}

// exitCode finds an error's class. The order matters: a mismatch inside a failed call is a mismatch.
func exitCode(err error) int {
	switch {
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case as[*audit.FileError](err):
		return exitFailed
	case as[*wire.PolicyError](err):
		return exitRefused
	case broughtCode(err) != 0:
		return broughtCode(err)
	case isIntegrity(err):
		return exitIntegrity
	case isUsage(err):
		return exitUsage
	case isRateLimit(err):
		return exitRateLimited
	case isAuth(err):
		return exitAuth
	case isNetwork(err):
		return exitNetwork
	case isNotFound(err):
		return exitNotFound
	}
	return exitFailed
}

// broughtCode returns the exit code that the outermost coded error in err brings, 0 where there is none. A credential
// helper's own exit code is none of ours.
func broughtCode(err error) int {
	var c coded
	if !errors.As(err, &c) || as[*exec.ExitError](c) {
		return 0
	}
	return c.ExitCode()
}

// as tells whether err has an error of type E in it.
func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func isUsage(err error) bool {
	return as[*reference.SyntaxError](err) || as[*manifest.PlatformSyntaxError](err) ||
		errors.Is(err, transfer.ErrSeveral) || as[*layout.FindError](err) && !errors.Is(err, fs.ErrNotExist)
}

// isIntegrity tells whether content is not what its digest, its size or its format says. A document that is sound but
// of no use here, by its age or its size, is another failure.
func isIntegrity(err error) bool {
	document := as[*manifest.DocumentError](err) && !errors.Is(err, manifest.ErrSchema1) && !errors.Is(err, manifest.ErrTooLarge)
	return document || as[*manifest.ConfigError](err) || as[*blob.MismatchError](err) ||
		errors.Is(err, distribution.DigestInvalid) || errors.Is(err, transfer.ErrTargetDigest) || isDamaged(err)
}

// isDamaged tells whether an archive is not what its writer made, or should not have been made.
func isDamaged(err error) bool {
	return errors.Is(err, layout.ErrDamaged) || errors.Is(err, layout.ErrUnsafe) || errors.Is(err, layout.ErrVolume)
}

// isRateLimit looks at answers of registries and of their token servers.
func isRateLimit(err error) bool {
	var late *wire.RetryAfterError
	var answer *distribution.Error
	var token *auth.Error
	return errors.As(err, &late) && late.StatusCode == http.StatusTooManyRequests ||
		errors.As(err, &answer) && answer.StatusCode == http.StatusTooManyRequests ||
		errors.As(err, &token) && token.Status == http.StatusTooManyRequests
}

func isAuth(err error) bool {
	return as[*auth.CredentialsError](err) || as[*auth.HelperError](err) ||
		as[*distribution.Error](err) && errors.Is(err, fs.ErrPermission) || isDenied(err)
}

// isDenied tells whether there is no token to be had. A token server that is out of order is another failure.
func isDenied(err error) bool {
	var token *auth.Error
	return errors.As(err, &token) && token.Status < http.StatusInternalServerError
}

// isNetwork tells whether a host was not reached, or does not speak what was expected.
func isNetwork(err error) bool {
	if as[*auth.Error](err) || as[*wire.PlanError](err) {
		return false // it was reached, or not meant to be
	}
	return as[*distribution.RequestError](err) || as[*wire.CertificateError](err) || as[*wire.RedirectError](err) ||
		wantsTLS(err) || wantsCertificate(err)
}

func isNotFound(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || as[*manifest.PlatformError](err)
}

// wantsTLS tells whether a registry that was asked over plain HTTP speaks TLS there. Servers say so in a 400.
func wantsTLS(err error) bool {
	url, said := badRequest(err)
	return strings.HasPrefix(url, "http://") && (strings.Contains(said, "http request") || strings.Contains(said, "plain http"))
}

// wantsCertificate tells whether a proxy before the registry wants a client certificate, or another one. nginx says so in
// a 400 after the handshake, not by a TLS alert.
func wantsCertificate(err error) bool {
	url, said := badRequest(err)
	return strings.HasPrefix(url, "https://") && strings.Contains(said, "ssl certificate")
}

// badRequest returns the URL and the text, in lower case, of an answer 400.
func badRequest(err error) (url, said string) {
	var answer *distribution.Error
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusBadRequest {
		return "", ""
	}
	return answer.URL, strings.ToLower(string(answer.Body))
}
