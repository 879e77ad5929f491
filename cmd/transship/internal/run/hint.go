package run

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// Hint returns what the user can try against an error, in one line, or "". It follows what the
// registry has said, then the order of [ExitCode].
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
	if hint := saidHint(err, remote); hint != "" {
		return hint
	}
	if hint := r.configuredFileHint(err); hint != "" {
		return hint
	}
	switch {
	case cli.Has[*transfer.ClobberError](err):
		return "put the image under another tag, or leave out --no-clobber"
	case errors.Is(err, transfer.ErrSeveralImages):
		return severalHint
	case cli.Has[*transfer.IncompleteError](err):
		return incompleteHint(err)
	case cli.Has[*layout.UnpackError](err):
		return "set TMPDIR to a folder with room for it, or unpack it yourself"
	case cli.Has[*layout.BaseError](err):
		return baseHint(err)
	case cli.Has[*layout.MissingBaseError](err):
		return missingBaseHint(err)
	case cli.Has[*distribution.TagDeleteError](err):
		return tagDeleteHint
	case IsArchiveError(err) && r.Command == "verify":
		return strings.TrimSuffix(archiveHint(err), verifyLists)
	case IsArchiveError(err):
		return archiveHint(err)
	case IsIntegrityError(err):
		return integrityHint(err, remote)
	case isRateLimit(err):
		return rateLimitHint(err)
	case isAuth(err):
		return authHint(err, remote)
	case wantsTLS(err):
		return fmt.Sprintf("the registry uses TLS: leave out --%s", remote.flag("plain-http"))
	case isNetwork(err):
		return networkHint(err, remote)
	case cli.Has[*distribution.Error](err):
		return answerHint(err, remote)
	}
	return ""
}

// rateLimitHint says when to try again, if the registry did.
func rateLimitHint(err error) string {
	const logIn = "log in: registries allow more calls to accounts than to anonymous users"
	var late *wire.RetryAfterError
	switch {
	case !errors.As(err, &late):
		return "wait, or " + logIn
	case late.StatusCode != http.StatusTooManyRequests:
		return fmt.Sprintf("try again after %s, or give --max-wait", late.Until.Format(time.DateTime))
	}
	return fmt.Sprintf("try again after %s, give --max-wait, or %s", late.Until.Format(time.DateTime), logIn)
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

// incompleteHint says how to take what is whole of an incomplete image.
func incompleteHint(err error) string {
	var incomplete *transfer.IncompleteError
	errors.As(err, &incomplete)
	if len(incomplete.Whole) == 0 {
		return "save the image again, with docker save --platform or after pulling all that it lists"
	}
	return fmt.Sprintf("copy, save, load and sync take a platform with --platform %s, and all that is whole with --available",
		incomplete.Whole[0])
}

// tagDeleteHint names the way to delete an image where a registry deletes no tag alone.
const tagDeleteHint = "transship delete --manifest REF deletes the digest with all its tags, which it lists first; " +
	"docker's registry deletes single tags from 3.0 on, with delete enabled"

// InterruptedUploadHint is the [Run.InterruptHint] of commands that write to a registry.
const InterruptedUploadHint = "no tag points at an incomplete image; run the command again, and it skips complete blobs"

// integrityHint tells damaged content from a document that is wrong, and from an answer that is no
// document at all.
func integrityHint(err error, remote failedRemote) string {
	var syntax *json.SyntaxError
	var untrue *distribution.NotStoredError
	switch {
	case errors.As(err, &untrue):
		return notStoredHint(untrue, remote)
	case cli.Has[*distribution.NotDeletedError](err):
		return fmt.Sprintf("check that %s is a registry, and that no proxy or login page answers for it", remote.name())
	case cli.Has[*distribution.LostBlobError](err):
		return fmt.Sprintf("the storage of %s is damaged, or a cache before it holds what is gone: its operator must mend that",
			remote.name())
	case errors.Is(err, transfer.ErrTargetDigest):
		return "leave the digest out of the target: the image keeps its digest, " +
			"and a list that --platform cuts down gets a new one"
	case !cli.Has[*manifest.DocumentError](err) && !cli.Has[*manifest.ConfigError](err):
		return "the content is damaged at its source or in transit; " +
			"if it happens again, the image must be pushed to its source again"
	case errors.Is(err, manifest.ErrTooDeep):
		return "it cannot be copied whole; copy an image inside it, by the digest that transship inspect shows"
	case errors.Is(err, manifest.ErrContentType):
		return fmt.Sprintf("the image itself is not to blame: %s sends a wrong Content-Type, or the list that it is in has "+
			"a wrong type", remote.name())
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return notRegistryHint(remote)
	}
	return documentHint(err)
}

// notStoredHint says who may have answered in the registry's place, or changed what it was sent.
func notStoredHint(err *distribution.NotStoredError, remote failedRemote) string {
	if err.Other != nil {
		return fmt.Sprintf("the image is not damaged at its source: %s, or a proxy in front of it, "+
			"stores other bytes than it is sent", remote.name())
	}
	return fmt.Sprintf("check that %s is a registry that accepts uploads, and that no proxy or login page answers for it",
		remote.name())
}

// documentHint is for a document that cannot be used, although it is as its author made it.
func documentHint(err error) string {
	if errors.Is(err, manifest.ErrNoManifest) {
		return "check the name, the tag or the digest: another document than an image is there"
	}
	return "different programs could see different images in it; build the image and push it again"
}

// authHint says how to log in, or why logging in does not help.
func authHint(err error, remote failedRemote) string {
	var refused *auth.Error
	named := errors.As(err, &refused) && refused.User != ""
	wrongFlag := named && strings.HasPrefix(refused.Source, "--") && refused.Status != http.StatusForbidden
	logIn := "transship login " + remote.name()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "" // the error says it
	case cli.Has[*auth.HelperError](err):
		return "run the helper by hand: what it prints is not shown, since that may be a password; " +
			"credsStore and credHelpers in docker's config.json name it"
	case cli.Has[*auth.CredentialsError](err):
		return fmt.Sprintf("correct that file, or give --%s user:password", remote.flag("creds"))
	case errors.Is(err, auth.ErrPlainRealm):
		return "the registry's configuration must name its token server by an https URL"
	case refused != nil && refused.Err != nil:
		return "" // the token server failed: no account helps
	case refused != nil && refused.Realm != "" && refused.Status < http.StatusBadRequest:
		return "the token server must answer with a token; a redirect is not followed, as it could take the account elsewhere"
	case remote.DeniedHint != "" && !wrongFlag:
		return remote.DeniedHint
	case !named:
		return fmt.Sprintf("%s, or give --%s user:password; it is also possible that the repository does not exist",
			logIn, remote.flag("creds"))
	case errors.Is(err, distribution.Denied) || refused.Status == http.StatusForbidden:
		return "the account has no permission, or the repository does not exist"
	case strings.HasPrefix(refused.Source, "--"):
		return "check the user name and the password of " + refused.Source
	}
	return "log in again: " + logIn
}

