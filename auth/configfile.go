package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hczjl/transship/distribution/wire"
)

// hubKey is the key of Docker Hub in configuration files and credential helpers.
const hubKey = "https://index.docker.io/v1/"

// hubHosts are the hosts of Docker Hub.
var hubHosts = []string{"docker.io", "index.docker.io", "registry-1.docker.io"}

// configFile is one docker or podman configuration file.
type configFile struct {
	name    string // for messages
	root    object
	changed bool // the file must be written
}

// maxConfigFile limits a configuration file, in bytes.
const maxConfigFile = 16 << 20

// readConfigFile reads a file. A missing file is empty.
func readConfigFile(name string) (configFile, error) {
	data, err := wire.ReadFile(name, maxConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return configFile{name: name}, nil
	}
	if err != nil {
		return configFile{}, fmt.Errorf("reading the registry configuration: %w", err)
	}
	return parseConfigFile(name, data)
}

func parseConfigFile(name string, data []byte) (configFile, error) {
	root, err := parseObject(data)
	if err != nil {
		return configFile{}, fmt.Errorf("registry configuration %s: %w", name, err)
	}
	return configFile{name: name, root: root}, nil
}

// section returns a member that must be an object.
func (f configFile) section(key string) (object, error) {
	o, err := parseObject(f.root.get(key))
	if err != nil {
		return nil, fmt.Errorf("registry configuration %s: %q: %w", f.name, key, err)
	}
	return o, nil
}

// stringValue decodes a value that must be a string; path names it in the error.
func (f configFile) stringValue(path string, value json.RawMessage) (string, error) {
	var text string
	if value == nil {
		return "", nil
	}
	if err := json.Unmarshal(value, &text); err != nil {
		return "", fmt.Errorf("registry configuration %s: %s: expected a JSON string", f.name, path)
	}
	return text, nil
}

// helper returns the name of the credential helper for host, without its prefix, and the key that
// configures it. The name is "" if the file itself has the credentials. As in docker, an entry of
// credHelpers takes precedence over credsStore even if it is "".
func (f configFile) helper(host string) (name, key string, err error) {
	helpers, err := f.section("credHelpers")
	if err != nil {
		return "", "", err
	}
	for _, k := range hostKeys(host) {
		if value := helpers.get(k); value != nil {
			name, err = f.stringValue("credHelpers of "+k, value)
			return name, "credHelpers", err
		}
	}
	name, err = f.stringValue("credsStore", f.root.get("credsStore"))
	return name, "credsStore", err
}

// find searches auths for the credential of host and repository. Podman's entries for a repository
// or a namespace take precedence over those for the host, the longest first. Entries without a
// credential, which docker writes if a helper has it, are skipped.
func (f configFile) find(host, repository string) (Credential, error) {
	auths, err := f.section("auths")
	if err != nil {
		return Credential{}, err
	}
	keys := append(namespaceKeys(host, repository), hostKeys(host)...)
	for _, key := range append(keys, urlKeys(auths, host)...) {
		found, err := f.credential(key, auths.get(key))
		if err != nil || !found.Anonymous() {
			return found, err
		}
	}
	return Credential{}, nil
}

// credential decodes the entry of a key; value is nil if there is none.
func (f configFile) credential(key string, value json.RawMessage) (Credential, error) {
	if value == nil {
		return Credential{}, nil
	}
	var entry struct {
		Auth, Username, Password     string
		IdentityToken, RegistryToken string
	}
	if json.Unmarshal(value, &entry) != nil {
		return Credential{}, f.entryError(key, "expected an object of strings")
	}
	found := Credential{
		Username:      entry.Username,
		Password:      entry.Password,
		IdentityToken: entry.IdentityToken,
		RegistryToken: entry.RegistryToken,
	}
	if entry.Auth != "" {
		user, password, err := decodeAuth(entry.Auth)
		if err != nil {
			return Credential{}, f.entryError(key, err.Error())
		}
		found.Username, found.Password = user, password
	}
	if !found.Anonymous() {
		found.Source = f.name
	}
	return found, nil
}

func (f configFile) entryError(key, problem string) error {
	return fmt.Errorf("registry configuration %s: entry %q: %s", f.name, key, problem)
}

// decodeAuth decodes base64(user:password). Old versions of docker padded the password with zero
// bytes.
func decodeAuth(text string) (user, password string, err error) {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", "", errors.New(`"auth" is not valid base64`)
	}
	user, password, ok := strings.Cut(string(decoded), ":")
	if !ok || user == "" {
		return "", "", errors.New(`"auth" is not user:password`)
	}
	return user, strings.Trim(password, "\x00"), nil
}

