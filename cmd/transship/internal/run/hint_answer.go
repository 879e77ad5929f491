package run

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/transfer"
)

// refusal is an answer that a call did not expect.
type refusal struct {
	*distribution.Error
	path endpoint.Path
	text string // what the server said, in lower case
	host string // as users write it
}

// newRefusal returns the answer in an error, false if there is none.
func newRefusal(err error, remote failedRemote) (refusal, bool) {
	var answer *distribution.Error
	if !errors.As(err, &answer) {
		return refusal{}, false
	}
	a := refusal{Error: answer, text: strings.ToLower(string(answer.Body)), host: remote.name()}
	for _, d := range answer.Errors {
		a.text += strings.ToLower(" " + string(d.Code) + " " + d.Message + " " + string(d.Detail))
	}
	if u, err := url.Parse(answer.URL); err == nil {
		a.path = endpoint.ParseEnd(strings.TrimPrefix(u.Path, "/v2/"))
	}
	return a, true
}

func (a refusal) reads() bool { return a.Method == http.MethodGet || a.Method == http.MethodHead }

func (a refusal) putsManifest() bool {
	return a.Method == http.MethodPut && a.path.Kind == endpoint.KindManifest
}

// says reports whether the server used one of the phrases, which are in lower case.
func (a refusal) says(phrases ...string) bool {
	for _, phrase := range phrases {
		if strings.Contains(a.text, phrase) {
			return true
		}
	}
	return false
}

// is reports whether the server used one of the error codes.
func (a refusal) is(codes ...distribution.ErrorCode) bool {
	for _, code := range codes {
		if errors.Is(a.Error, code) {
			return true
		}
	}
	return false
}

// repository returns the repository of the call as users write it.
func (a refusal) repository() string { return a.host + "/" + a.path.Repository }

// saidHint is for what a server says itself, which the class of an error does not tell: a full
// quota is answered with 403, as a missing login is. It is "" if the server says nothing of the kind.
func saidHint(err error, remote failedRemote) string {
	a, ok := newRefusal(err, remote)
	switch {
	case !ok || a.Storage || a.StatusCode == http.StatusTooManyRequests:
		return ""
	case a.is(distribution.DigestInvalid) && strings.Contains(a.URL, string(blob.SHA512)):
		return fmt.Sprintf("%s takes no sha512 digests, the image is not damaged: copy it to a registry that does", a.host)
	case a.StatusCode < http.StatusMultipleChoices: // a success, and another one than the call's
		return notRegistryHint(remote)
	case a.reads():
		return deniedPageHint(a)
	case a.is(distribution.DigestInvalid):
		return fmt.Sprintf("the content is not damaged at its source: it changed on the way to %s, or there; try again",
			a.host)
	case a.says("quota", "upper limit", "storage limit", "insufficient storage", "no space left", "disk full"):
		return fmt.Sprintf("free space at %s, or raise its quota; complete blobs are not sent again", a.host)
	case a.putsManifest() && cli.Has[*transfer.ForeignLayersError](err):
		return "the image has layers at URLs, and the registry may not allow these: " +
			"CNCF distribution has a list of them in its configuration, validation.manifests.urls.allow"
	case a.is(distribution.ManifestBlobUnknown) && cli.Has[*transfer.BlobIndexError](err):
		return "the registry takes no index of blobs, as a BuildKit cache is: " +
			"have the cache exported with image-manifest=true"
	case a.putsManifest():
		return refusedManifestHint(a)
	}
	return deniedPageHint(a)
}

func notRegistryHint(remote failedRemote) string {
	return fmt.Sprintf("check that %s is a registry and that no proxy answers for it", remote.name())
}

// deniedPageHint is for a page where the API has JSON.
func deniedPageHint(a refusal) string {
	page := strings.HasPrefix(strings.TrimSpace(a.text), "<")
	wantsLogin := a.Auth != nil && a.Auth.User != "" || a.Header.Get("WWW-Authenticate") != ""
	if a.StatusCode != http.StatusForbidden || !page || wantsLogin {
		return ""
	}
	return fmt.Sprintf("the page is that of a proxy or firewall in front of %s: check HTTPS_PROXY and NO_PROXY, "+
		"and who may call it", a.host)
}

