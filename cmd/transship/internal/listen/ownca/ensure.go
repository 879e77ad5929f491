package ownca

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"
)

// Names of the files.
const (
	CAFile   = "ca.crt"
	CertFile = "server.crt"
	KeyFile  = "server.key"

	caKeyFile = "ca.key"
)

// RenewBefore is how long before its end a certificate is replaced.
const RenewBefore = 30 * 24 * time.Hour

const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	certLifetime = 2 * 365 * 24 * time.Hour
	clockSkew    = 24 * time.Hour // by how much the clock of a client may be slow
)

// Result is what a folder has.
type Result struct {
	CA, Cert       *x509.Certificate
	NewCA, NewCert bool // made by this call
}

// Ensure makes a folder with a CA and a certificate for names, which are DNS names and IP addresses,
// unless it has them. A certificate that lacks a name or ends soon is replaced; the CA and the keys
// stay. The error is a *[FolderError].
//
// Several processes may use a folder at a time: no file is overwritten but server.crt, and that as a
// whole.
func Ensure(dir string, names []string) (Result, error) {
	f := folder(filepath.Clean(dir))
	if err := f.open(); err != nil {
		return Result{}, err
	}
	ca, caKey, isNew, err := f.ensureCA()
	if err != nil {
		return Result{}, err
	}
	out := Result{CA: ca, NewCA: isNew}
	have, err := f.serverCert(ca)
	switch {
	case err != nil:
		return Result{}, err
	case have != nil && !endsSoon(have) && covers(have, names):
		out.Cert = have
		return out, nil
	case caKey == nil:
		return Result{}, f.errorf(caKeyFile, nil, "it is missing, and is needed to make a certificate").
			withHint("put it back, or move " + dir + " away to begin anew with another CA")
	}
	if have != nil && !endsSoon(have) { // another process may serve the names that it has
		names = append(slices.Clone(names), namesOf(have)...)
	}
	out.Cert, err = f.issue(ca, caKey, names)
	out.NewCert = true
	return out, err
}

// ensureCA returns the CA and its key, nil if that is kept elsewhere.
func (f folder) ensureCA() (ca *x509.Certificate, key crypto.Signer, isNew bool, err error) {
	ca, err = f.readCert(CAFile)
	isNew = errors.Is(err, fs.ErrNotExist)
	if err != nil && !isNew {
		return nil, nil, false, err
	}
	key, err = f.readKey(caKeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isNew:
		key, err = f.createKey(caKeyFile)
	case errors.Is(err, fs.ErrNotExist):
		key, err = nil, nil
	}
	if err == nil && isNew {
		ca, err = f.createCA(key)
	}
	if err == nil {
		err = f.checkCA(ca, key)
	}
	return ca, key, isNew, err
}

// checkCA returns an error for a CA that cannot sign, or not any more.
func (f folder) checkCA(ca *x509.Certificate, key crypto.Signer) error {
	now := time.Now()
	switch {
	case !ca.IsCA:
		return f.errorf(CAFile, errInvalid, "it is no CA's certificate").
			withHint("certificates that exist already are for --tls-cert and --tls-key")
	case key != nil && !samePublicKey(ca, key):
		return f.errorf(caKeyFile, errInvalid, "it is not the key of "+CAFile)
	case now.After(ca.NotAfter):
		return f.errorf(CAFile, errInvalid, "the CA has expired on "+ca.NotAfter.Format(time.DateOnly)).
			withHint("move " + string(f) + " away; then a new CA is made, which clients must get")
	case now.Before(ca.NotBefore):
		return f.errorf(CAFile, errInvalid, "the CA is valid from "+ca.NotBefore.Format(time.DateOnly)+" on").
			withHint("check this machine's clock")
	}
	return nil
}

// serverCert returns the server's certificate, nil if a new one must be made. One of another CA was
// not made here, and is not overwritten.
func (f folder) serverCert(ca *x509.Certificate) (*x509.Certificate, error) {
	cert, err := f.readCert(CertFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if cert.CheckSignatureFrom(ca) != nil {
		return nil, f.errorf(CertFile, errInvalid, "it is not signed by "+CAFile).
			withHint("move it away; certificates that exist already are for --tls-cert and --tls-key")
	}
	key, err := f.readKey(KeyFile)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !samePublicKey(cert, key) {
		return nil, nil
	}
	return cert, err
}

// issue makes the server's certificate, with the key that is there or a new one.
func (f folder) issue(ca *x509.Certificate, caKey crypto.Signer, names []string) (*x509.Certificate, error) {
	key, err := f.readKey(KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = f.createKey(KeyFile)
	}
	if err != nil {
		return nil, err
	}
	template := serverTemplate(names)
	if template.NotAfter.After(ca.NotAfter) {
		template.NotAfter = ca.NotAfter
	}
	der, err := sign(template, ca, key.Public(), caKey)
	if err != nil {
		return nil, f.errorf(CertFile, err, "")
	}
	if err := f.write(CertFile, encodeCert(der), replace); err != nil {
		return nil, err
	}
	return f.readCert(CertFile)
}

// endsSoon reports whether a certificate must be replaced.
func endsSoon(cert *x509.Certificate) bool { return time.Until(cert.NotAfter) < RenewBefore }

// EndsSoon reports whether a certificate must be replaced by [Ensure].
func EndsSoon(pair *tls.Certificate) bool { return pair.Leaf != nil && endsSoon(pair.Leaf) }

// covers reports whether a certificate is good for all names.
func covers(cert *x509.Certificate, names []string) bool {
	have := namesOf(cert)
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(have, name) })
}

// namesOf returns the names of a certificate.
func namesOf(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// Names returns the DNS names and addresses that the certificate is good for.
func (r Result) Names() []string { return namesOf(r.Cert) }

// errInvalid is in the error of files that were read and are not what they should be.
var errInvalid = errors.New("invalid")

// errUnsafe is in the error of links and of keys that others can read.
var errUnsafe = errors.New("unsafe")

// FolderError is an error about a folder or a file in it.
type FolderError struct {
	Path   string
	Reason string // "" for that of Err
	Err    error  // may be nil

	hint string
}

func (f folder) errorf(name string, err error, reason string) *FolderError {
	return &FolderError{Path: filepath.Join(string(f), name), Reason: reason, Err: err}
}

func (e *FolderError) withHint(hint string) *FolderError {
	e.hint = hint
	return e
}

// Error names the file and the reason.
func (e *FolderError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: %s", e.Path, e.Reason)
	}
	err := e.Err
	var named *fs.PathError
	if errors.As(err, &named) {
		err = named.Err
	}
	return fmt.Sprintf("%s: %v", e.Path, err)
}

// Unwrap returns the cause.
func (e *FolderError) Unwrap() error { return e.Err }

// ExitCode returns the code of invalid certificates, of unsafe files, and of other failures.
func (e *FolderError) ExitCode() int {
	switch {
	case errors.Is(e.Err, errInvalid):
		return 5
	case errors.Is(e.Err, errUnsafe):
		return 7
	}
	return 1
}

// Hint says what to do.
func (e *FolderError) Hint() string { return e.hint }
