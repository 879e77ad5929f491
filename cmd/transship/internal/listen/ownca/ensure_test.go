package ownca

import (
	"bytes"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func ensure(t *testing.T, dir string, names ...string) Result {
	t.Helper()
	r, err := Ensure(dir, names)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// verify checks the certificate as a client does that trusts the CA.
func verify(t *testing.T, r Result, name string) error {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(r.CA)
	_, err := r.Cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
	return err
}

// The first call makes the folder, and the next ones use what is there.
func TestEnsureMakesAndKeeps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	first := ensure(t, dir, "far.example", "192.0.2.1", "::1")
	if !first.NewCA || !first.NewCert {
		t.Errorf("it reports %+v", first)
	}
	for _, name := range []string{"far.example", "192.0.2.1", "::1"} {
		if err := verify(t, first, name); err != nil {
			t.Error(err)
		}
	}
	if verify(t, first, "other.example") == nil {
		t.Error("the certificate is good for any name")
	}
	for name, want := range map[string]os.FileMode{
		".": 0o700, "ca.key": 0o600, "server.key": 0o600, "ca.crt": 0o644, "server.crt": 0o644,
	} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 4 {
		t.Errorf("there are %v", entries)
	}
	again := ensure(t, dir, "far.example")
	if again.NewCA || again.NewCert || !again.Cert.Equal(first.Cert) || !again.CA.Equal(first.CA) {
		t.Errorf("it reports %+v", again)
	}
	if err := os.Rename(filepath.Join(dir, "ca.key"), filepath.Join(t.TempDir(), "ca.key")); err != nil {
		t.Fatal(err)
	}
	ensure(t, dir, "far.example") // the CA's key may be kept elsewhere
	_, err := Ensure(dir, []string{"new.example"})
	if err == nil || !strings.Contains(err.Error(), "ca.key: it is missing") {
		t.Errorf("got %v", err)
	}
}

// A new name makes a new certificate, with the names before and by the same CA and key.
func TestEnsureAddsNames(t *testing.T) {
	dir := t.TempDir()
	first := ensure(t, dir, "one.example")
	caKey, key := read(t, dir, "ca.key"), read(t, dir, "server.key")
	second := ensure(t, dir, "two.example")
	if second.NewCA || !second.NewCert || !second.CA.Equal(first.CA) {
		t.Errorf("it reports %+v", second)
	}
	for _, name := range []string{"one.example", "two.example"} {
		if err := verify(t, second, name); err != nil {
			t.Error(err)
		}
	}
	if !bytes.Equal(caKey, read(t, dir, "ca.key")) || !bytes.Equal(key, read(t, dir, "server.key")) {
		t.Error("a key has changed")
	}
}

// A certificate is replaced 30 days before its end. An expired CA is not.
func TestEnsureRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		first := ensure(t, dir, "one.example")
		time.Sleep(time.Until(first.Cert.NotAfter) - RenewBefore - time.Hour)
		if again := ensure(t, dir, "one.example"); again.NewCert {
			t.Error("it is replaced too early")
		}
		time.Sleep(2 * time.Hour)
		second := ensure(t, dir, "two.example")
		if !second.NewCert || second.NewCA || !slices.Equal(second.Names(), []string{"two.example"}) {
			t.Errorf("it reports %+v with %v", second, second.Names())
		}
		time.Sleep(time.Until(first.CA.NotAfter) - 24*time.Hour)
		if last := ensure(t, dir, "two.example"); last.Cert.NotAfter.After(last.CA.NotAfter) {
			t.Error("the certificate ends after its CA")
		}
		time.Sleep(25 * time.Hour)
		_, err := Ensure(dir, []string{"two.example"})
		if err == nil || !strings.Contains(err.Error(), "ca.crt: the CA has expired on 2009-12-29") {
			t.Errorf("got %v", err)
		}
	})
}

