package wire

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// minSecret is how many bytes a secret must have to be replaced in what servers send: a shorter one
// is found in any text.
const minSecret = 4

// secrets are the secrets of a request. Servers repeat them in headers and messages.
type secrets []string

// secretsOf returns a request's secrets: the contents of Authorization and Cookie, the password in
// its URL, the values of its query that Redact removes, and the credentials of a token request.
func secretsOf(req *http.Request) secrets {
	var s secrets
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for _, value := range req.Header[name] {
			s.addAuthorization(value)
		}
	}
	for _, c := range req.Cookies() {
		s.add(c.Value)
	}
	if req.URL.User != nil {
		password, _ := req.URL.User.Password()
		s.add(password)
	}
	s.addQuery(req.URL.RawQuery)
	s.addForm(req)
	return slices.DeleteFunc(s, func(secret string) bool {
		return IsOrdinaryText(secret, req.URL.Host+req.URL.Path)
	})
}

// maxForm bounds, in bytes, a form that is searched for secrets. The form of a token request
// (distribution, spec/auth/oauth) is shorter.
const maxForm = 64 << 10

// addForm adds the values of a form that are not safe to show.
func (s *secrets) addForm(req *http.Request) {
	if req.GetBody == nil || req.ContentLength > maxForm ||
		req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return
	}
	body, err := req.GetBody()
	if err != nil {
		return
	}
	defer body.Close()
	text, _ := io.ReadAll(io.LimitReader(body, maxForm))
	s.addQuery(string(text))
}

// add adds a secret in the forms in which it may be repeated.
func (s *secrets) add(text string) {
	if text == "" {
		return
	}
	*s = append(*s, text)
	if escaped := url.QueryEscape(text); escaped != text {
		*s = append(*s, escaped)
	}
}

// addAuthorization adds the credentials in a header.
func (s *secrets) addAuthorization(value string) {
	_, credentials, ok := strings.Cut(value, " ")
	if !ok {
		credentials = value
	}
	s.add(credentials)
	if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil {
		_, password, _ := strings.Cut(string(pair), ":")
		s.add(string(pair))
		s.add(password)
	}
}

func (s *secrets) addQuery(raw string) {
	for pair := range strings.FieldsFuncSeq(raw, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err == nil && (isKnownParameter(plain) || plain == "client_id" || plain == "grant_type") {
			continue
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		s.add(value)
	}
}

// redact removes the secrets from a text.
func (s secrets) redact(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	return text
}

// redactHeader is RedactHeader for a response's header, which may repeat the secrets.
func (s secrets) redactHeader(h http.Header) http.Header {
	out := RedactHeader(h)
	for _, values := range out {
		for i, value := range values {
			values[i] = s.redact(value)
		}
	}
	return out
}

// redactError returns err, wrapped with a text of its own if its text holds secrets.
func (s secrets) redactError(err error) error {
	if err == nil {
		return nil
	}
	if shown := s.redact(RedactError(err).Error()); shown != err.Error() {
		return &redactedError{shown, err}
	}
	return err
}

// redactedError is an error with another text.
type redactedError struct {
	text string
	err  error
}

// Error returns the redacted text.
func (e *redactedError) Error() string { return e.text }

// Unwrap returns the error as it was.
func (e *redactedError) Unwrap() error { return e.err }
