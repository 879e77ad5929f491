package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// parseRealm parses the realm of a challenge. A relative realm is resolved against at, the URL of
// the challenged request.
func parseRealm(at *url.URL, realm string) (*url.URL, bool) {
	if realm == "" {
		return nil, false
	}
	u, err := at.Parse(realm)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, false
	}
	u.User = nil // credentials never come from a challenge
	u.Fragment, u.RawFragment = "", ""
	return u, true
}

// ErrPlainRealm is the cause of an [*Error] if a registry on HTTPS named a token server on plain
// HTTP.
var ErrPlainRealm = errors.New("credentials and tokens would be sent unencrypted")

// checkRealm returns an error if a registry may not name a token server to which credentials will
// be sent. If it is on HTTPS it may not name one on plain HTTP, unless both are on this machine. If
// it is outside the local network it may not name a server inside it, which an attacker could reach
// through this client.
func checkRealm(registry, realm *url.URL) error {
	onlyHere := isLoopback(registry.Hostname()) && isLoopback(realm.Hostname())
	if registry.Scheme == "https" && realm.Scheme != "https" && !onlyHere {
		return fmt.Errorf("refused: the registry uses https, but its token server %s does not; %w",
			displayURL(realm), ErrPlainRealm)
	}
	if !isLocal(registry.Hostname()) && isLocal(realm.Hostname()) {
		return fmt.Errorf("refused: a registry outside the local network named the token server %s inside it",
			displayURL(realm))
	}
	return nil
}

// isLoopback reports whether host is an address of this machine alone, or localhost or a name below
// it (RFC 6761, section 6.3).
func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// isLocal reports whether host looks like one on this machine or in a local network: an address
// that is not routed on the Internet, "localhost", or a name without a dot. Names are not looked
// up. A number that is not an IP address in its usual form is local, since resolvers differ on it.
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

// sharedAddresses is the range of carrier-grade NAT (RFC 6598), which VPNs use too.
var sharedAddresses = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
