package auth

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStoreAndErase(t *testing.T) {
	const before = `{
  "zebra": {"b": 1.50, "a": "<&>\u00e9"},
  "auths": {
    "quay.io": {"auth": "b3RoZXI6eA=="},
    "ghcr.io": {"email": "bob@example.com", "Auth": "b2xkOng=", "identitytoken": "old"},
    "https://ghcr.io": {"auth": "b2xkOng="},
    "ghcr.io/team": {"auth": "b2xkOng="}
  },
  "psFormat": "table"
}`
	const stored = `{
	"zebra": {
		"b": 1.50,
		"a": "<&>\u00e9"
	},
	"auths": {
		"quay.io": {
			"auth": "b3RoZXI6eA=="
		},
		"ghcr.io": {
			"email": "bob@example.com",
			"auth": "Ym9iOnNlc2FtZQ=="
		},
		"https://ghcr.io": {
			"auth": "b2xkOng="
		},
		"ghcr.io/team": {
			"auth": "b2xkOng="
		}
	},
	"psFormat": "table"
}`
	const erased = `{
	"zebra": {
		"b": 1.50,
		"a": "<&>\u00e9"
	},
	"auths": {
		"quay.io": {
			"auth": "b3RoZXI6eA=="
		},
		"ghcr.io/team": {
			"auth": "b2xkOng="
		}
	},
	"psFormat": "table"
}`
	ctx := context.Background()
	name := writeConfig(t, before)
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	config := &Config{Files: []string{name}}
	for range 2 {
		where, err := config.Store(ctx, "https://GHCR.io/v2/", Credential(bob))
		if err != nil || where != name {
			t.Fatal(where, err)
		}
		if diff := cmp.Diff(stored, readFile(t, name)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		checkMode(t, name)
	}
	if found, err := config.Erase(ctx, "ghcr.io"); !found || err != nil {
		t.Fatal(found, err)
	}
	if diff := cmp.Diff(erased, readFile(t, name)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if found, err := config.Erase(ctx, "ghcr.io"); found || err != nil {
		t.Errorf("erased again: %v, %v", found, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(name)); len(entries) != 1 {
		t.Errorf("the directory has %v, want only the file", entries)
	}
}

func checkMode(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v", name, info.Mode())
	}
}

func TestStoreForms(t *testing.T) {
	tests := []struct {
		host string
		cred Credential
		want string
	}{
		{"docker.io", Credential{Username: "bob", Password: "sesame"},
			`"https://index.docker.io/v1/": {"auth": "` + bobAuth + `"}`},
		{"localhost:5000", Credential{IdentityToken: "i<"}, `"localhost:5000": {"identitytoken": "i<"}`},
		{"a.example.com", Credential{RegistryToken: "r"}, `"a.example.com": {"registrytoken": "r"}`},
		{"a.example.com", Credential{Username: "000", IdentityToken: "i"},
			`"a.example.com": {"auth": "MDAwOg==","identitytoken": "i"}`},
	}
	for _, test := range tests {
		name := filepath.Join(t.TempDir(), "new", "config.json")
		config := &Config{Files: []string{name}}
		if _, err := config.Store(context.Background(), test.host, test.cred); err != nil {
			t.Fatal(err)
		}
		want := `{"auths": {` + test.want + `}}`
		got := strings.NewReplacer("\n", "", "\t", "").Replace(readFile(t, name))
		if got != want {
			t.Errorf("%s: got %s, want %s", test.host, got, want)
		}
		checkMode(t, name)
		test.cred.Source = name
		if back, err := config.Credential(context.Background(), test.host, ""); err != nil || back != test.cred {
			t.Errorf("read back: %v, %v", back, err)
		}
	}
}

func TestStoreRefusesInvalidHosts(t *testing.T) {
	name := writeConfig(t, "{}")
	for _, host := range []string{
		"", "/", "a b", "https://", "ghcr.io/team", "u@ghcr.io", "gh\xffcr.io", "ghcr.io?x", "[::1",
	} {
		if _, err := (&Config{Files: []string{name}}).Store(context.Background(), host, Credential(bob)); err == nil {
			t.Errorf("stored for %q: %s", host, readFile(t, name))
		}
	}
}

func TestStoreFollowsLinks(t *testing.T) {
	for name, content := range map[string]string{"to a file": "{}", "to nothing": ""} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			target := filepath.Join(dir, "real.json")
			if content != "" {
				if err := os.WriteFile(target, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			link := filepath.Join(dir, "config.json")
			if err := os.Symlink("real.json", link); err != nil {
				t.Skip(err)
			}
			if _, err := (&Config{Files: []string{link}}).Store(context.Background(), "ghcr.io", Credential(bob)); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("the link was replaced: %v, %v", info, err)
			}
			if !strings.Contains(readFile(t, target), bobAuth) {
				t.Errorf("the file has %s", readFile(t, target))
			}
		})
	}
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Skip(err)
	}
	if _, err := (&Config{Files: []string{loop}}).Store(context.Background(), "ghcr.io", Credential(bob)); err == nil {
		t.Error("stored in a loop")
	}
}

func TestConcurrentStoresKeepAllEntries(t *testing.T) {
	name := filepath.Join(t.TempDir(), "config.json")
	const n = 20
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { // each with its own Config, like separate processes
			config := &Config{Files: []string{name}}
			if _, err := config.Store(context.Background(), fmt.Sprintf("r%d.example.com", i), Credential(bob)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := strings.Count(readFile(t, name), bobAuth); got != n && runtime.GOOS != "windows" {
		t.Errorf("the file has %d of %d credentials", got, n)
	}
}

func TestStoreWaitsForLockUntilContextEnds(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no locks")
	}
	dir := t.TempDir()
	unlock, err := lockDir(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	name := filepath.Join(dir, "config.json")
	if _, err := (&Config{Files: []string{name}}).Store(ctx, "ghcr.io", Credential(bob)); err == nil {
		t.Error("no error although the file is locked")
	}
	unlock()
	if _, err := (&Config{Files: []string{name}}).Store(ctx, "ghcr.io", Credential(bob)); err != nil {
		t.Error(err)
	}
}

// A failed write keeps the old file and leaves no temporary file.
func TestFailedStoreKeepsOldFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "config.json")
	if err := os.Mkdir(name, 0o700); err != nil { // cannot be renamed over
		t.Fatal(err)
	}
	if err := replaceFile(name, []byte("{}")); err == nil {
		t.Error("a directory was replaced")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the directory has %v, want only the old file", entries)
	}
}

func TestEraseFromAllFiles(t *testing.T) {
	first := writeConfig(t, `{"auths": {"ghcr.io": {}}}`)
	second := writeConfig(t, `{"auths": {"https://ghcr.io/v1/": {"auth": "broken"}}}`)
	config := &Config{Files: []string{first, filepath.Join(t.TempDir(), "absent"), second}}
	if found, err := config.Erase(context.Background(), "ghcr.io"); !found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	for _, name := range []string{first, second} {
		if got := readFile(t, name); strings.Contains(got, "ghcr.io") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
