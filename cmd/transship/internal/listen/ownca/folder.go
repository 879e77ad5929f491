package ownca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// tempPrefix begins the names of files that are being written.
const tempPrefix = ".new-"

// folder is the path of a folder.
type folder string

// open creates the folder, or checks that it is one of this package's, or empty, and safe.
func (f folder) open() error {
	info, err := os.Lstat(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return f.create()
	}
	switch {
	case err != nil:
		return f.errorf("", err, "")
	case info.Mode()&fs.ModeSymlink != 0:
		return f.errorf("", errUnsafe, "it is a link").withHint("name the folder itself: keys are written to it")
	case !info.IsDir():
		return f.errorf("", nil, "it is no folder").withHint("--tls-new needs a folder; it is created if it is missing")
	}
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return f.errorf("", err, "")
	}
	ours, foreign := 0, ""
	for _, e := range entries {
		switch {
		case slices.Contains([]string{CAFile, caKeyFile, CertFile, KeyFile}, e.Name()):
			ours++
			if err := f.checkFile(e.Name()); err != nil {
				return err
			}
		case !strings.HasPrefix(e.Name(), tempPrefix):
			foreign = e.Name()
		}
	}
	switch {
	case ours == 0 && foreign != "":
		return f.errorf("", nil, "it is not empty and has no "+CAFile+": there is "+foreign).
			withHint("--tls-new needs a folder of its own; it is created if it is missing")
	case ours == 0:
		return f.wrap("", os.Chmod(string(f), 0o700))
	case othersMay(info, 0o022):
		return f.errorf("", errUnsafe, fmt.Sprintf("others can write to it (mode %04o)", info.Mode().Perm())).
			withHint("chmod 700 " + string(f))
	}
	return nil
}

func (f folder) create() error {
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o755); err != nil {
		return f.errorf("", err, "")
	}
	err := os.Mkdir(string(f), 0o700)
	if errors.Is(err, fs.ErrExist) { // by another process
		return nil
	}
	return f.wrap("", err)
}

// checkFile refuses what is no regular file, and keys that others can read.
func (f folder) checkFile(name string) error {
	info, err := os.Lstat(filepath.Join(string(f), name))
	switch {
	case err != nil:
		return f.errorf(name, err, "")
	case info.Mode()&fs.ModeSymlink != 0:
		return f.errorf(name, errUnsafe, "it is a link").withHint("put the file itself there")
	case !info.Mode().IsRegular():
		return f.errorf(name, errUnsafe, "it is no regular file")
	case strings.HasSuffix(name, ".key") && othersMay(info, 0o077):
		return f.errorf(name, errUnsafe, fmt.Sprintf("others can read this key (mode %04o)", info.Mode().Perm())).
			withHint("chmod 600 " + filepath.Join(string(f), name) + ", or, if the key may have been copied, remove the folder and make a new one")
	}
	return nil
}

// othersMay reports whether a file has any of these permissions. Windows has none of them.
func othersMay(info fs.FileInfo, bits fs.FileMode) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&bits != 0
}

// wrap returns err as a *FolderError; nil for nil.
func (f folder) wrap(name string, err error) error {
	if err == nil {
		return nil
	}
	return f.errorf(name, err, "")
}

// read returns the first PEM block of a file.
func (f folder) read(name string) (*pem.Block, error) {
	const maxSize = 1 << 20
	path := filepath.Join(string(f), name)
	if info, err := os.Lstat(path); err == nil && (!info.Mode().IsRegular() || info.Size() > maxSize) {
		return nil, f.errorf(name, errInvalid, "it is no PEM file")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, f.errorf(name, err, "")
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, f.errorf(name, errInvalid, "it is empty, cut short, or no PEM file").
			withHint("if it was never used move " + string(f) + " away; else put the file back from a copy")
	}
	return block, nil
}

func (f folder) readCert(name string) (*x509.Certificate, error) {
	block, err := f.read(name)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, f.errorf(name, errInvalid, "it is no certificate: "+err.Error())
	}
	return cert, nil
}

func (f folder) readKey(name string) (crypto.Signer, error) {
	block, err := f.read(name)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, f.errorf(name, errInvalid, "it is no key in PKCS #8")
	}
	return signer, nil
}

// createKey writes a new key, and returns the one that is there: another process may be first.
func (f folder) createKey(name string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, f.errorf(name, err, "")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, f.errorf(name, err, "")
	}
	if err := f.write(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), keep); err != nil {
		return nil, err
	}
	return f.readKey(name)
}

// createCA writes the certificate of a CA, and returns the one that is there: another process may
// have written one for the same key first.
func (f folder) createCA(key crypto.Signer) (*x509.Certificate, error) {
	template := caTemplate(key.Public())
	der, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, f.errorf(CAFile, err, "")
	}
	if err := f.write(CAFile, encodeCert(der), keep); err != nil {
		return nil, err
	}
	return f.readCert(CAFile)
}

// What write does with a file that exists.
const (
	keep    = false
	replace = true
)

// write writes a file as a whole: keys for their owner alone, certificates for everybody.
func (f folder) write(name string, content []byte, overwrite bool) (err error) {
	temp, err := os.CreateTemp(string(f), tempPrefix) // with mode 0600
	if err != nil {
		return f.errorf(name, err, "")
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(content)
	if err == nil && !strings.HasSuffix(name, ".key") {
		err = temp.Chmod(0o644)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return f.errorf(name, err, "")
	}
	path := filepath.Join(string(f), name)
	if overwrite {
		return f.wrap(name, os.Rename(temp.Name(), path))
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return f.errorf(name, err, "")
	}
	return nil
}
