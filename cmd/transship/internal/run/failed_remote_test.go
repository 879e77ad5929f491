package run

import (
	"errors"
	"testing"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
)

// An error is about one remote: by its host, or by its method if both remotes are one registry.
func TestRemoteOf(t *testing.T) {
	r := New(cli.NewStreams(func(string) string { return "" }, nil, nil, nil))
	if m := r.remoteOf(errors.New("x")); m.name() != "HOST" || m.flag("creds") != "creds" {
		t.Errorf("without remotes: %+v", m)
	}
	r.NewRemote("src").Host = "a:1"
	r.NewRemote("dst").Host = "b:2"
	for want, err := range map[string]error{
		"src-x a:1": &auth.Error{Host: "a:1"},
		"dst-x b:2": &auth.CredentialsError{Host: "b:2"},
		"src-x c:3": &distribution.Error{Method: "GET", URL: "https://c:3/storage"},
		"dst-x a:1": errors.Join(errors.New("no host in it"), &wire.CertificateError{Host: "a:1"}),
	} {
		if want == "dst-x a:1" {
			r.remotes[1].Host = "a:1" // both on one registry
		}
		if m := r.remoteOf(err); m.flag("x")+" "+m.host != want {
			t.Errorf("%v: got %s %s, want %s", err, m.flag("x"), m.host, want)
		}
		r.remotes[1].Host = "b:2"
	}
	if m := r.remoteOf(errors.New("b:2/x: no manifest")); m.prefix != "dst" || m.host != "b:2" {
		t.Errorf("by its text: %+v", m)
	}
}
