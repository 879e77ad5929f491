package auth

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// helperScript is a credential helper that stores secrets in a directory and logs its calls.
const helperScript = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
input=$(cat)
echo "$1 $input" >> log
file() { printf %s "$1" | tr -c 'A-Za-z0-9.\n' _; }
case $1 in
get)
	if [ -f "secret.$(file "$input")" ]; then cat "secret.$(file "$input")"; exit; fi
	if [ "$input" = broken.example.com ]; then echo "the keychain is locked"; echo "see the manual" >&2; exit 1; fi
	if [ "$input" = leaky.example.com ]; then echo '{"Username":"bob","Secret":"sesame"}'; exit 1; fi
	if [ "$input" = bare.example.com ]; then echo sesame; exit; fi
	if [ "$input" = number.example.com ]; then echo '{"Username":"bob","Secret":12345}'; exit; fi
	if [ "$input" = endless.example.com ]; then exec yes sesame; fi
	if [ "$input" = late.example.com ]; then
		until [ -f answer ]; do sleep 0.01; done
		echo '{"Username":"bob","Secret":"sesame"}'; exit
	fi
	if [ "$input" = garbage.example.com ]; then echo "not json"; exit; fi
	if [ "$input" = slow.example.com ]; then exec sleep 60; fi
	echo "credentials not found in native keychain"; exit 1 ;;
store)
	url=$(printf %s "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')
	printf %s "$input" > "secret.$(file "$url")" ;;
erase)
	rm "secret.$(file "$input")" ;;
