package main

import (
	"path/filepath"
	"testing"
)

// --key is of TLS, and is not to be taken for the key of a signature, as in cosign verify and audit verify: alone
// it is refused, also where no registry is called.
func TestKeyWithoutCertificate(t *testing.T) {
	c := newCopySetup(t)
	bundle := filepath.Join(t.TempDir(), "b.tar")
	c.do("save -o " + bundle + " SRC").want(0)
	for line, want := range map[string]wantedError{
		"verify --key team.pub " + bundle:              {2, "--key is the key of the client certificate of --cert", "--require-key"},
		"verify --key team.pub SRC":                    {2, "--key is the key of the client certificate", "--require-signature"},
		"load --key team.pub " + bundle + " localhost": {2, "--key is the key of the client certificate", "--require-key"},
		"copy --src-key team.pub SRC DST":              {2, "--src-key is the key of the client certificate of --src-cert", "--require-signature"},
		"copy --dst-cert c.pem SRC DST":                {2, "--dst-cert needs --dst-key", ""},
		"tags --cert c.pem localhost:5000/a":           {2, "--cert needs --key", ""},
	} {
		c.do(line).wantError(want)
	}
}
