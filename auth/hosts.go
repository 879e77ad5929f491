package auth

import (
	"maps"
	"slices"
)

// Hosts returns the hosts that the configuration files have credentials or a helper for, sorted, and
// with them podman's namespaces (host/path). It runs no helper, and leaves out files that cannot be
// read: it is for suggestions.
func (c *Config) Hosts() []string {
	hosts := map[string]bool{}
	for _, name := range c.Files {
		f, err := readConfigFile(name)
		if err != nil {
			continue
		}
		for _, section := range []string{"auths", "credHelpers"} {
			entries, err := f.section(section)
			if err != nil {
				continue
			}
			for _, e := range entries {
				hosts[displayHost(keyHost(e.key))] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(hosts))
}

// displayHost returns the name of Docker Hub that image names have, and other hosts as they are.
func displayHost(host string) string {
	if slices.Contains(hubHosts, host) {
		return "docker.io"
	}
	return host
}