// configKey returns the key for storing credentials for host.
func configKey(host string) string { return hostKeys(host)[0] }

// hostKeys returns the keys of host in today's form. The first is the one to write.
func hostKeys(host string) []string {
	host = keyHost(host)
	if slices.Contains(hubHosts, host) {
		return append([]string{hubKey}, hubHosts...)
	}
	return []string{host}
}

// namespaceKeys returns podman's keys (containers-auth.json(5)) for a repository and its
// namespaces, the longest first.
func namespaceKeys(host, repository string) []string {
	hosts := []string{keyHost(host)}
	if slices.Contains(hubHosts, hosts[0]) {
		hosts = hubHosts
	}
	var keys []string
	for path := repository; path != ""; {
		for _, h := range hosts {
			keys = append(keys, h+"/"+path)
		}
		path = path[:max(strings.LastIndexByte(path, '/'), 0)]
	}
	return keys
}

// urlKeys returns the keys of auths that have host in a URL, https first. Old versions of docker
// wrote these.
func urlKeys(auths object, host string) []string {
	var keys []string
	for _, m := range auths {
		if isURLKey(m.key) && slices.Contains(hostKeys(host), configKey(m.key)) {
			keys = append(keys, m.key)
		}
	}
	slices.Sort(keys)
	slices.Reverse(keys)
	return slices.Compact(keys)
}

// isURLKey reports whether key is a URL, with or without a scheme, and not podman's key for a
// namespace.
func isURLKey(key string) bool {
	_, path, _ := strings.Cut(key, "/")
	path = strings.Trim(path, "/")
	return strings.Contains(key, "://") || path == "" || path == "v1" || path == "v2"
}

// keyHost returns the host of a key that may be a URL, in lower case. It returns the key of a
// namespace unchanged.
func keyHost(key string) string {
	if !isURLKey(key) {
		return key
	}
	if _, rest, ok := strings.Cut(key, "://"); ok {
		key = rest
	}
	host, _, _ := strings.Cut(key, "/")
	return strings.ToLower(host)
}

// checkHost returns an error if host is not valid as the key of a registry.
func checkHost(host string) error {
	u, err := url.Parse("https://" + keyHost(host) + "/v2/")
	if err != nil || u.Hostname() == "" || u.Host != keyHost(host) || !utf8.ValidString(host) {
		return fmt.Errorf("%q is not the host of a registry", host)
	}
	return nil
}

// store returns the file with the credential under host's key. The rest of the file and of the
// entry is kept. An anonymous credential gives an entry without credential, as docker writes if a
// helper has it.
func (f configFile) store(host string, c Credential) (configFile, error) {
	auths, err := f.section("auths")
	if err != nil {
		return f, err
	}
	key := configKey(host)
	entry, err := parseObject(auths.get(key))
	if err != nil {
		return f, f.entryError(key, err.Error())
	}
	entry = entry.without(isSecretField)
	if c.Username != "" {
		entry = entry.set("auth", encodeString(strings.TrimPrefix(c.basicHeader(), "Basic ")))
	}
	if c.IdentityToken != "" {
		entry = entry.set("identitytoken", encodeString(c.IdentityToken))
	}
	if c.RegistryToken != "" {
		entry = entry.set("registrytoken", encodeString(c.RegistryToken))
	}
	f.root = f.root.set("auths", auths.set(key, entry.encode()).encode())
	f.changed = true
	return f, nil
}

func isSecretField(key string) bool {
	fields := []string{"auth", "username", "password", "identitytoken", "registrytoken"}
	return slices.Contains(fields, strings.ToLower(key))
}

// erase returns the file without its entries for host, and reports whether one of these had a
// credential. Entries for namespaces are kept.
func (f configFile) erase(host string) (changed configFile, found bool, err error) {
	auths, err := f.section("auths")
	if err != nil {
		return f, false, err
	}
	keys := append(hostKeys(host), urlKeys(auths, host)...)
	for _, key := range keys {
		old, err := f.credential(key, auths.get(key))
		found = found || err != nil || !old.Anonymous()
	}
	rest := auths.without(func(key string) bool { return slices.Contains(keys, key) })
	if len(rest) < len(auths) {
		f.root = f.root.set("auths", rest.encode())
		f.changed = true
	}
	return f, found, nil
}

// encode encodes the file as docker does, indented with tabs.
func (f configFile) encode() []byte {
	var b bytes.Buffer
	if json.Indent(&b, f.root.encode(), "", "\t") != nil {
		return f.root.encode() // cannot happen: all values are valid JSON
	}
	return b.Bytes()
}
