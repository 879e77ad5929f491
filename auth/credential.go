package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/wire"
)

// tokenUser is the user name with which credential helpers mark an identity token
// (docker-credential-helpers).
const tokenUser = "<token>"

// Credential is the credential of one account. The zero value is the anonymous account.
type Credential struct {
	// Username and Password are for Basic authentication at the registry or its token server.
	Username string
	Password string

	// IdentityToken is an OAuth2 refresh token. The token server exchanges it for access tokens
	// (distribution, spec/auth/oauth).
	IdentityToken string

	// RegistryToken is sent to the registry as a Bearer token.
	RegistryToken string

	// Source is where the credential was found, such as a file's name. It is only for messages.
	Source string
}

// Anonymous reports whether the credential has no user name, password or token.
func (c Credential) Anonymous() bool {
	c.Source = ""
	return c == Credential{}
}

// String returns the user name and the source, and never a password or token.
func (c Credential) String() string { return describeAccount(c.user(), c.Source) }

// GoString makes %#v show no secret either.
func (c Credential) GoString() string { return "auth.Credential(" + c.String() + ")" }

// user returns the user name, or "<token>" for a token without a user name.
func (c Credential) user() string {
	if c.Username == "" && c.IdentityToken+c.RegistryToken != "" {
		return tokenUser
	}
	return c.Username
}

// basicHeader returns the Authorization header of Basic authentication (RFC 7617).
func (c Credential) basicHeader() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password))
}

// redact replaces the credential's secrets in a text, also in the form they have in a header. A
// password that the text may have anyway, since servers write it or public texts have it, is replaced
// only after the user name: elsewhere the gap would give it away ([wire.IsOrdinaryText]).
func (c Credential) redact(text string, public ...string) string {
	basic := ""
	if c.Password != "" {
		_, basic, _ = strings.Cut(c.basicHeader(), " ")
		text = strings.ReplaceAll(text, c.Username+":"+c.Password, c.Username+":[redacted]")
	}
	secrets := []string{basic, c.IdentityToken, c.RegistryToken}
	if !wire.IsOrdinaryText(c.Password, append(public, c.Username)...) {
		secrets = append(secrets, c.Password)
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

func describeAccount(user, source string) string {
	text := "user " + strconv.Quote(user)
	switch user {
	case "":
		return "anonymous"
	case tokenUser:
		text = "token"
	}
	if source != "" {
		text += " from " + source
	}
	return text
}

// Credentials finds the credential for a registry. Implementations must be safe for concurrent use.
type Credentials interface {
	// Credential returns the credential for the registry at host, which is host[:port] as in its
	// URLs ("registry-1.docker.io", "localhost:5000"). The repository is that of the request
	// ("library/alpine"), or "" if it is unknown. If there is no credential it returns an anonymous
	// one and no error.
	Credential(ctx context.Context, host, repository string) (Credential, error)
}

// Forgetter is implemented by [Credentials] that cache credentials.
type Forgetter interface {
	// Forget is called when a credential for host was refused. The credential may have been a
	// short-lived one, so the next call of Credential must not return it from a cache.
	Forget(host string)
}

// Static is one credential for all hosts and repositories.
type Static Credential

// Credential implements [Credentials].
func (s Static) Credential(context.Context, string, string) (Credential, error) {
	return Credential(s), nil
}

// String is [Credential.String].
func (s Static) String() string { return Credential(s).String() }

// GoString is [Credential.GoString].
func (s Static) GoString() string { return Credential(s).GoString() }

// ParseUserPass parses "user:password". The password is everything after the first colon and may
// have several lines, as key files do. Neither may be empty. One line ending at the end is removed,
// so that the text can come from a pipe. The errors do not contain the text.
func ParseUserPass(text string) (Credential, error) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	user, password, ok := strings.Cut(text, ":")
	switch {
	case !ok:
		return Credential{}, errors.New("credentials need the form user:password, but there is no colon")
	case user == "":
		return Credential{}, errors.New("credentials need the form user:password, but the user name is empty")
	case password == "":
		return Credential{}, errors.New("credentials need the form user:password, but the password is empty")
	}
	return Credential{Username: user, Password: password}, nil
}
