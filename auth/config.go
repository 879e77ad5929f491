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

// Config finds credentials in the configuration files of docker and podman and through the
// credential helpers that these files name. It implements [Credentials] and [Forgetter].
//
// A file is read each time a credential is needed. A missing file has no credentials; a file that
// cannot be parsed is an error. Files are searched in order, and the first credential found is
// used. In each file the order is:
//
//  1. the helper that credHelpers names for the host, or else the one of credsStore
//  2. podman's entries in auths for the repository and its namespaces, the longest first
//  3. the entries in auths for the host, also as a URL, as old versions of docker wrote them
//
// The key of Docker Hub is https://index.docker.io/v1/.
//
// The zero value finds nothing. A Config is safe for concurrent use and must not be copied after
// the first use.
type Config struct {
	// Files are the names of the configuration files in the order of search. Store writes to the
	// first.
	Files []string

	// Inline is the text of a configuration file that is searched before Files: the
	// $DOCKER_AUTH_CONFIG of docker 28.
	Inline string

	// Helpers are credential helpers by host ("ghcr.io", "docker.io"), named as in credHelpers. For its
	// host a helper is asked before everything else, and Store and Erase use it too. HelpersOrigin says
	// in messages who names them.
	Helpers       map[string]string
	HelpersOrigin string

	// HelperPath lists the directories of credential helpers in the form of $PATH. Relative
	// directories are skipped.
	HelperPath string

	// HelperOutput, if not nil, gets the standard error of helpers, which may contain instructions
	// for the user. It must allow concurrent writes.
	HelperOutput io.Writer

	// OnHelperWait, if not nil, is called with the program of a helper that has not answered for 5
	// seconds. After 60 seconds a helper is killed, which is a [HelperError]. It may be called
	// concurrently.
	OnHelperWait func(program string)

	wait    helperWait // without onSlow
	helpers cache[helperKey, Credential]
}

// ConfigFromEnv returns the Config of an environment; env is a function such as os.Getenv. Files
// that a variable names are searched before files in their default locations:
//
//   - $DOCKER_CONFIG/config.json, or else ~/.docker/config.json
//   - $REGISTRY_AUTH_FILE, or else podman's files: auth.json in $XDG_RUNTIME_DIR/containers
//     (/run/containers/UID on Linux without that variable) and in $XDG_CONFIG_HOME/containers
//     (~/.config/containers)
//
// Inline is $DOCKER_AUTH_CONFIG, and HelperPath is $PATH.
func ConfigFromEnv(env func(string) string) *Config {
	var named, defaults []string
	home := HomeDir(env)
	if dir := env("DOCKER_CONFIG"); dir != "" {
		named = append(named, filepath.Join(dir, "config.json"))
	} else if home != "" {
		defaults = append(defaults, filepath.Join(home, ".docker", "config.json"))
	}
	if name := env("REGISTRY_AUTH_FILE"); name != "" {
		named = append(named, name)
	} else {
		defaults = append(defaults, podmanFiles(env, home)...)
	}
	return &Config{
		Files:      append(named, defaults...),
		Inline:     env("DOCKER_AUTH_CONFIG"),
		HelperPath: env("PATH"),
	}
}

// HomeDir returns the user's folder, "" if it is not known. env is a function such as os.Getenv.
func HomeDir(env func(string) string) string { return env(homeVariable(runtime.GOOS)) }

func homeVariable(goos string) string {
	if goos == "windows" {
		return "USERPROFILE"
	}
	return "HOME"
}

// podmanFiles returns the files of containers-auth.json(5) except docker's.
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

// Credential implements [Credentials]. It runs a helper at most once for each host until
// [Config.Forget].
func (c *Config) Credential(ctx context.Context, host, repository string) (Credential, error) {
	if h := c.ownHelper(host); h.name != "" {
		found, err := c.helpers.get(ctx, helperKey{h.name, h.server}, h.get)
		if err != nil || !found.Anonymous() {
			return found, err
		}
	}
	if c.Inline != "" {
		f, err := parseConfigFile("$DOCKER_AUTH_CONFIG", []byte(c.Inline))
		if err != nil {
			return Credential{}, err
		}
		if found, err := f.find(host, repository); err != nil || !found.Anonymous() {
			return found, err
		}
	}
	var helperErr error
	for _, name := range c.Files {
		f, err := readConfigFile(name)
		if err != nil {
			return Credential{}, err
		}
		found, err := c.searchFile(ctx, f, host, repository)
		if !found.Anonymous() {
			return found, nil
		}
		helperErr = cmp.Or(helperErr, err)
	}
	return Credential{}, helperErr
}