// configuredFileHint says where the configuration file names a certificate or key that cannot be used.
func (r *Run) configuredFileHint(err error) string {
	var failed *wire.CertificateError
	if !errors.As(err, &failed) {
		return ""
	}
	for _, m := range r.remotes {
		if t := m.tls; slices.Contains([]string{t.CAFile, t.CertFile, t.KeyFile}, failed.File) {
			return ""
		}
	}
	h := r.config.Host(failed.Host)
	for name, file := range map[string]string{"ca": h.CA, "cert": h.Cert, "key": h.Key} {
		if file == failed.File {
			return fmt.Sprintf("the file is that of %s.%s; it must have PEM", h.From, name)
		}
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
		return "a registry must not redirect there; if it is yours, correct its address in its configuration"
	case errors.Is(err, distribution.ErrNotRegistry):
		return notRegistryHint(remote)
	case errors.As(err, &unknown):
		return fmt.Sprintf("trust its CA with --%s FILE or /etc/docker/certs.d/%s/ca.crt, or give --%s",
			remote.flag("ca"), remote.host, remote.flag("insecure"))
	case errors.As(err, &name):
		return fmt.Sprintf("use the name that the certificate is for, or --%s", remote.flag("insecure"))
	case errors.As(err, &invalid):
		if invalid.Reason != x509.Expired {
			return fmt.Sprintf("make the certificate again, or give --%s", remote.flag("insecure"))
		}
		return fmt.Sprintf("check this machine's clock, renew the certificate, or give --%s", remote.flag("insecure"))
	case wantsCertificate(err), strings.Contains(err.Error(), "tls: certificate required"),
		strings.Contains(err.Error(), "tls: bad certificate"):
		return fmt.Sprintf("the registry requires a client certificate: --%s FILE --%s FILE",
			remote.flag("cert"), remote.flag("key"))
	case wire.IsPlainHTTP(err):
		return fmt.Sprintf("the registry uses HTTP without TLS: give --%s", remote.flag("plain-http"))
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "the proxy was not reached: check HTTPS_PROXY, and set NO_PROXY for hosts that need no proxy"
	case errors.As(err, &dns):
		return "check the host's name and the DNS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check the host and the port, and that the registry runs"
	case wire.IsUnanswered(err):
		return "the host takes calls and does not answer them: try again later, or wait longer with --stall 10m"
	case errors.Is(err, blob.ErrTooSlow):
		return "the host sends hardly a byte: try again later or from another host, or wait longer with --stall 10m"
	case wire.IsConnectionClosed(err):
		return "the registry, or a proxy in front of it, closes every connection"
	}
	return "check the network; HTTPS_PROXY and NO_PROXY are used"
}
