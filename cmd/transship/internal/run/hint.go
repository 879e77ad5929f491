package run

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"syscall"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// Hint returns what the user can try against an error, in one line, or "". It follows the order of
// [ExitCode].
func (r *Run) Hint(err error) string {
	if hint, ok := auditHint(err); ok {
		return hint
	}
	if errors.Is(err, cli.ErrInterrupted) {
		return r.interruptedHint(err)
	}
	if hint, ok := cli.HintOf(err); ok {
		return hint
	}
	remote := r.remoteOf(err)
	switch {
	case errors.Is(err, transfer.ErrSeveral):
		return severalHint
	case IsArchiveError(err):
		return archiveHint(err)
	case IsIntegrityError(err):
		return integrityHint(err, remote)
	case isRateLimit(err):
		return "wait, or log in: registries allow accounts more than anonymous users"
	case isAuth(err):
		return authHint(err, remote)
	case wantsTLS(err):
		return fmt.Sprintf("the registry speaks TLS: leave out --%s", remote.flag("plain-http"))
	case isNetwork(err):
		return networkHint(err, remote)
	case cli.Has[*distribution.Error](err):
		return answerHint(err)
	}
	return ""
}

// interruptedHint says what an interrupted command has left.
func (r *Run) interruptedHint(err error) string {
	var unfinished *UnfinishedError
	switch {
	case r.Planning():
		return ""
	case errors.As(err, &unfinished):
		return unfinished.keptHint()
	}
	return r.InterruptHint
}

// severalHint is for --flatten if several images are left.
const severalHint = "name a single platform with --platform, or leave out --flatten"

// InterruptedUploadHint is the [Run.InterruptHint] of commands that write to a registry.
const InterruptedUploadHint = "no tag names an image that is not whole; blobs that arrived whole are not sent again"

// integrityHint tells damaged content from a document that is wrong, and from an answer that is no
// document at all.
func integrityHint(err error, remote failedRemote) string {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, transfer.ErrTargetDigest):
		return "leave the digest out of the target; the image keeps its own, " +
			"but what --platform keeps of a list has a new one"
	case !cli.Has[*manifest.DocumentError](err) && !cli.Has[*manifest.ConfigError](err):
		return "the content is damaged at its source or on the way; " +
			"if it happens again, have the image pushed anew there"
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("check that %s is a registry and that no proxy answers in its place", remote.name())
	}
	return "different programs could see different images in it; have the image built and pushed anew"
}

// authHint says how to log in, or why logging in does not help.
func authHint(err error, remote failedRemote) string {
	var refused *auth.Error
	named := errors.As(err, &refused) && refused.User != ""
	logIn := "transship login " + remote.name()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "" // the error says it
	case cli.Has[*auth.HelperError](err):
		return "credsStore and credHelpers in docker's config.json name the helper"
	case cli.Has[*auth.CredentialsError](err):
		return fmt.Sprintf("mend that file, or give --%s user:password", remote.flag("creds"))
	case refused != nil && refused.Err != nil:
		return "" // the token server failed: no account helps
	case refused == nil && !remote.isRegistry():
		return "the registry leads there, by an address that is signed for a while: try again; " +
			"if that does not help, its storage needs mending"
	case remote.DeniedHint != "":
		return remote.DeniedHint
	case !named:
		return fmt.Sprintf("%s, or give --%s user:password; it may also be that there is no such repository",
			logIn, remote.flag("creds"))
	case errors.Is(err, distribution.Denied) || refused.Status == http.StatusForbidden:
		return "the account may not do this, or there is no such repository"
	case strings.HasPrefix(refused.Source, "--"):
		return "check the user name and the password of " + refused.Source
	}
	return "log in again: " + logIn
}

// answerHint is for answers whose status and endpoint say more than their text.
func answerHint(err error) string {
	var answer *distribution.Error
	errors.As(err, &answer)
	reads := answer.Method == http.MethodGet || answer.Method == http.MethodHead
	missing := errors.Is(err, fs.ErrNotExist)
	var path endpoint.Path
	if u, err := url.Parse(answer.URL); err == nil {
		path = endpoint.ParseEnd(u.Path)
	}
	switch {
	case missing && path.Kind == endpoint.KindManifest:
		return "check the name and the tag; transship tags REPOSITORY lists what is there"
	case missing && path.Kind == endpoint.KindBlob && reads:
		return "the image is not whole at its source; have it pushed anew there"
	case missing && (path.Kind == endpoint.KindBlob || path.Kind == endpoint.KindUploads ||
		path.Kind == endpoint.KindSession):
		return "some registries want the repository or its project created first"
	case missing:
		return "check the name of the repository"
	case answer.StatusCode == http.StatusRequestEntityTooLarge:
		return "a proxy before the registry limits requests: raise its limit (nginx: client_max_body_size)"
	case answer.StatusCode == http.StatusInsufficientStorage && !reads:
		return "make room at the registry; what it has whole is not sent again"
	case answer.StatusCode == http.StatusMethodNotAllowed && !reads:
		return "the registry takes no uploads: it may be a mirror or read-only"
	}
	return ""
}

// networkHint tells the usual causes apart.
func networkHint(err error, remote failedRemote) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case cli.Has[*wire.CertificateError](err):
		return "certificates and keys are PEM files, and each certificate needs its key"
	case cli.Has[*wire.RedirectError](err):
		return "a registry must not lead there; if it is yours, mend its address in its configuration"
	case errors.As(err, &unknown):
		return fmt.Sprintf("trust its CA by --%s FILE or certs.d/%s/ca.crt, or give --%s",
			remote.flag("ca"), remote.host, remote.flag("insecure"))
	case errors.As(err, &name):
		return fmt.Sprintf("use the name that the certificate is for, or --%s", remote.flag("insecure"))
	case errors.As(err, &invalid):
		return fmt.Sprintf("have the certificate renewed, or give --%s", remote.flag("insecure"))
	case wantsCertificate(err), strings.Contains(err.Error(), "tls: certificate required"),
		strings.Contains(err.Error(), "tls: bad certificate"):
		return fmt.Sprintf("the registry wants a client certificate: --%s FILE --%s FILE",
			remote.flag("cert"), remote.flag("key"))
	case wire.IsPlainHTTP(err):
		return fmt.Sprintf("the registry speaks HTTP without TLS: give --%s", remote.flag("plain-http"))
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "the proxy was not reached: see HTTPS_PROXY, and NO_PROXY for hosts that need none"
	case errors.As(err, &dns):
		return "check the host's name and the DNS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check host and port, and that the registry runs"
	case wire.IsHungUp(err):
		return "the connection was closed again and again, by the registry or by a proxy on the way"
	}
	return "check the network; HTTPS_PROXY and NO_PROXY are followed"
}
