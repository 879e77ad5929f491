package auth

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// Config finds credentials where docker and podman keep them: in their
// configuration files and through the credential helpers that these name. It
// implements [Credentials] and [Forgetter].
//
// Files are read when a credential is needed, not before, and a file that does
// not exist holds nothing. A file that cannot be understood is an error that
// names it. In each file, in order: the helper that credHelpers names for the
// host, or else credsStore; then the entries of auths, those that podman keeps
// for a repository or a namespace first, the longest match winning, then those
// for the host, also as the URLs that old versions of docker wrote. The first
// credential that is found counts. Docker Hub goes by the key
// https://index.docker.io/v1/.
//
// The zero value finds nothing. A Config is safe for concurrent use and must not
// be copied once used.
type Config struct {
	// Files are the names of the configuration files, in the order in which
	// they are searched. Store writes to the first.
	Files []string

	// Inline is the text of a configuration file that goes before Files, ""
	// for none: $DOCKER_AUTH_CONFIG of docker 28.
	Inline string

	// HelperPath lists the directories in which credential helpers are looked
	// for, in the form of $PATH. Relative ones are passed over.
	HelperPath string

	// HelperOutput receives what helpers print on standard error, which may be
	// addressed to the user; several may write at once. Nil drops it.
	HelperOutput io.Writer

	helpers cache[helperKey, Credential] // what they have said
}

// ConfigFromEnv is the Config that an environment describes, as os.Getenv
// returns it. A file that a variable names goes before one in its usual place:
//
//   - $DOCKER_CONFIG/config.json, or else ~/.docker/config.json;
//   - $REGISTRY_AUTH_FILE, or else podman's usual files: auth.json under
//     $XDG_RUNTIME_DIR/containers (/run/containers/UID on Linux without that
//     variable) and under $XDG_CONFIG_HOME/containers (~/.config/containers).
//
// $DOCKER_AUTH_CONFIG, when set, is Inline, and $PATH is HelperPath.
func ConfigFromEnv(env func(string) string) *Config {
	var named, usual []string
	home := homeDir(env)
	if dir := env("DOCKER_CONFIG"); dir != "" {
		named = append(named, filepath.Join(dir, "config.json"))
	} else if home != "" {
		usual = append(usual, filepath.Join(home, ".docker", "config.json"))
	}
	if name := env("REGISTRY_AUTH_FILE"); name != "" {
		named = append(named, name)
	} else {
		usual = append(usual, podmanFiles(env, home)...)
	}
	return &Config{
		Files:      append(named, usual...),
		Inline:     env("DOCKER_AUTH_CONFIG"),
		HelperPath: env("PATH"),
	}
}

func homeDir(env func(string) string) string {
	if runtime.GOOS == "windows" {
		return env("USERPROFILE")
	}
	return env("HOME")
}

// podmanFiles are the files of containers-auth.json(5), but for docker's.
func podmanFiles(env func(string) string, home string) []string {
	var dirs []string
	if dir := env("XDG_RUNTIME_DIR"); dir != "" {
		dirs = append(dirs, filepath.Join(dir, "containers"))
	} else if runtime.GOOS == "linux" {
		dirs = append(dirs, filepath.Join("/run/containers", strconv.Itoa(os.Getuid())))
	}
	if dir := env("XDG_CONFIG_HOME"); dir != "" {
		dirs = append(dirs, filepath.Join(dir, "containers"))
	} else if home != "" {
		dirs = append(dirs, filepath.Join(home, ".config", "containers"))
	}
	var files []string
	for _, dir := range dirs {
		files = append(files, filepath.Join(dir, "auth.json"))
	}
	return files
}

// Credential implements [Credentials]. Helpers are run at most once for each
// host until [Config.Forget].
func (c *Config) Credential(ctx context.Context, host, repository string) (Credential, error) {
	if c.Inline != "" {
		f, err := parseConfigFile("$DOCKER_AUTH_CONFIG", []byte(c.Inline))
		if err != nil {
			return Credential{}, err
		}
		if found, err := f.find(host, repository); err != nil || !found.Anonymous() {
			return found, err
		}
	}
	var failed error
	for _, name := range c.Files {
		f, err := readConfigFile(name)
		if err != nil {
			return Credential{}, err
		}
		found, err := c.search(ctx, f, host, repository)
		if !found.Anonymous() {
			return found, nil
		}
		failed = cmp.Or(failed, err)
	}
	return Credential{}, failed
}

// search asks the helper of one file, then the file itself. A helper that fails
// matters only when nothing is found without it.
func (c *Config) search(ctx context.Context, f configFile, host, repository string) (Credential, error) {
	h, err := c.helperFor(f, host)
	if err != nil {
		return Credential{}, err
	}
	found, failed := c.helpers.get(ctx, helperKey{h.name, h.server}, h.get)
	if !found.Anonymous() {
		return found, nil
	}
	found, err = f.find(host, repository)
	if err != nil || !found.Anonymous() {
		return found, err
	}
	return Credential{}, failed
}

// Forget implements [Forgetter]: helpers are run anew. Files always are read
// anew.
func (c *Config) Forget(string) { c.helpers.clear() }

// Store keeps a credential for host, in place of the one that was there: with
// the credential helper that the first of Files names for host, otherwise in
// that file itself, which then is readable by its owner alone. The rest of the
// file stays as it is but for white space; the file is replaced in one step,
// and created with its directory when absent. It returns where the credential
// is now: the name of the file or of the helper program.
func (c *Config) Store(ctx context.Context, host string, cred Credential) (where string, err error) {
	if len(c.Files) == 0 {
		return "", errors.New("no file to store credentials in: set HOME or DOCKER_CONFIG")
	}
	if err := checkHost(host); err != nil {
		return "", err
	}
	defer c.helpers.clear()
	name := c.Files[0]
	err = editConfigFile(ctx, name, func(f configFile) (configFile, error) {
		h, err := c.helperFor(f, host)
		if err != nil {
			return f, err
		}
		where = cmp.Or(h.program(), name)
		if h.name == "" {
			return f.store(host, cred)
		}
		if err := h.store(ctx, cred); err != nil {
			return f, err
		}
		return f.store(host, Credential{})
	})
	return where, err
}

// Erase removes the credential for host as a whole from every one of Files and
// the credential helpers that they name for it, and reports whether there was
// one. It does not touch podman's entries for namespaces, nor Inline.
func (c *Config) Erase(ctx context.Context, host string) (found bool, err error) {
	defer c.helpers.clear()
	var problems []error
	for _, name := range c.Files {
		here, err := c.eraseFrom(ctx, name, host)
		found = found || here
		problems = append(problems, err)
	}
	return found, errors.Join(problems...)
}

func (c *Config) eraseFrom(ctx context.Context, name, host string) (found bool, err error) {
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	err = editConfigFile(ctx, name, func(f configFile) (configFile, error) {
		h, err := c.helperFor(f, host)
		if err != nil {
			return f, err
		}
		held, failed := h.erase(ctx)
		changed, kept, err := f.erase(host)
		found = held || kept
		return changed, errors.Join(failed, err)
	})
	return found, err
}

// helperFor is the helper that a file names for host; its zero value is none.
func (c *Config) helperFor(f configFile, host string) (helper, error) {
	name, key, err := f.helper(host)
	if err != nil || name == "" {
		return helper{}, err
	}
	return helper{
		name:   name,
		origin: key + " in " + f.name,
		server: configKey(host),
		path:   c.HelperPath,
		output: c.HelperOutput,
	}, nil
}
