package run

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// ExitCode finds an error's class. The order matters: a mismatch inside a failed call is a mismatch.
func ExitCode(err error) int {
	switch {
	case errors.Is(err, cli.ErrInterrupted):
		return cli.ExitInterrupted
	case cli.Has[*audit.FileError](err):
		return cli.ExitFailed
	case cli.Has[*wire.PolicyError](err):
		return cli.ExitRefused
	case cli.ExitCodeOf(err) != 0:
		return cli.ExitCodeOf(err)
	case IsIntegrityError(err):
		return cli.ExitIntegrity
	case isUsage(err):
		return cli.ExitUsage
	case isRateLimit(err):
		return cli.ExitRateLimited
	case isAuth(err):
		return cli.ExitAuth
	case isNetwork(err):
		return cli.ExitNetwork
	case IsNotFound(err):
		return cli.ExitNotFound
	}
	return cli.ExitFailed
}

func isUsage(err error) bool {
	return cli.Has[*reference.SyntaxError](err) || cli.Has[*manifest.PlatformSyntaxError](err) ||
		errors.Is(err, transfer.ErrSeveral) || cli.Has[*layout.FindError](err) && !errors.Is(err, fs.ErrNotExist)
}

// IsIntegrityError tells whether content is not what its digest, its size or its format says. A document that is sound but
// of no use here, by its age or its size, is another failure.
func IsIntegrityError(err error) bool {
	document := cli.Has[*manifest.DocumentError](err) && !errors.Is(err, manifest.ErrSchema1) && !errors.Is(err, manifest.ErrTooLarge)
	return document || cli.Has[*manifest.ConfigError](err) || cli.Has[*blob.MismatchError](err) ||
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
	return cli.Has[*auth.CredentialsError](err) || cli.Has[*auth.HelperError](err) ||
		cli.Has[*distribution.Error](err) && errors.Is(err, fs.ErrPermission) || isDenied(err)
}

// isDenied tells whether there is no token to be had. A token server that is out of order is another failure.
func isDenied(err error) bool {
	var token *auth.Error
	return errors.As(err, &token) && token.Status < http.StatusInternalServerError
}

// isNetwork tells whether a host was not reached, or does not speak what was expected.
func isNetwork(err error) bool {
	if cli.Has[*auth.Error](err) || cli.Has[*wire.PlanError](err) {
		return false // it was reached, or not meant to be
	}
	return cli.Has[*distribution.RequestError](err) || cli.Has[*wire.CertificateError](err) || cli.Has[*wire.RedirectError](err) ||
		wantsTLS(err) || wantsCertificate(err)
}

func IsNotFound(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || cli.Has[*manifest.PlatformError](err)
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
