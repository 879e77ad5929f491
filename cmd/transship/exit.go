package main

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// The exit codes. Scripts rely on them: they never change their meaning.
const (
	exitDone        = 0
	exitFailed      = 1   // any other failure
	exitUsage       = 2   // the command line
	exitAuth        = 3   // authentication or authorization
	exitNotFound    = 4   // image, tag, platform or list not there
	exitNetwork     = 5   // network or TLS
	exitRateLimited = 6   // the registry's rate limit
	exitIntegrity   = 7   // content that is not what its digest or format says
	exitInterrupted = 130 // stopped by a signal
)

// exitCodes is the table for the overview.
func exitCodes() string {
	return "0 done, 1 other failure, 2 usage, 3 authentication or authorization, 4 not found,\n" +
		"5 network or TLS, 6 rate limited, 7 integrity, 8 some of several failed, 9 refused by a policy, 130 interrupted"
}

// exitCode finds an error's class. The order matters: a mismatch inside a failed call is a mismatch.
func exitCode(err error) int {
	switch {
	case isUsage(err):
		return exitUsage
	case isIntegrity(err):
		return exitIntegrity
	case isRateLimit(err):
		return exitRateLimited
	case isAuth(err):
		return exitAuth
	case isNotFound(err):
		return exitNotFound
	case isNetwork(err):
		return exitNetwork
	}
	return exitFailed
}

// as tells whether err has an error of type E in it.
func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func isUsage(err error) bool {
	return as[*usageError](err) || as[*reference.SyntaxError](err) || as[*manifest.PlatformSyntaxError](err)
}

func isIntegrity(err error) bool {
	document := as[*manifest.DocumentError](err) && !errors.Is(err, manifest.ErrSchema1) && !errors.Is(err, manifest.ErrTooLarge)
	return document || as[*blob.MismatchError](err) || errors.Is(err, distribution.DigestInvalid)
}

func isRateLimit(err error) bool {
	var answer *distribution.Error
	return as[*wire.RetryAfterError](err) || errors.As(err, &answer) && answer.StatusCode == http.StatusTooManyRequests
}

func isAuth(err error) bool {
	return as[*auth.HelperError](err) || errors.Is(err, fs.ErrPermission) && as[*distribution.Error](err) || isDenied(err)
}

// isDenied tells whether a token server said no. One that could not be reached is a matter of the network.
func isDenied(err error) bool {
	var refused *auth.Error
	return errors.As(err, &refused) && refused.Err == nil
}

func isNotFound(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && !as[*wire.CertificateError](err) || as[*manifest.PlatformError](err)
}

func isNetwork(err error) bool {
	return as[*distribution.RequestError](err) || as[*auth.Error](err) || as[*wire.CertificateError](err) || as[*wire.RedirectError](err)
}
