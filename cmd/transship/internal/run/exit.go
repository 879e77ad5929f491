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

// ExitCode returns the exit code for an error. The first case that matches counts: a digest
// mismatch in a failed call is a mismatch.
func ExitCode(err error) int {
	switch {
	case errors.Is(err, cli.ErrInterrupted):
		return cli.ExitInterrupted
	case cli.Has[*audit.FileError](err) && !errors.Is(err, fs.ErrNotExist):
		return cli.ExitFailed
	case cli.Has[*wire.PolicyError](err), cli.Has[*transfer.ClobberError](err):
		return cli.ExitRefused
	case cli.ExitCodeOf(err) != 0:
		return cli.ExitCodeOf(err)
	case cli.Has[*layout.UnpackError](err):
		return cli.ExitFailed // also if the folder for temporary files does not exist
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

// isUsage reports whether an argument or a flag's value is wrong.
func isUsage(err error) bool {
	return cli.Has[*reference.SyntaxError](err) || cli.Has[*manifest.PlatformSyntaxError](err) ||
		errors.Is(err, transfer.ErrSeveralImages) || errors.Is(err, wire.ErrNotFile) || cli.Has[*layout.FindError](err) && !errors.Is(err, fs.ErrNotExist)
}

// IsIntegrityError reports whether content does not match its digest, size or format, or is missing
// where a registry has reported that it stored it: a file that is no archive is one of these. A
// valid document that is not supported, schema 1 or too large, is another failure.
func IsIntegrityError(err error) bool {
	unsupported := errors.Is(err, manifest.ErrSchema1) || errors.Is(err, manifest.ErrTooLarge)
	return cli.Has[*manifest.DocumentError](err) && !unsupported || cli.Has[*manifest.ConfigError](err) ||
		cli.Has[*blob.MismatchError](err) || cli.Has[*distribution.LostBlobError](err) ||
		cli.Has[*distribution.NotStoredError](err) || cli.Has[*distribution.NotDeletedError](err) ||
		errors.Is(err, distribution.DigestInvalid) ||
		errors.Is(err, transfer.ErrTargetDigest) || isDamaged(err) || errors.Is(err, layout.ErrNotArchive)
}

// isDamaged reports whether an archive or a layout is damaged, incomplete or unsafe to read.
func isDamaged(err error) bool {
	return errors.Is(err, layout.ErrDamaged) || errors.Is(err, layout.ErrUnsafe) || errors.Is(err, layout.ErrVolume) ||
		errors.Is(err, layout.ErrIrregular)
}

// isRateLimit reports whether a registry or a token server answered 429, or asked to wait longer
// than --max-wait.
func isRateLimit(err error) bool {
	var answer *distribution.Error
	var token *auth.Error
	return cli.Has[*wire.RetryAfterError](err) ||
		errors.As(err, &answer) && answer.StatusCode == http.StatusTooManyRequests ||
		errors.As(err, &token) && token.Status == http.StatusTooManyRequests
}

// isAuth reports whether credentials cannot be read, or a registry or token server denied access.
func isAuth(err error) bool {
	return cli.Has[*auth.CredentialsError](err) || cli.Has[*auth.HelperError](err) ||
		cli.Has[*distribution.Error](err) && errors.Is(err, fs.ErrPermission) || isDenied(err)
}

// isDenied reports whether a token server denied a token. Its failure (5xx) is no denial.
func isDenied(err error) bool {
	var token *auth.Error
	return errors.As(err, &token) && token.Status < http.StatusInternalServerError
}

// isNetwork reports whether a host was not reached, or did not speak the expected protocol.
func isNetwork(err error) bool {
	if cli.Has[*auth.Error](err) || cli.Has[*wire.PlanError](err) {
		return false // the host was reached, or was not called because of --plan
	}
	if cli.Has[*wire.CertificateError](err) && errors.Is(err, fs.ErrNotExist) {
		return false // a flag names a file that does not exist
	}
	return cli.Has[*distribution.RequestError](err) || wire.IsTimeout(err) || cli.Has[*wire.CertificateError](err) ||
		cli.Has[*wire.RedirectError](err) || wantsTLS(err) || wantsCertificate(err)
}

// IsNotFound reports whether an image, tag, platform or file does not exist.
func IsNotFound(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || cli.Has[*manifest.PlatformError](err)
}

// wantsTLS reports whether a registry that was called over HTTP speaks TLS on that port. Servers
// say so in the text of a 400.
func wantsTLS(err error) bool {
	url, body := badRequest(err)
	return strings.HasPrefix(url, "http://") &&
		(strings.Contains(body, "http request") || strings.Contains(body, "plain http"))
}

// wantsCertificate reports whether a proxy in front of the registry wants a client certificate, or
// another one. nginx says so in a 400 after the handshake, not by a TLS alert.
func wantsCertificate(err error) bool {
	url, body := badRequest(err)
	return strings.HasPrefix(url, "https://") && strings.Contains(body, "ssl certificate")
}

// badRequest returns the URL and the body, in lower case, of an answer 400.
func badRequest(err error) (url, body string) {
	var answer *distribution.Error
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusBadRequest {
		return "", ""
	}
	return answer.URL, strings.ToLower(string(answer.Body))
}