// What an interrupted run or a person has left is used or refused, and never overwritten.
func TestEnsureErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(t *testing.T, dir string) error
		message string // "" for none
		code    int
	}{
		"only the CA's key": {func(t *testing.T, dir string) error {
			return errors.Join(remove(dir, "ca.crt"), remove(dir, "server.crt"), remove(dir, "server.key"))
		}, "", 0},
		"no certificate": {func(t *testing.T, dir string) error { return remove(dir, "server.crt") }, "", 0},
		"no key":         {func(t *testing.T, dir string) error { return remove(dir, "server.key") }, "", 0},
		"a file of the user": {func(t *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600)
		}, "", 0},
		"a half file": {func(t *testing.T, dir string) error {
			return os.Truncate(filepath.Join(dir, "ca.key"), 40)
		}, "ca.key: it is empty, cut short, or no PEM file", 5},
		"an empty file": {func(t *testing.T, dir string) error {
			return os.Truncate(filepath.Join(dir, "server.crt"), 0)
		}, "server.crt: it is empty, cut short, or no PEM file", 5},
		"a key that others can read": {func(t *testing.T, dir string) error {
			return os.Chmod(filepath.Join(dir, "ca.key"), 0o644)
		}, "ca.key: others can read this key (mode 0644)", 7},
		"a folder that others can write to": {func(t *testing.T, dir string) error {
			return os.Chmod(dir, 0o770)
		}, "others can write to it (mode 0770)", 7},
		"a link": {func(t *testing.T, dir string) error {
			key, outside := filepath.Join(dir, "server.key"), filepath.Join(t.TempDir(), "key")
			return errors.Join(os.Rename(key, outside), os.Symlink(outside, key))
		}, "server.key: it is a link", 7},
		"another CA": {func(t *testing.T, dir string) error {
			other := t.TempDir()
			ensure(t, other, "one.example")
			return os.Rename(filepath.Join(other, "ca.crt"), filepath.Join(dir, "ca.crt"))
		}, "ca.key: it is not the key of ca.crt", 5},
		"another's certificate": {func(t *testing.T, dir string) error {
			other := t.TempDir()
			ensure(t, other, "one.example")
			return os.Rename(filepath.Join(other, "server.crt"), filepath.Join(dir, "server.crt"))
		}, "server.crt: it is not signed by ca.crt", 5},
		"no CA": {func(t *testing.T, dir string) error {
			return os.Rename(filepath.Join(dir, "server.crt"), filepath.Join(dir, "ca.crt"))
		}, "ca.crt: it is no CA's certificate", 5},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "x")
			ensure(t, dir, "one.example")
			if err := c.change(t, dir); err != nil {
				t.Fatal(err)
			}
			r, err := Ensure(dir, []string{"one.example"})
			var said *FolderError
			switch {
			case c.message == "" && err == nil:
				if err := verify(t, r, "one.example"); err != nil {
					t.Error(err)
				}
			case !errors.As(err, &said) || !strings.Contains(said.Error(), c.message) || said.ExitCode() != c.code:
				t.Errorf("got %v", err)
			}
		})
	}
}

func remove(dir, name string) error { return os.Remove(filepath.Join(dir, name)) }

// A folder of something else is refused and not changed; an empty one is closed to others.
func TestEnsureChecksFolder(t *testing.T) {
	parent := t.TempDir()
	foreign, file, link := filepath.Join(parent, "foreign"), filepath.Join(parent, "file"), filepath.Join(parent, "link")
	empty := filepath.Join(parent, "empty")
	if err := errors.Join(os.Mkdir(foreign, 0o755), os.WriteFile(filepath.Join(foreign, "notes.txt"), nil, 0o600),
		os.WriteFile(file, nil, 0o600), os.Symlink(foreign, link), os.Mkdir(empty, 0o755)); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		foreign: "it is not empty and has no ca.crt: there is notes.txt", file: "it is no folder",
		link: "it is a link", link + "/": "it is a link", filepath.Join(file, "x"): "not a directory",
	} {
		if _, err := Ensure(dir, []string{"one.example"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", dir, err)
		}
	}
	if entries, _ := os.ReadDir(foreign); len(entries) != 1 {
		t.Errorf("there are %v", entries)
	}
	ensure(t, empty, "one.example")
	if info, err := os.Stat(empty); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Processes that begin at the same time agree on one CA.
func TestEnsureConcurrently(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			r, err := Ensure(dir, []string{"one.example"})
			if err != nil {
				t.Error(err)
			} else if err := verify(t, r, "one.example"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if r := ensure(t, dir, "one.example"); r.NewCA || r.NewCert {
		t.Errorf("it reports %+v", r)
	}
}
