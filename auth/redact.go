package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

type sentKey struct{}

// withSent returns a context with the authorization of a request, for Redact.
func withSent(ctx context.Context, a authorization) context.Context {
	return context.WithValue(ctx, sentKey{}, a)
}

// Redact returns text without the credentials that were sent with the request of resp. The text is
// from a response of a [Transport], such as a registry's message. Some servers echo credentials. A
// password that such a text has anyway, an ordinary word, stays.
func Redact(resp *http.Response, text string) string {
	if resp == nil || resp.Request == nil {
		return text
	}
	a, ok := resp.Request.Context().Value(sentKey{}).(authorization)
	if !ok {
		return text
	}
	return a.redact(text, resp.Request.URL.Host+resp.Request.URL.Path)
}

// redact replaces the authorization's secrets in a text. public are texts that no secret is in.
func (a authorization) redact(text string, public ...string) string {
	_, credentials, _ := strings.Cut(a.header, " ")
	for _, secret := range []string{credentials, a.token} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return a.cred.redact(text, public...)
}

// redactedError is an error with a redacted text. The errors of net/http quote lines of a response
// that cannot be parsed.
type redactedError struct {
	text string
	err  error
}

// Error returns the redacted text.
func (e *redactedError) Error() string { return e.text }

// Unwrap returns the original error.
func (e *redactedError) Unwrap() error { return e.err }

// redactError returns err, or a redactedError if its text changes. Other errors keep their type,
// which http.Client looks at.
func redactError(err error, redact func(text string, public ...string) string) error {
	if text := redact(err.Error()); text != err.Error() {
		return &redactedError{text, err}
	}
	return err
}

// displayURL returns a token server's URL for messages. It leaves out the query, which the registry
// may have set.
func displayURL(realm *url.URL) string {
	u := url.URL{Scheme: realm.Scheme, Host: realm.Host, Path: realm.Path}
	return u.String()
}

// redactURLError returns err with the URL as in other messages and without the credential.
func redactURLError(req *http.Request, cred Credential, err error) error {
	var outer *url.Error
	if !errors.As(err, &outer) {
		return err
	}
	cause := redactError(outer.Err, cred.redact)
	if strings.HasPrefix(cause.Error(), "failed to parse Location header") {
		cause = errors.New("it redirects to a Location that is no URL")
	}
	return &url.Error{Op: outer.Op, URL: displayURL(req.URL), Err: cause}
}
