package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// tokenUser is the user name by which credential helpers say that the secret
// is an identity token (docker-credential-helpers).
const tokenUser = "<token>"

// Credential is what one account proves itself with. The zero value is the
// anonymous account.
type Credential struct {
	// Username and Password are for Basic authentication, at the registry or at
	// its token server.
	Username string
	Password string

	// IdentityToken is an OAuth2 refresh token: the token server exchanges it
	// for access tokens (distribution, spec/auth/oauth).
	IdentityToken string

	// RegistryToken is sent to the registry itself as a Bearer token, as it is.
	RegistryToken string

	// Source says for messages where the credential was found: a file's name,
	// for instance. It is no part of the proof.
	Source string
}

// Anonymous reports whether the credential proves nothing.
func (c Credential) Anonymous() bool {
	c.Source = ""
	return c == Credential{}
}

// String describes the account for messages: its user name and where it was
// found, never a password or token.
func (c Credential) String() string { return describe(c.user(), c.Source) }

// GoString is String, so that %#v shows no secret either.
func (c Credential) GoString() string { return "auth.Credential(" + c.String() + ")" }

// user is the user name, or "<token>" for a token that comes without one.
func (c Credential) user() string {
	if c.Username == "" && c.IdentityToken+c.RegistryToken != "" {
		return tokenUser
	}
	return c.Username
}

// basic is the credential as RFC 7617 writes it into the Authorization header.
func (c Credential) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password))
}

// redact takes the credential's secrets out of a text that others wrote, also
// as they are in a header.
func (c Credential) redact(text string) string {
	basic := ""
	if c.Password != "" {
		_, basic, _ = strings.Cut(c.basic(), " ")
	}
	for _, secret := range []string{basic, c.Password, c.IdentityToken, c.RegistryToken} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

func describe(user, source string) string {
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

// Credentials finds the credential for a registry. Implementations are safe for
// concurrent use.
type Credentials interface {
	// Credential returns the credential for the registry at host, which is
	// host[:port] as in its URLs ("registry-1.docker.io", "localhost:5000").
	// The repository is the one the request is about ("library/alpine"), or ""
	// when that is not known. Where nothing is found the credential is
	// anonymous and the error nil.
	Credential(ctx context.Context, host, repository string) (Credential, error)
}

// Forgetter is implemented by [Credentials] that keep what they once looked up.
type Forgetter interface {
	// Forget is called when a credential for host was refused; the next call of
	// Credential should look it up anew, since it may have been a short-lived
	// one.
	Forget(host string)
}

// Static is one credential for every host and repository: what a user has given
// for one side of a copy, for instance.
type Static Credential

// Credential implements [Credentials].
func (s Static) Credential(context.Context, string, string) (Credential, error) {
	return Credential(s), nil
}

// String is [Credential.String].
func (s Static) String() string { return Credential(s).String() }

// GoString is [Credential.GoString].
func (s Static) GoString() string { return Credential(s).GoString() }

// ParseUserPass reads "user:password". The password is everything behind the
// first colon, be it the many lines of a key file; neither part may be empty.
// One line ending at the end is left out, so that the text can come from a pipe.
// The errors do not repeat the text.
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
