package image

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
)

// noCatalogError is the error of a registry that has no list of its repositories.
type noCatalogError struct {
	host, hint string
	err        error
}

// Error names the registry and its answer.
func (e *noCatalogError) Error() string {
	return fmt.Sprintf("%s has no list of its repositories: %v", e.host, e.err)
}

// Unwrap returns the registry's answer.
func (e *noCatalogError) Unwrap() error { return e.err }

// ExitCode is that of what is not found, whichever status the registry says it by.
func (*noCatalogError) ExitCode() int { return cli.ExitNotFound }

// Hint says where else repositories are listed.
func (e *noCatalogError) Hint() string { return e.hint }

// CatalogError returns the error of a catalog that a registry does not have or refuses. Any other
// error is returned as it is.
func CatalogError(err error, host, hint string) error {
	var answer *distribution.Error
	answered := errors.As(err, &answer)
	switch {
	case answered && lacksCatalog(answer):
		if len(answer.Errors) == 0 { // it may be any web server
			hint = fmt.Sprintf("check that %s is a registry; %s", host, hint)
		}
		return &noCatalogError{host, hint, err}
	case run.ExitCode(err) == cli.ExitAuth && (answered || cli.Has[*auth.Error](err)):
		return fmt.Errorf("%s does not list its repositories: %w", host, err)
	}
	return err
}

// lacksCatalog reports whether an answer means that there is no catalog, for any account.
func lacksCatalog(answer *distribution.Error) bool {
	switch answer.StatusCode {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return errors.Is(answer, distribution.Unsupported)
}

// NoCatalogHint says what to do where a registry does not list its repositories. prefix is the
// namespace of interest, or "".
func NoCatalogHint(host, prefix string) string {
	owner, _, _ := strings.Cut(prefix, "/")
	switch host {
	case "docker.io":
		return fmt.Sprintf("Docker Hub lists repositories by its own API: "+
			"curl https://hub.docker.com/v2/namespaces/%s/repositories", cmp.Or(owner, "NAMESPACE"))
	case "ghcr.io":
		return fmt.Sprintf("GitHub lists packages by its own API: gh api '/users/%s/packages?package_type=container', "+
			"or /orgs/ for an organization", cmp.Or(owner, "OWNER"))
	}
	return fmt.Sprintf("many registries list repositories only to some accounts, or only on their web page; "+
		"transship login %s changes the account, and transship tags %s/REPOSITORY needs no such list", host, host)
}
