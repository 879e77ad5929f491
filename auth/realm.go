package auth

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// resolveRealm reads the realm of a challenge that came with the answer to a
// request for "at", which matters for a relative one.
func resolveRealm(at *url.URL, realm string) (*url.URL, bool) {
	if realm == "" {
		return nil, false
	}
	u, err := at.Parse(realm)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, false
	}
	u.User = nil // whoever we are there, we say ourselves
	u.Fragment, u.RawFragment = "", ""
	return u, true
}

// checkRealm decides whether a registry may name a token server that will be
// sent credentials. A registry in the local network may name any. One outside
// may name neither a server inside, which would make this client the
// attacker's arm, nor, when it is itself on HTTPS, one on plain HTTP.
func checkRealm(registry, realm *url.URL) error {
	if isLocal(registry.Hostname()) {
		return nil
	}
	if registry.Scheme == "https" && realm.Scheme != "https" {
		return fmt.Errorf("refused: the registry is on https, but its token server %s is not, and would be sent credentials in the clear", shown(realm))
	}
	if isLocal(realm.Hostname()) {
		return fmt.Errorf("refused: a registry outside the local network named the token server %s inside it", shown(realm))
	}
	return nil
}

// isLocal reports whether host is, by the look of it, on this machine or in a
// local network: an address that is not routed on the Internet, "localhost", or
// a name without a dot. No name is looked up. A number that is not an IP
// address in its usual form counts as local, since resolvers differ on it.
func isLocal(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return isLocalAddr(addr.WithZone("").Unmap())
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last == host || last == "localhost" || last == "" || '0' <= last[0] && last[0] <= '9'
}

func isLocalAddr(addr netip.Addr) bool {
	return addr.IsPrivate() || !addr.IsGlobalUnicast() || sharedAddresses.Contains(addr)
}

// sharedAddresses is the range behind carrier-grade NAT (RFC 6598), which VPNs
// use too.
var sharedAddresses = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
