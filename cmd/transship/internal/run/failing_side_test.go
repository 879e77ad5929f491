package run

import (
	"errors"
	"testing"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
)

// An error is about one remote: by its host, or by its method where both remotes are one registry.
func TestAbout(t *testing.T) {
	a := New(cli.NewStreams(func(string) string { return "" }, nil, nil, nil))
	if at := a.about(errors.New("x")); at.name() != "HOST" || at.flag("creds") != "creds" {
		t.Errorf("without remotes: %+v", at)
	}
	a.NewRemote("src").Host = "a:1"
	a.NewRemote("dst").Host = "b:2"
	for want, err := range map[string]error{
		"src-x a:1": &auth.Error{Host: "a:1"},
		"dst-x b:2": &auth.CredentialsError{Host: "b:2"},
		"src-x c:3": &distribution.Error{Method: "GET", URL: "https://c:3/storage"},
		"dst-x a:1": errors.Join(errors.New("no host in it"), &wire.CertificateError{Host: "a:1"}),
	} {
		if want == "dst-x a:1" {
			a.remotes[1].Host = "a:1" // both on one registry
		}
		if at := a.about(err); at.flag("x")+" "+at.host != want {
			t.Errorf("%v: got %s %s, want %s", err, at.flag("x"), at.host, want)
		}
		a.remotes[1].Host = "b:2"
	}
	if at := a.about(errors.New("b:2/x: no manifest")); at.label != "dst" || at.host != "b:2" {
		t.Errorf("by its text: %+v", at)
	}
}