// refusedManifestHint is for a manifest that the target does not take.
func refusedManifestHint(a refusal) string {
	isTag := blob.Digest(a.path.Reference).Validate() != nil
	switch {
	case a.is(distribution.ManifestBlobUnknown, distribution.BlobUnknown):
		return fmt.Sprintf("%s does not find content that it was given: try again; "+
			"if that does not help, its storage loses content", a.host)
	case isTag && (a.StatusCode == http.StatusPreconditionFailed || a.is("TAG_INVALID") ||
		a.says("immutable", "overwrit", "allow updating", "already exists")):
		return fmt.Sprintf("tags of %s cannot be overwritten: put the image under another tag, or delete %s there first",
			a.repository(), a.path.Reference)
	case a.StatusCode == http.StatusUnsupportedMediaType || a.StatusCode == http.StatusNotAcceptable ||
		a.is(distribution.ManifestInvalid, distribution.Unsupported) && a.StatusCode != http.StatusMethodNotAllowed ||
		a.says("media type", "mediatype", "content type", "content-type"):
		return fmt.Sprintf("%s may take no lists of platforms, or no documents of OCI's types: "+
			"copy --flatten --platform OS/ARCH sends a single image", a.host)
	}
	return deniedPageHint(a)
}

// answerHint is for answers whose status and endpoint say more than their text.
func answerHint(err error, remote failedRemote) string {
	a, _ := newRefusal(err, remote)
	switch status := a.StatusCode; {
	case errors.Is(err, fs.ErrNotExist):
		return missingHint(a)
	case a.Storage && status/100 == 4:
		return "the registry redirects there, to an address that expires: try again; " +
			"if that does not help, the registry's storage or its clock is not set up correctly"
	case status == http.StatusRequestEntityTooLarge:
		return "a proxy in front of the registry limits the size of requests: " +
			"raise its limit (nginx: client_max_body_size)"
	case status == http.StatusInsufficientStorage && !a.reads():
		return "free space at the registry; complete blobs are not sent again"
	case status == http.StatusMethodNotAllowed && a.Method == http.MethodDelete:
		return "the registry does not delete, or only with another setting: " +
			"docker's registry does with REGISTRY_STORAGE_DELETE_ENABLED=true"
	case status == http.StatusMethodNotAllowed && !a.reads():
		return "the registry accepts no uploads: it may be a mirror or read-only"
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return fmt.Sprintf("a proxy answers that the registry behind %s is not available: try again later", a.host)
	case status >= http.StatusInternalServerError:
		return fmt.Sprintf("%s failed, not the image or the account: try again later; its log says more", a.host)
	}
	return ""
}

// missingHint is for a 404.
func missingHint(a refusal) string {
	if isBase(a.URL) {
		return "there is no registry at that host and port: check them"
	}
	switch a.path.Kind {
	case endpoint.KindManifest:
		if a.reads() || a.Method == http.MethodDelete {
			return fmt.Sprintf("check the name and the tag: %s lists what is there", a.tagsCommand())
		}
	case endpoint.KindBlob:
		if a.reads() {
			return "the image is incomplete at its source; it must be pushed there again"
		}
	case endpoint.KindUploads, endpoint.KindSession:
	default:
		if a.Storage {
			return "the image is incomplete at its source, whose storage has lost content; it must be pushed there again"
		}
		return "check the name of the repository"
	}
	return "some registries need the repository or its project to be created first"
}

// isBase reports whether a URL is that of /v2/, which every registry has.
func isBase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && endpoint.Parse(u.Path).Kind == endpoint.KindBase
}

// tagsCommand returns the command that lists the tags of the repository.
func (a refusal) tagsCommand() string { return "transship tags " + a.repository() }