esac
`

// newHelper installs docker-credential-test and returns its directory.
func newHelper(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the helper is a shell script")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, helperPrefix+"test"), []byte(helperScript), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func helperConfig(t *testing.T, dir, text string) *Config {
	return &Config{Files: []string{writeConfig(t, text)}, HelperPath: "relative" + string(filepath.ListSeparator) + dir}
}

func TestHelper(t *testing.T) {
	ctx := context.Background()
	dir := newHelper(t)
	config := helperConfig(t, dir, `{"credsStore": "test", "credHelpers": {"ghcr.io": "", "quay.io": "test"}, "auths": {
		"docker.io/x": {"auth": "`+eveAuth+`"},
		"https://index.docker.io/v1/": {"auth": "`+eveAuth+`"},
		"ghcr.io": {"auth": "`+eveAuth+`"}}}`)
	file := config.Files[0]

	if got, err := config.Credential(ctx, "docker.io", ""); err != nil || got.Username != "eve" {
		t.Errorf("before the login: %v, %v", got, err)
	}
	where, err := config.Store(ctx, "docker.io", Credential(bob))
	if err != nil || where != "docker-credential-test" {
		t.Fatal(where, err)
	}
	const empty = `"https://index.docker.io/v1/": {}`
	if got := readFile(t, file); strings.Contains(got, bobAuth) || !strings.Contains(got, empty) {
		t.Errorf("got %s, want an entry without the password", got)
	}
	if _, err := config.Store(ctx, "quay.io", Credential{Username: "ignored", IdentityToken: "i"}); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Store(ctx, "quay.io", Credential{RegistryToken: "r"}); err == nil {
		t.Error("no error for a registry token")
	}

	tests := []struct {
		host, repository string
		want             Credential
	}{
		{"registry-1.docker.io", "library/alpine",
			Credential{Username: "bob", Password: "sesame", Source: "docker-credential-test (credsStore in " + file + ")"}},
		{"quay.io", "", Credential{IdentityToken: "i", Source: "docker-credential-test (credHelpers in " + file + ")"}},
		{"ghcr.io", "", Credential{Username: "eve", Password: "apple", Source: file}},
		{"unknown.example.com", "", Credential{}},
	}
	for _, test := range tests {
		if got, err := config.Credential(ctx, test.host, test.repository); err != nil || got != test.want {
			t.Errorf("%s: got %v, %v", test.host, got, err)
		}
	}

	if found, err := config.Erase(ctx, "index.docker.io"); !found || err != nil {
		t.Errorf("erase: %v, %v", found, err)
	}
	if got, err := config.Credential(ctx, "docker.io", ""); err != nil || !got.Anonymous() {
		t.Errorf("after the logout: %v, %v", got, err)
	}
	if found, err := config.Erase(ctx, "index.docker.io"); found || err != nil {
		t.Errorf("erase again: %v, %v", found, err)
	}
	if got := readFile(t, file); strings.Contains(got, "index.docker.io") || !strings.Contains(got, "docker.io/x") {
		t.Errorf("the file: %s", got)
	}
}

// Unlike docker, a credential in the file is used if the helper has none.
func TestHelperWithoutACredential(t *testing.T) {
	config := helperConfig(t, newHelper(t), `{"credsStore": "test", "auths": {"ghcr.io": {"auth": "`+bobAuth+`"}}}`)
	if got, err := config.Credential(context.Background(), "ghcr.io", ""); err != nil || got.Username != "bob" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestHelperResultIsCached(t *testing.T) {
	dir := newHelper(t)
	config := helperConfig(t, dir, `{"credsStore": "test"}`)
	for _, repository := range []string{"a", "b", "c"} {
		if _, err := config.Credential(context.Background(), "ghcr.io", repository); err != nil {
			t.Fatal(err)
		}
	}
	config.Forget("ghcr.io")
	if _, err := config.Credential(context.Background(), "ghcr.io", ""); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(dir, "log")); got != "get ghcr.io\nget ghcr.io\n" {
		t.Errorf("log: %s", got)
	}
}

func TestMissingHelper(t *testing.T) {
	config := helperConfig(t, t.TempDir(), `{"credsStore": "desktop", "auths": {"ghcr.io": {"auth": "`+bobAuth+`"}}}`)
	_, err := config.Credential(context.Background(), "quay.io", "")
	var e *HelperError
	if !errors.As(err, &e) || !errors.Is(err, exec.ErrNotFound) || e.Program != "docker-credential-desktop" {
		t.Fatalf("got %v", err)
	}
	want := "credential helper docker-credential-desktop is not installed, or not in $PATH: " +
		"install it, or remove it from credsStore in " + config.Files[0]
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if got, err := config.Credential(context.Background(), "ghcr.io", ""); err != nil || got.Username != "bob" {
		t.Errorf("a host whose credential is in the file: %v, %v", got, err)
	}
	other := writeConfig(t, `{"auths": {"quay.io": {"auth": "`+eveAuth+`"}}}`)
	config.Files = append(config.Files, other)
	if got, err := config.Credential(context.Background(), "quay.io", ""); err != nil || got.Source != other {
		t.Errorf("a host whose credential is in another file: %v, %v", got, err)
	}
	_, err = config.Store(context.Background(), "quay.io", Credential(bob))
	if !errors.As(err, &e) || e.Action != "store" {
		t.Errorf("store: %v", err)
	}
	if found, err := config.Erase(context.Background(), "quay.io"); !found || !errors.As(err, &e) {
		t.Errorf("erase: %v, %v", found, err)
	}
}

func TestHelperFails(t *testing.T) {
	var output bytes.Buffer
	config := helperConfig(t, newHelper(t), `{"credsStore": "test"}`)
	config.HelperOutput = &output
	_, err := config.Credential(context.Background(), "broken.example.com", "")
	var e *HelperError
	if !errors.As(err, &e) || e.Action != "get" || e.Message != "see the manual" ||
		errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if output.String() != "see the manual\n" {
		t.Errorf("standard error: %q", output.String())
	}
	if _, err := config.Credential(context.Background(), "garbage.example.com", ""); !errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
}

// What a helper prints on standard output may be a secret, whatever it exits with.
func TestHelperOutputIsNotShown(t *testing.T) {
	config := helperConfig(t, newHelper(t), `{"credsStore": "test"}`)
	for host, want := range map[string]string{
		"leaky.example.com": "exit status 1", "bare.example.com": "it printed no credential",
		"number.example.com": "it printed no credential", "endless.example.com": "it printed more than 1048576 bytes",
	} {
		_, err := config.Credential(t.Context(), host, "")
		var e *HelperError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", host, err, want)
			continue
		}
		for _, never := range []string{"sesame", "'s'", "12345"} {
			if strings.Contains(err.Error(), never) {
				t.Errorf("%s: the error has %s: %v", host, never, err)
			}
		}
	}
}

func TestSlowHelperIsReported(t *testing.T) {
	dir := newHelper(t)
	config := helperConfig(t, dir, `{"credsStore": "test"}`)
	config.wait.slow = time.Millisecond
	config.OnHelperWait = func(program string) {
		if program != "docker-credential-test" {
			t.Errorf("reported %s", program)
		}
		if err := os.WriteFile(filepath.Join(dir, "answer"), nil, 0o600); err != nil {
			t.Error(err)
		}
	}
	if got, err := config.Credential(t.Context(), "late.example.com", ""); err != nil || got.Username != "bob" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestMuteHelperIsKilled(t *testing.T) {
	config := helperConfig(t, newHelper(t), `{"credsStore": "test"}`)
	config.wait.timeout = time.Millisecond
	_, err := config.Credential(t.Context(), "slow.example.com", "")
	var e *HelperError
	if !errors.As(err, &e) || !strings.HasSuffix(err.Error(), "get: no answer for 1ms") {
		t.Errorf("got %v", err)
	}
	if helperSlow.Seconds() != 5 || helperTimeout.Seconds() != 60 {
		t.Errorf("reported after %v, killed after %v", helperSlow, helperTimeout)
	}
}

func TestCancelStopsHelper(t *testing.T) {
	dir := newHelper(t)
	config := helperConfig(t, dir, `{"credsStore": "test"}`)
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error)
	go func() { _, err := config.Credential(ctx, "slow.example.com", ""); result <- err }()
	eventually(func() bool { _, err := os.Stat(filepath.Join(dir, "log")); return err == nil })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestHelperNameWithPathIsRefused(t *testing.T) {
	dir := newHelper(t)
	for _, name := range []string{"../test", "x/../../" + filepath.Base(dir) + "/docker-credential-test", `a\\b`} {
		config := helperConfig(t, dir, `{"credsStore": "`+name+`"}`)
		_, err := config.Credential(context.Background(), "ghcr.io", "")
		var e *HelperError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "not the name of a program") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); err == nil {
		t.Error("the helper was run")
	}
}

func TestHelperIsNotRunFromTheWorkingDirectory(t *testing.T) {
	dir := newHelper(t)
	t.Chdir(filepath.Dir(dir))
	config := helperConfig(t, filepath.Base(dir), `{"credsStore": "test"}`)
	if _, err := config.Credential(context.Background(), "ghcr.io", ""); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestTailBufferKeepsEnd(t *testing.T) {
	var buffer tailBuffer
	for range 3 {
		if n, err := buffer.Write(bytes.Repeat([]byte("x"), 3000)); n != 3000 || err != nil {
			t.Fatal(n, err)
		}
	}
	buffer.Write([]byte("end"))
	if text := buffer.String(); len(text) != 4<<10 || !strings.HasSuffix(text, "xend") {
		t.Errorf("%d bytes", len(text))
	}
}
