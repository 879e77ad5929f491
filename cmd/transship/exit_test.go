package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// Covers errors that a loopback server does not easily cause, and wrapped errors.
func TestExitCodesAndHints(t *testing.T) {
	answer := func(method, path string, status int, body string) error {
		return &distribution.Error{Method: method, URL: "https://r.example.com/v2/" + path, StatusCode: status,
			Body: []byte(body)}
	}
	request := func(err error) error {
		return &distribution.RequestError{Method: http.MethodHead,
			URL: "https://r.example.com/v2/x/manifests/1", Err: err}
	}
	cert := &x509.Certificate{DNSNames: []string{"other.example.com"}}
	for name, test := range map[string]struct {
		err  error
		code int
		hint string
	}{
		"plain": {errors.New("no"), 1, ""},
		"file":  {&fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}, 1, ""},
		"wrong name": {request(x509.HostnameError{Certificate: cert, Host: "r.example.com"}), 5,
			"use the name that the certificate is for, or --dst-insecure"},
		"expired": {request(x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired}), 5,
			"renew the certificate, or give --dst-insecure"},
		"not TLS": {request(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), 5,
			"give --dst-plain-http"},
		"no certificate": {request(errors.New("remote error: tls: certificate required")), 5,
			"--dst-cert FILE --dst-key FILE"},
		"DNS":     {request(&net.DNSError{Err: "no such host", Name: "r.example.com"}), 5, "check the host's name"},
		"refused": {request(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), 5, "nothing listens there"},
		"proxy": {request(&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}),
			5, "the proxy was not reached"},
		"reset":       {request(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), 5, "closes every connection"},
		"broken pipe": {request(&net.OpError{Op: "write", Err: syscall.EPIPE}), 5, "closes every connection"},
		"closed":      {request(&net.OpError{Op: "write", Err: net.ErrClosed}), 5, "closes every connection"},
		"ended":       {request(io.ErrUnexpectedEOF), 5, "closes every connection"},
		"timeout":     {request(errors.New("no answer")), 5, "HTTPS_PROXY and NO_PROXY"},
		"bad redirect": {request(&wire.RedirectError{From: "r.example.com", To: "ftp://x"}), 5,
			"correct its address"},
		"bad certificate": {request(&wire.CertificateError{Host: "r.example.com", File: "x", Err: errors.New("no PEM")}),
			5, "PEM files"},
		"no certificate file": {request(&wire.CertificateError{Host: "r.example.com", File: "x", Err: fs.ErrNotExist}),
			4, ""},
		"late": {request(&wire.RetryAfterError{StatusCode: 429}), 6,
			"try again after 0001-01-01 00:00:00, give --max-wait, or log in"},
		"late, not a limit": {request(&wire.RetryAfterError{StatusCode: 503}), 6,
			"try again after 0001-01-01 00:00:00, or give --max-wait"},
		"no token": {request(&auth.Error{Host: "r.example.com", Status: 401}), 3,
			"transship login r.example.com, or give --dst-creds"},
		"identity token": {request(&auth.Error{Host: "r.example.com", Status: 401, User: "<token>",
			Source: "config.json"}), 3, "log in again: transship login r.example.com"},
		"forbidden": {request(&auth.Error{Host: "r.example.com", Status: 403, User: "me", Source: "config.json"}), 3,
			"the account has no permission"},
		"untrusted realm":   {request(&auth.Error{Host: "r.example.com", Err: errors.New("not trusted")}), 3, ""},
		"token server down": {request(&auth.Error{Host: "r.example.com", Status: 502}), 1, ""},
		"token server limit": {request(&auth.Error{Host: "r.example.com", Status: 429}), 6,
			"wait, or log in"},
		"helper":         {&auth.HelperError{Program: "x", Err: errors.New("no")}, 3, "credsStore"},
		"beyond a plan":  {request(&wire.PlanError{Method: "PUT", URL: "https://r.example.com/v2/x"}), 1, ""},
		"source says no": {answer("GET", "x/manifests/1", 403, ""), 3, "--src-creds"},
		"target says no": {answer("PUT", "x/manifests/1", 403, ""), 3, "--dst-creds"},
		"storage says no": {&distribution.Error{Method: "GET", URL: "https://cdn.example.com/x", StatusCode: 403, Storage: true}, 1,
			"the registry redirects there, to an address that expires"},
		"no such manifest":   {answer("GET", "x/manifests/1", 404, ""), 4, "transship tags r.example.com/x lists"},
		"no such blob":       {answer("GET", "x/blobs/sha256:1", 404, ""), 4, "incomplete at its source"},
		"no such repository": {answer("POST", "x/blobs/uploads/", 404, ""), 4, "created first"},
		"no tags":            {answer("GET", "x/tags/list", 404, ""), 4, "check the name of the repository"},
		"limit":              {answer("GET", "x/manifests/1", 429, ""), 6, "wait, or log in"},
		"too large":          {answer("PUT", "x/blobs/uploads/1", 413, ""), 1, "client_max_body_size"},
		"no room":            {answer("PUT", "x/blobs/uploads/1", 507, ""), 1, "free space at the registry"},
		"read-only":          {answer("POST", "x/blobs/uploads/", 405, ""), 1, "accepts no uploads"},
		"no HEAD":            {answer("HEAD", "x/manifests/1", 405, ""), 1, ""},
		"server error":       {answer("GET", "x/manifests/1", 500, ""), 1, "r.example.com failed"},
		"bad gateway":        {answer("GET", "x/manifests/1", 502, ""), 1, "a proxy answers that the registry behind"},
		"storage lost it": {&distribution.Error{Method: "GET", URL: "https://cdn.example.com/x", StatusCode: 404, Storage: true}, 4,
			"incomplete at its source"},
		"a mismatch in all": {fmt.Errorf("x: %w", errors.Join(answer("GET", "", 404, ""), &blob.MismatchError{})), 7,
			"damaged at its source"},
		"reference":    {fmt.Errorf("x: %w", &reference.SyntaxError{}), 2, ""},
		"platform":     {&manifest.PlatformSyntaxError{}, 2, ""},
		"no platform":  {fmt.Errorf("x: %w", &manifest.PlatformError{}), 4, ""},
		"corrupt list": {&liststore.CorruptError{Err: &reference.SyntaxError{}}, 7, ""},
		"no list":      {&liststore.NotFoundError{Ref: "x"}, 4, "transship manifest create"},
	} {
		a := run.New(cli.NewStreams(func(string) string { return "" }, nil, nil, nil))
		for _, label := range []string{"src", "dst"} {
			a.NewRemote(label).Host = "r.example.com"
		}
		hint := a.Hint(test.err)
		if code := run.ExitCode(test.err); code != test.code || !strings.Contains(hint, test.hint) ||
			test.hint == "" && hint != "" {
			t.Errorf("%s: exit code %d, hint %q; want %d and %q", name, code, hint, test.code, test.hint)
		}
	}
}
