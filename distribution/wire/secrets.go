package wire

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// leastSecret is how many bytes a secret must have so that it is looked for in
// what servers say: shorter ones are found in any text.
const leastSecret = 4

// secrets are what a request has to keep secret. Servers repeat such things in
// headers and messages.
type secrets []string

// secretsOf finds a request's secrets: what Authorization and Cookie hold, the
// password in its URL, the values of its query that Redact leaves out, and what
// a token is asked for with.
func secretsOf(req *http.Request) secrets {
	var s secrets
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for _, value := range req.Header[name] {
			s.authorization(value)
		}
	}
	for _, c := range req.Cookies() {
		s.add(c.Value)
	}
	if req.URL.User != nil {
		password, _ := req.URL.User.Password()
		s.add(password)
	}
	s.query(req.URL.RawQuery)
	s.form(req)
	return s
}

// maxForm bounds, in bytes, a form that is looked through. That of a token
// request (distribution, spec/auth/oauth) is shorter.
const maxForm = 64 << 10

// form takes the values of a form that is not the protocol's to show.
func (s *secrets) form(req *http.Request) {
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
	s.query(string(text))
}

// add takes a secret in the forms that it may be repeated in.
func (s *secrets) add(text string) {
	if len(text) < leastSecret {
		return
	}
	*s = append(*s, text)
	if escaped := url.QueryEscape(text); escaped != text {
		*s = append(*s, escaped)
	}
}

// authorization takes the credentials in a header.
func (s *secrets) authorization(value string) {
	_, credentials, ok := strings.Cut(value, " ")
	if !ok {
		credentials = value
	}
	s.add(credentials)
	if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil {
		_, password, _ := strings.Cut(string(pair), ":")
		s.add(password)
	}
}

func (s *secrets) query(raw string) {
	for pair := range strings.FieldsFuncSeq(raw, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil && (isKnownParameter(plain) || plain == "client_id" || plain == "grant_type") {
			continue
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		s.add(value)
	}
}

// redact leaves the secrets out of a text.
func (s secrets) redact(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	return text
}

// header redacts an answer's header.
func (s secrets) header(h http.Header) http.Header {
	out := RedactHeader(h)
	for _, values := range out {
		for i, value := range values {
			values[i] = s.redact(value)
		}
	}
	return out
}

// error returns err, with a text of its own if its text holds secrets.
func (s secrets) error(err error) error {
	if err == nil {
		return nil
	}
	if shown := s.redact(RedactError(err).Error()); shown != err.Error() {
		return &redactedError{shown, err}
	}
	return err
}

// redactedError is an error that shows another text.
type redactedError struct {
	text string
	err  error
}

// Error returns the redacted text.
func (e *redactedError) Error() string { return e.text }

// Unwrap returns the error as it was.
func (e *redactedError) Unwrap() error { return e.err }
