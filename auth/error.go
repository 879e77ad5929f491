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

// maxMessage bounds, in characters, what is repeated of a server's message.
const maxMessage = 300

// Error is a failed authentication: a token server that gave no token, or the
// registry that refused what it was given. It holds no secret.
type Error struct {
	// Host is the registry, as given to [WithScope].
	Host string

	// Realm is the token server's URL, "" when it is the registry that refused.
	Realm string

	// Scope is what was asked for.
	Scope Scope

	// Status is the HTTP status of the answer: 401 or 403 for a refusal, but
	// also, of a token server, 429 or a server error. It is 0 when no request
	// was made, 200 when the reply could not be used.
	Status int

	// Message is the server's own explanation in one line, shortened when it is
	// long, "" when it gave none.
	Message string

	// User is the user name that was used, "<token>" for a token without a
	// name, "" for the anonymous account.
	User string
	// Source says where it was found, as Credential.Source does.
	Source string

	// Err is what went wrong when it was not a refusal, nil otherwise.
	Err error
}

// Error describes the failure in one line.
func (e *Error) Error() string {
	server, asked := "the registry", ""
	if e.Realm != "" {
		server = "token server " + e.Realm
	}
	if !e.Scope.Empty() {
		asked = " for " + e.Scope.String()
	}
	who := describe(e.User, e.Source)
	if e.Err != nil {
		return fmt.Sprintf("%s: no token from %s%s (%s): %v", e.Host, server, asked, who, e.Err)
	}
	text := fmt.Sprintf("%s: %s answered %d %s to %s%s", e.Host, server, e.Status, http.StatusText(e.Status), who, asked)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// CredentialsError is a failure of Credentials: a configuration file that cannot
// be understood, or a helper program that failed ([HelperError]).
type CredentialsError struct {
	// Host is the registry, as given to [WithScope].
	Host string

	// Err is how Credentials failed.
	Err error
}

// Error describes the failure in one line.
func (e *CredentialsError) Error() string {
	return fmt.Sprintf("finding credentials for %s: %v", e.Host, e.Err)
}

// Unwrap returns Err.
func (e *CredentialsError) Unwrap() error { return e.Err }

// denied reports whether err is a token server's No to the account or the
// scope, as opposed to trouble with the server.
func denied(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Err != nil {
		return false
	}
	return e.Status == http.StatusBadRequest || e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

type refusalKey struct{}

// Refusal tells, of a 401 or 403 response that came through a [Transport], whose
// credentials the registry refused and for what scope. It is nil for any other
// response. The response's body is left to the caller, so Message is empty.
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

// serverMessage finds the sentence meant for people in an error's body, in the
// forms that token servers use: OAuth2 (error, error_description), the
// distribution API (errors), Docker Hub (details), others (message), or plain
// text. A page of HTML says nothing.
func serverMessage(body []byte) string {
	var reply map[string]any
	if json.Unmarshal(body, &reply) != nil {
		return plainMessage(string(body))
	}
	list, _ := reply["errors"].([]any)
	for _, element := range list {
		e, _ := element.(map[string]any)
		if text := firstText(e, "message", "code"); text != "" {
			return oneLine(text)
		}
	}
	return oneLine(firstText(reply, "error_description", "details", "message", "error"))
}

// plainMessage is a body that is no JSON object, unless it looks like markup or
// other JSON.
func plainMessage(body string) string {
	body = strings.TrimSpace(body)
	if body == "" || strings.ContainsRune("<{[", rune(body[0])) {
		return ""
	}
	return oneLine(body)
}

// firstText is the first of the members that is a string and not empty.
func firstText(object map[string]any, keys ...string) string {
	for _, key := range keys {
		if text, ok := object[key].(string); ok && text != "" {
			return text
		}
	}
	return ""
}

// oneLine makes a foreign text fit to be printed: no control characters, no
// invalid UTF-8, single spaces, at most maxMessage characters.
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
