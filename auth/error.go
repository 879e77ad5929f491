package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
)

// maxMessage is the maximum length of a server's message in characters.
const maxMessage = 300

// Error is a failed authentication: a token server gave no token, or the registry refused the
// authorization. It contains no secret.
type Error struct {
	// Host is the registry, as given to [WithScope].
	Host string

	// Realm is the token server's URL, "" if the registry refused the authorization.
	Realm string

	// Scope is the requested scope.
	Scope Scope

	// Status is the HTTP status of the response: 401 or 403 for a refusal, and for a token server
	// also 429 or 5xx. It is 0 if no request was sent, and 200 if the response had no valid token.
	Status int

	// Message is the server's message in one line of at most 300 characters, "" if there was none.
	Message string

	// User is the user name, "<token>" for a token without a user name, "" for the anonymous
	// account.
	User string
	// Source is where the credential was found (Credential.Source).
	Source string

	// Err is the cause if it was not a refusal, nil otherwise.
	Err error
}

// Error returns a message of one line.
func (e *Error) Error() string {
	server, asked := "the registry", ""
	if e.Realm != "" {
		server = "token server " + e.Realm
	}
	if !e.Scope.Empty() {
		asked = " for " + e.Scope.String()
	}
	account := describeAccount(e.User, e.Source)
	if e.Err != nil {
		return fmt.Sprintf("%s: no token from %s%s (%s): %v", e.Host, server, asked, account, e.Err)
	}
	status := fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	text := fmt.Sprintf("%s: %s answered %s to %s%s", e.Host, server, status, account, asked)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// CredentialsError is an error of Credentials, such as a configuration file that cannot be parsed,
// or a helper program that failed ([HelperError]).
type CredentialsError struct {
	// Host is the registry, as given to [WithScope].
	Host string

	// Err is the error of Credentials.
	Err error
}

// Error returns a message of one line.
func (e *CredentialsError) Error() string {
	return fmt.Sprintf("finding credentials for %s: %v", e.Host, e.Err)
}

// Unwrap returns Err.
func (e *CredentialsError) Unwrap() error { return e.Err }

// denied reports whether err means that a token server refused the account or the scope, and not
// that the server failed.
func denied(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Err != nil {
		return false
	}
	return e.Status == http.StatusBadRequest || e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

type refusalKey struct{}

// Refusal returns which credentials and which scope the registry refused with resp, a 401 or 403
// response of a [Transport]. It returns nil for any other response. Message is empty: the body is
// not read.
func Refusal(resp *http.Response) *Error {
	if resp == nil || resp.Request == nil {
		return nil
	}
	e, _ := resp.Request.Context().Value(refusalKey{}).(*Error)
	return e
}

func withRefusal(ctx context.Context, e *Error) context.Context {
	return context.WithValue(ctx, refusalKey{}, e)
}

// serverMessage returns the message in the body of an error response. It knows the forms of token
// servers: OAuth2 (error, error_description), the distribution API (errors), Docker Hub (details),
// others (message), and plain text. HTML gives "".
func serverMessage(body []byte) string {
	var reply map[string]any
	if json.Unmarshal(body, &reply) != nil {
		return plainMessage(string(body))
	}
	list, _ := reply["errors"].([]any)
	for _, element := range list {
		e, _ := element.(map[string]any)
		if text := firstString(e, "message", "code"); text != "" {
			return oneLine(text)
		}
	}
	return oneLine(firstString(reply, "error_description", "details", "message", "error"))
}

// plainMessage returns a body that is not a JSON object, or "" if it looks like markup or other
// JSON.
func plainMessage(body string) string {
	body = strings.TrimSpace(body)
	if body == "" || strings.ContainsRune("<{[", rune(body[0])) {
		return ""
	}
	return oneLine(body)
}

// firstString returns the first of the members that is a non-empty string.
func firstString(object map[string]any, keys ...string) string {
	for _, key := range keys {
		if text, ok := object[key].(string); ok && text != "" {
			return text
		}
	}
	return ""
}

// oneLine makes a server's text printable: no control characters, no invalid UTF-8, single spaces,
// at most maxMessage characters.
func oneLine(text string) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
	runes := []rune(strings.Join(words, " "))
	if len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "..."
	}
	return string(runes)
}
