package config

import (
	"net"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
)

// hubHost is Docker Hub's host in URLs.
const hubHost = "registry-1.docker.io"

// hostKey returns the name of a host, as references or URLs have it, in the configuration.
func hostKey(host string) string {
	host = strings.ToLower(host)
	if host == hubHost || host == "index.docker.io" {
		return "docker.io"
	}
	return host
}

// Host returns what the configuration says about a host: the file, and for what it leaves out docker's
// daemon.json.
func (f *File) Host(host string) Host {
	h := f.hosts[hostKey(host)]
	f.daemon.complete(hostKey(host), &h)
	return h
}

// MirroredHosts returns the hosts that have mirrors, as references name them, sorted.
func (f *File) MirroredHosts() []string {
	var out []string
	for name, h := range f.hosts {
		if len(h.Mirrors) > 0 {
			out = append(out, name)
		}
	}
	if len(f.daemon.mirrors) > 0 && !slices.Contains(out, "docker.io") {
		out = append(out, "docker.io")
	}
	slices.Sort(out)
	return out
}

// Helpers returns the credential helpers by host.
func (f *File) Helpers() map[string]string {
	out := map[string]string{}
	for name, h := range f.hosts {
		if h.Helper != "" {
			out[name] = h.Helper
		}
	}
	return out
}

// readHost reads one member of hosts.
func (f *File) readHost(name string, n node) error {
	if key := hostKey(name); key != name {
		return n.problem("write the host as %s", key)
	}
	if !isHost(name) {
		return n.problem("this is not the host of a registry, such as registry.example.com:5000 or docker.io")
	}
	h := Host{From: f.Path + " " + n.path}
	from := ""
	err := n.object(map[string]func(node) error{
		"mirrors":           func(n node) error { return readMirrors(n, name, &h.Mirrors) },
		"pull-from-mirror":  func(n node) error { return readUse(n, &h.DigestsOnly) },
		"plain-http":        func(n node) error { return n.flag(&h.PlainHTTP) },
		"insecure":          func(n node) error { return n.flag(&h.Insecure) },
		"ca":                f.filePath(&h.CA),
		"cert":              f.filePath(&h.Cert),
		"key":               f.filePath(&h.Key),
		"credential-helper": func(n node) error { return readHelper(n, &h.Helper) },
	})
	switch {
	case err != nil:
		return err
	case (h.Cert == "") != (h.Key == ""):
		return n.problem("cert and key belong together: one of them is missing")
	case h.PlainHTTP && (h.CA != "" || h.Cert != "" || h.Insecure):
		return n.problem("plain-http is without TLS: ca, cert, key and insecure say nothing then")
	case h.DigestsOnly && len(h.Mirrors) == 0:
		return n.problem("pull-from-mirror needs mirrors")
	}
	if len(h.Mirrors) > 0 {
		h.MirrorsFrom = h.From
	}
	if h.Insecure {
		from = h.From
	}
	h.InsecureFrom = from
	f.hosts[name] = h
	return nil
}

// isHost reports whether a name is host[:port] in references.
func isHost(name string) bool {
	ref, err := reference.Parse(name + "/x/y")
	return err == nil && ref.Domain == name
}

// readUse reads what mirrors are asked for, spelled as in registries.conf.
func readUse(n node, digestsOnly *bool) error {
	var use string
	if err := n.text(&use); err != nil {
		return err
	}
	*digestsOnly = use == "digest-only"
	if use != "all" && !*digestsOnly {
		return n.problem(`want "all" or "digest-only"`)
	}
	return nil
}

func readHelper(n node, to *string) error {
	if err := n.text(to); err != nil {
		return err
	}
	if strings.ContainsAny(*to, `/\ `) || strings.HasPrefix(*to, "docker-credential-") {
		return n.problem("want the name of a helper as in docker's credHelpers, without docker-credential- and without a folder")
	}
	return nil
}

// readMirrors reads the mirrors of a host.
func readMirrors(n node, of string, to *[]Mirror) error {
	return n.list(func(item node) error {
		m, err := readMirror(item)
		switch {
		case err != nil:
			return err
		case hostKey(m.Host) == of && m.Prefix == "":
			return item.problem("this is the registry itself, which is asked last anyway")
		case slices.ContainsFunc(*to, func(other Mirror) bool { return other.String() == m.String() }):
			return item.problem("this mirror comes twice")
		}
		*to = append(*to, m)
		return nil
	})
}

// readMirror reads host[:port][/prefix], with http:// or https:// or without.
func readMirror(n node) (m Mirror, err error) {
	var text string
	if err := n.text(&text); err != nil {
		return m, err
	}
	rest, plain := strings.CutPrefix(text, "http://")
	rest = strings.TrimSuffix(strings.TrimPrefix(rest, "https://"), "/")
	host, prefix, _ := strings.Cut(rest, "/")
	m = Mirror{Host: strings.ToLower(host), Prefix: prefix, PlainHTTP: plain}
	if m.Host == "docker.io" {
		m.Host = hubHost
	}
	switch {
	case strings.Contains(rest, "@"): // the value is not shown: it may be a password
		return m, n.problem("a mirror is written without an account; transship login stores one")
	case prefix == "v2" || strings.HasPrefix(prefix, "v2/"):
		return m, n.problem("leave out /v2: it is added before the prefix")
	case !isHost(m.Host) || prefix != "" && !reference.ValidPath(prefix):
		return m, n.problem("want host[:port][/prefix], such as mirror.example.com or harbor.example.com/proxy")
	}
	return m, nil
}

// inNetwork reports whether a host is an address in a network.
func inNetwork(host string, network *net.IPNet) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	address := net.ParseIP(strings.Trim(name, "[]"))
	return address != nil && network.Contains(address)
}