// searchFile searches the helper of a file and then the file itself. An error of the helper is
// returned only if the file has no credential.
func (c *Config) searchFile(ctx context.Context, f configFile, host, repository string) (Credential, error) {
	h, err := c.helperFor(f, host)
	if err != nil {
		return Credential{}, err
	}
	found, helperErr := c.helpers.get(ctx, helperKey{h.name, h.server}, h.get)
	if !found.Anonymous() {
		return found, nil
	}
	found, err = f.find(host, repository)
	if err != nil || !found.Anonymous() {
		return found, err
	}
	return Credential{}, helperErr
}

// Forget implements [Forgetter]. It drops the results of all helpers.
func (c *Config) Forget(string) { c.helpers.clear() }

// Store stores a credential for host and replaces the old one. It uses the credential helper that
// the first of Files names for host, otherwise that file. It returns the name of the helper program
// or of the file.
//
// The file is created, with its directory, if it does not exist. It is replaced atomically, gets
// mode 0600, and keeps all its other content except for white space.
func (c *Config) Store(ctx context.Context, host string, cred Credential) (where string, err error) {
	if len(c.Files) == 0 {
		return "", errors.New("no file to store credentials in: set HOME or DOCKER_CONFIG")
	}
	if err := checkHost(host); err != nil {
		return "", err
	}
	defer c.helpers.clear()
	if h := c.ownHelper(host); h.name != "" {
		return h.program(), h.store(ctx, cred)
	}
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

// Erase removes the credential for host from all Files and from the credential helpers that they
// name for it. It reports whether there was one. It does not change podman's entries for
// namespaces, nor Inline.
func (c *Config) Erase(ctx context.Context, host string) (found bool, err error) {
	defer c.helpers.clear()
	var errs []error
	if h := c.ownHelper(host); h.name != "" {
		found, err = h.erase(ctx)
		errs = append(errs, err)
	}
	for _, name := range c.Files {
		foundHere, err := c.eraseFrom(ctx, name, host)
		found = found || foundHere
		errs = append(errs, err)
	}
	return found, errors.Join(errs...)
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
		inHelper, helperErr := h.erase(ctx)
		changed, inFile, err := f.erase(host)
		found = inHelper || inFile
		return changed, errors.Join(helperErr, err)
	})
	return found, err
}

// helperFor returns the helper that a file names for host, or the zero helper.
func (c *Config) helperFor(f configFile, host string) (helper, error) {
	name, key, err := f.helper(host)
	if err != nil || name == "" {
		return helper{}, err
	}
	return c.newHelper(name, key+" in "+f.name, host), nil
}

// ownHelper returns the helper of Helpers for host, or the zero helper.
func (c *Config) ownHelper(host string) helper {
	for _, key := range hostKeys(host) {
		if name := c.Helpers[key]; name != "" {
			return c.newHelper(name, c.HelpersOrigin, host)
		}
	}
	return helper{}
}

func (c *Config) newHelper(name, origin, host string) helper {
	wait := c.wait
	wait.onSlow = c.OnHelperWait
	return helper{
		name:   name,
		origin: origin,
		server: configKey(host),
		path:   c.HelperPath,
		output: c.HelperOutput,
		wait:   wait,
	}
}

// Place is where the credential of a host is looked for.
type Place struct {
	Name   string // of a file, a helper's program, or $DOCKER_AUTH_CONFIG
	Origin string // of a helper: which file names it
	Helper bool
	Found  bool // a file has a credential for the host; helpers are not asked
}

// Places returns where the credential of host is looked for, in the order of [Config.Credential]. It
// runs no helper, and leaves out files that do not exist.
func (c *Config) Places(host string) ([]Place, error) {
	var out []Place
	add := func(h helper) {
		if h.name != "" {
			out = append(out, Place{Name: h.program(), Origin: h.origin, Helper: true})
		}
	}
	add(c.ownHelper(host))
	if c.Inline != "" {
		f, err := parseConfigFile("$DOCKER_AUTH_CONFIG", []byte(c.Inline))
		if err != nil {
			return nil, err
		}
		found, err := f.find(host, "")
		if err != nil {
			return nil, err
		}
		out = append(out, Place{Name: f.name, Found: !found.Anonymous()})
	}
	for _, name := range c.Files {
		if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
			continue
		}
		f, err := readConfigFile(name)
		if err != nil {
			return nil, err
		}
		h, err := c.helperFor(f, host)
		if err != nil {
			return nil, err
		}
		add(h)
		found, err := f.find(host, "")
		if err != nil {
			return nil, err
		}
		out = append(out, Place{Name: name, Found: !found.Anonymous()})
	}
	return out, nil
}
