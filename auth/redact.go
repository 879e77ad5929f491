package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

type sentKey struct{}

// withSent notes what a request was authorized with.
func withSent(ctx context.Context, a authorization) context.Context {
	return context.WithValue(ctx, sentKey{}, a)
}

// Redact returns a text that came with a response through a [Transport], such
// as a registry's message, without the credentials that the request was sent
// with: some servers repeat what they were sent.
func Redact(resp *http.Response, text string) string {
	if resp == nil || resp.Request == nil {
		return text
	}
	a, ok := resp.Request.Context().Value(sentKey{}).(authorization)
	if !ok {
		return text
	}
	return a.redact(text)
}

// redact takes what an authorization is made of out of a text that others wrote.
func (a authorization) redact(text string) string {
	_, credentials, _ := strings.Cut(a.header, " ")
	for _, secret := range []string{credentials, a.token} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return a.cred.redact(text)
}

// redactedError is an error that says nothing of what redact takes out: net/http
// quotes the lines of an answer that it cannot read.
type redactedError struct {
	text string
	err  error
}

// Error returns the redacted text.
func (e *redactedError) Error() string { return e.text }

// Unwrap returns the error as it was.
func (e *redactedError) Unwrap() error { return e.err }

// redactError returns err, in another form only if it needs one: http.Client
// knows some errors by their type.
func redactError(err error, redact func(string) string) error {
	if text := redact(err.Error()); text != err.Error() {
		return &redactedError{text, err}
	}
	return err
}

// shown is a token server's URL for messages: without what a registry may have
// put into it beside the address.
func shown(realm *url.URL) string {
	u := url.URL{Scheme: realm.Scheme, Host: realm.Host, Path: realm.Path}
	return u.String()
}

// withoutURL shows of a failed token request no more of its URL than other messages
// do, and nothing of the credential.
func withoutURL(req *http.Request, cred Credential, err error) error {
	var outer *url.Error
	if !errors.As(err, &outer) {
		return err
	}
	cause := redactError(outer.Err, cred.redact)
	if strings.HasPrefix(cause.Error(), "failed to parse Location header") {
		cause = errors.New("it redirects to a Location that is no URL")
	}
	return &url.Error{Op: outer.Op, URL: shown(req.URL), Err: cause}
}
