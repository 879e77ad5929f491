package run

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/config"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/wire"
)

// Setting is one thing that holds for a host, and who says so. None has a secret.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

const (
	fromDefault  = "default"
	fromLoopback = "loopback host"
)

// explanation collects the settings of a remote's host.
type explanation struct {
	remote *Remote
	host   config.Host
	out    []Setting
}

func (e *explanation) add(name, value, from string) {
	e.out = append(e.out, Setting{name, value, from})
}

// Explain returns what would be used to reach the remote's Host, without a call and without running a
// credential helper.
func (m *Remote) Explain() ([]Setting, error) {
	e := &explanation{remote: m, host: m.run.config.Host(m.Host)}
	e.addFile()
	e.addProtocol()
	e.addMirrors()
	if err := e.addAccount(); err != nil {
		return nil, err
	}
	if err := e.addCertificates(); err != nil {
		return nil, err
	}
	e.addProxy()
	for _, name := range slices.Sorted(maps.Keys(m.run.config.Defaults)) {
		e.add("--"+name, m.run.config.Defaults[name], m.run.config.Path+" defaults")
	}
	return e.out, nil
}

func (e *explanation) addFile() {
	path, named := config.Path(e.remote.run.Env)
	from := fromDefault
	if named {
		from = "$TRANSSHIP_CONFIG"
	}
	if e.remote.run.config.Path == "" {
		path = "none"
	}
	e.add("configuration", path, from)
}

// flagOr returns the name of a flag if it is given for the host, else the other origin.
func (e *explanation) flagOr(name, other string) string {
	if e.remote.isGiven(name) {
		return "--" + e.remote.flag(name)
	}
	return cmp.Or(other, fromDefault)
}

func (e *explanation) addProtocol() {
	s := e.remote.settings()
	host, _ := url.Parse("https://" + e.remote.Host)
	switch {
	case s.plainHTTP:
		e.add("protocol", "HTTP without TLS", e.flagOr("plain-http", e.host.From))
		return
	case s.insecureHTTP:
		e.add("protocol", "HTTP if it speaks that, else HTTPS", e.host.InsecureFrom)
	case wire.IsLoopback(host.Hostname()):
		e.add("protocol", "HTTP if it speaks that, else HTTPS", fromLoopback)
	default:
		e.add("protocol", "HTTPS", e.flagOr("plain-http", ""))
	}
	if s.tls.Insecure {
		e.add("TLS", "the certificate is not verified", e.flagOr("insecure", e.host.InsecureFrom))
	} else {
		e.add("TLS", "the certificate is verified", e.flagOr("insecure", ""))
	}
}

func (e *explanation) addMirrors() {
	for _, m := range e.host.Mirrors {
		text := m.String()
		if m.PlainHTTP {
			text = "http://" + text
		}
		e.add("mirror", text, e.host.MirrorsFrom)
	}
	if e.host.DigestsOnly {
		e.add("tags", "asked of the registry itself, not of mirrors", e.host.MirrorsFrom)
	}
}

// addAccount adds the places that are asked for an account, up to the first that has one.
func (e *explanation) addAccount() error {
	if e.remote.Creds != "" {
		e.add("account", "given", "--"+e.remote.flag("creds"))
		return nil
	}
	places, err := e.remote.run.AuthConfig().Places(e.remote.Host)
	if err != nil {
		return &auth.CredentialsError{Host: e.remote.Host, Err: err}
	}
	none := "anonymous"
	for _, p := range places {
		switch {
		case p.Helper:
			none = "anonymous otherwise"
			e.add("account", p.Name+", if it has one", p.Origin)
		case p.Found:
			e.add("account", "stored", p.Name)
			return nil
		}
	}
	e.add("account", none, fromDefault)
	return nil
}

func (e *explanation) addCertificates() error {
	s := e.remote.settings()
	if s.plainHTTP {
		return nil
	}
	if s.tls.CAFile != "" {
		e.add("CA", existing(s.tls.CAFile), e.flagOr("ca", e.host.From))
	}
	if s.tls.CertFile != "" {
		e.add("client certificate", existing(s.tls.CertFile), e.flagOr("cert", e.host.From))
	}
	if s.tls.KeyFile != "" {
		e.add("its key", existing(s.tls.KeyFile), e.flagOr("key", e.host.From))
	}
	roots, certs, err := wire.CertsFiles(distribution.OptionsFromEnv(e.remote.run.Env).CertsDirs, e.remote.Host)
	for _, path := range roots {
		e.add("CA", path, "certs.d")
	}
	for _, path := range certs {
		e.add("client certificate", path, "certs.d")
	}
	return err
}

// existing returns a path, and says so if there is no such file.
func existing(path string) string {
	if _, err := os.Stat(path); err != nil {
		return path + " (it cannot be read)"
	}
	return path
}

// addProxy adds the proxy that net/http would choose.
func (e *explanation) addProxy() {
	u := &url.URL{Scheme: "https", Host: e.remote.Host, Path: "/v2/"}
	names := []string{"HTTPS_PROXY", "https_proxy"}
	if e.remote.settings().plainHTTP {
		u.Scheme, names = "http", []string{"HTTP_PROXY", "http_proxy"}
	}
	env, from := e.remote.run.Env, ""
	for _, name := range names {
		if from == "" && env(name) != "" {
			from = name
		}
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	switch {
	case err == nil && proxy != nil:
		e.add("proxy", wire.Redact(proxy), from)
	case from == "":
		e.add("proxy", "none", fromDefault)
	case wire.IsLoopback(u.Hostname()):
		e.add("proxy", "none", fromLoopback)
	case env("NO_PROXY")+env("no_proxy") == "":
		e.add("proxy", "none, since the variable has no URL of a proxy", from)
	default:
		e.add("proxy", "none", "NO_PROXY")
	}
}
