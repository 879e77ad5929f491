package config

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"runtime"
	"slices"
)

// daemon is what docker's daemon.json says about registries.
type daemon struct {
	path     string
	mirrors  []Mirror // of Docker Hub
	insecure []string // hosts
	networks []*net.IPNet
}

// defaultDaemon returns the name of docker's own file.
func defaultDaemon() string {
	if runtime.GOOS == "windows" {
		return `C:\ProgramData\docker\config\daemon.json`
	}
	return filepath.FromSlash("/etc/docker/daemon.json")
}

// readDaemon reads registry-mirrors and insecure-registries; other members are dockerd's business.
// docker's own file may be missing.
func readDaemon(ctx context.Context, path string) (daemon, error) {
	d := daemon{path: path}
	root, err := readFile(ctx, path)
	if errors.Is(err, fs.ErrNotExist) && path == defaultDaemon() {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	err = root.eachMember(func(name string, n node) error {
		switch name {
		case "registry-mirrors":
			return readMirrors(n, "docker.io", &d.mirrors)
		case "insecure-registries":
			return n.list(d.addInsecure)
		}
		return nil
	})
	return d, inFile(path, err)
}

// addInsecure adds a host, or a network of hosts.
func (d *daemon) addInsecure(n node) error {
	var text string
	if err := n.text(&text); err != nil {
		return err
	}
	if _, network, err := net.ParseCIDR(text); err == nil {
		d.networks = append(d.networks, network)
		return nil
	}
	if !isHost(text) {
		return n.problem("want host[:port] or a network such as 10.0.0.0/8")
	}
	d.insecure = append(d.insecure, hostKey(text))
	return nil
}

// complete adds to h what docker's file says about a host, and the configuration does not.
func (d *daemon) complete(host string, h *Host) {
	if host == "docker.io" && len(h.Mirrors) == 0 && len(d.mirrors) > 0 {
		h.Mirrors, h.MirrorsFrom = d.mirrors, d.path+" registry-mirrors"
	}
	inNetworks := slices.ContainsFunc(d.networks, func(n *net.IPNet) bool { return inNetwork(host, n) })
	if (inNetworks || slices.Contains(d.insecure, host)) && !h.PlainHTTP && h.CA == "" && !h.Insecure {
		h.Insecure, h.InsecureHTTP, h.InsecureFrom = true, true, d.path+" insecure-registries"
	}
}
